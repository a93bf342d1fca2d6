"""Products, exponentials and casts that compute the same on a GPU and in Triton's interpreter."""

from __future__ import annotations

import triton
import triton.language as tl
from triton import knobs

# Whether kernels of this process run in Triton's interpreter: fixed when they are decorated.
INTERPRETED: tl.constexpr = tl.constexpr(bool(knobs.runtime.interpret))

LOG2_E: tl.constexpr = tl.constexpr(1.4426950408889634)
LN_2: tl.constexpr = tl.constexpr(0.6931471805599453)


@triton.jit
def product(a, b):
    """Multiply matrices of one dtype, accumulated in float32; float32 ones are not rounded."""
    if INTERPRETED:
        # It multiplies the bit patterns of bfloat16 (triton#11584). Products of two bfloat16 are
        # exact in float32, so this is what tensor cores compute.
        return tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def narrow(x, dtype: tl.constexpr):
    """Round float32 to the dtype of the inputs."""
    if INTERPRETED:  # noqa: SIM102 (constants must be told apart when compiling)
        if dtype == tl.bfloat16:
            # The interpreter truncates where GPUs round to nearest, ties to even.
            bits = x.to(tl.uint32, bitcast=True)
            bits = bits + (0x7FFF + ((bits >> 16) & 1))
            x = bits.to(tl.float32, bitcast=True)
    return x.to(dtype)


@triton.jit
def reciprocal(x):
    """Return 1 / x: one instruction, where a division is five."""
    if INTERPRETED:
        return 1.0 / x
    return tl.inline_asm_elementwise(
        "rcp.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1
    )
