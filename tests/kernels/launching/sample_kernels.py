"""Small kernels with every kind of parameter, to be launched or interpreted."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["bias"])
def scaled(x, y, length, bias, factor, negate, offsets, BLOCK: tl.constexpr):
    """y = ±factor · x + bias (+ offsets, where there are any)."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < length
    values = tl.load(x + at, mask=inside, other=0.0).to(tl.float32) * factor
    if negate:
        values = -values
    if offsets is not None:
        values += tl.load(offsets + at, mask=inside, other=0)
    tl.store(y + at, (values + bias).to(y.dtype.element_ty), mask=inside)


@triton.jit
def product(a, b, out, length, SIZE: tl.constexpr):
    """A matrix product whose blocks need more shared memory than there is without asking."""
    rows, columns = tl.arange(0, SIZE)[:, None], tl.arange(0, SIZE)[None, :]
    total = tl.zeros((SIZE, SIZE), tl.float32)
    for start in range(0, length, SIZE):
        left = tl.load(a + rows * length + start + columns)
        right = tl.load(b + (start + rows) * SIZE + columns)
        total += tl.dot(left, right)
    tl.store(out + rows * SIZE + columns, total.to(out.dtype.element_ty))
