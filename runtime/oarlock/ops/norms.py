"""torch.norm: vector norms over dims, the Frobenius and the nuclear norm."""

# ruff: noqa: A004
from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.errors import UnsupportedError
from oarlock.ops.arithmetic import abs as absolute
from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import is_zero, widened, with_zero_gradient
from oarlock.ops.extremes import amax, amin
from oarlock.ops.logical import truth
from oarlock.ops.pointwise import exact_root
from oarlock.ops.promotion import COMPLEX, cast, category, filled, real_dtype
from oarlock.ops.reductions import dims_of, reduced_shape, sum


@autocasts
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The norm of order p over dims, all by default; "fro" is order 2, "nuc" the nuclear norm.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: bool or integer input without a dtype.
    """
    x = input if dtype is None else cast(input, dtype)
    if category(x.dtype) < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input."
        )
    if p == "nuc":
        return _nuclear(x, dim, keepdim)
    order = 2.0 if p == "fro" or p is None else float(p)
    return powered_norm(x, order, dims_of(x, dim), keepdim)


def powered_norm(x: Any, p: float, dims: list[int], keepdim: bool) -> Any:
    """sum(|x| ** p) ** (1 / p) over dims, with torch's gradients: 0 where the norm is 0."""
    result_dtype = real_dtype(x.dtype)
    wide = widened(x)
    if p == math.inf:
        return cast(amax(absolute(wide), dims or (), keepdim), result_dtype)
    if p == -math.inf:
        return cast(amin(absolute(wide), dims or (), keepdim), result_dtype)
    if p == 0:
        count = sum(cast(truth(x), result_dtype), dims or None, keepdim)
        if x.stop_gradient:
            return count
        return with_zero_gradient(count, sum(absolute(wide), dims or None, keepdim))
    if p == 1:
        return cast(sum(absolute(wide), dims or None, keepdim), result_dtype)
    if p == 2:
        if wide.dtype in COMPLEX:
            parts = (_C_ops.square(_C_ops.real(wide)), _C_ops.square(_C_ops.imag(wide)))
            squares = _C_ops.add(*parts)
        else:
            squares = _C_ops.square(wide)
        return cast(root(sum(squares, dims or None, keepdim)), result_dtype)
    size = absolute(wide)
    zero = is_zero(size)
    one = _C_ops.full_like(size, 1.0, size.dtype, size.place)
    at_zero = _C_ops.full_like(size, 0.0 if p > 0 else math.inf, size.dtype, size.place)
    exponent = filled(p, size.dtype, size.place)
    powers = _C_ops.elementwise_pow(_C_ops.where(zero, one, size), exponent)
    total = sum(_C_ops.where(zero, at_zero, powers), dims or None, keepdim)
    nothing = is_zero(total)
    safe = _C_ops.where(nothing, _C_ops.full_like(total, 1.0, total.dtype, total.place), total)
    result = _C_ops.elementwise_pow(safe, filled(1 / p, total.dtype, total.place))
    edge = _C_ops.full_like(result, 0.0 if p > 0 else math.inf, result.dtype, result.place)
    return cast(_C_ops.where(nothing, edge, result), result_dtype)


def root(x: Any) -> Any:
    """The square root, with the gradient 0 at 0."""
    if x.stop_gradient:
        return exact_root(x)
    zero = is_zero(x)
    nothing = _C_ops.full_like(x, 0.0, x.dtype, x.place)
    return exact_root(_C_ops.where(zero, nothing.detach(), x))


def _nuclear(x: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        if x.ndim != 2:
            raise RuntimeError(
                "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
            )
        dim = (0, 1)
    if x.dtype in COMPLEX and not x.stop_gradient:
        raise UnsupportedError(
            api="torch.norm",
            parameter="p",
            given="'nuc' of a complex tensor that requires a gradient",
            reason="Paddle's singular value decomposition has a wrong gradient for complex numbers",
            advice="Take torch.linalg.eigvalsh of the Gram matrix, or compute it under no_grad",
        )
    first, second = dims_of(x, dim)
    rest = [d for d in range(x.ndim) if d not in (first, second)]
    matrix = _C_ops.transpose(widened(x), [*rest, first, second])
    values = paddle.linalg.svd(matrix, full_matrices=False)[1]
    result = sum(values, -1)
    return cast(
        _C_ops.reshape(result, reduced_shape(x, [first, second], keepdim)), real_dtype(x.dtype)
    )
