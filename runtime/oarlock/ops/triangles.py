"""Diagonals and triangles of matrices, cut out, put in and summed."""

from __future__ import annotations

from collections.abc import Callable
from operator import index

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import COMPLEX, INTEGRAL, ORDINARY, carried
from oarlock.ops.composition import autocasts
from oarlock.ops.rearranging import flip
from oarlock.ops.scattering import masked_fill

_CUT = ORDINARY | COMPLEX | {paddle.bool, paddle.float16}
_CHOSEN = ORDINARY | COMPLEX | {paddle.bool}


def tril(input: paddle.Tensor, diagonal: int = 0) -> paddle.Tensor:
    """Keep the lower triangle of the last two dims, up to a diagonal; the rest is zero."""
    return _triangle(_C_ops.tril, "tril", input, diagonal)


def triu(input: paddle.Tensor, diagonal: int = 0) -> paddle.Tensor:
    """Keep the upper triangle of the last two dims, from a diagonal on; the rest is zero."""
    return _triangle(_C_ops.triu, "triu", input, diagonal)


def _triangle(cut: Callable, name: str, x: paddle.Tensor, diagonal: int) -> paddle.Tensor:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    return carried(lambda v: cut(v, diagonal), x, _CUT)


def diag(input: paddle.Tensor, diagonal: int = 0) -> paddle.Tensor:
    """Return the matrix with a vector on its diagonal, or a copy of a matrix's diagonal.

    Raises:
        RuntimeError: ``input`` has neither 1 nor 2 dims.
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim == 2:
        return _diagonal(input, diagonal)
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")


def diag_embed(
    input: paddle.Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> paddle.Tensor:
    """Put the last dim on the diagonal of two new dims.

    Args:
        input: (…, n).
        offset: which diagonal; the new dims have n + |offset| elements.
        dim1: the first new dim.
        dim2: the second new dim.

    Raises:
        RuntimeError: both dims are one.
        IndexError: there is no such dim.
    """
    rank, offset = input.ndim + 1, index(offset)
    first, second = normal_dim(dim1, rank), normal_dim(dim2, rank)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    if first > second:
        first, second, offset = second, first, -offset
    result = carried(lambda x: _embedded(x, offset), input, _CHOSEN)
    order = list(range(rank - 2))
    order.insert(first, rank - 2)
    order.insert(second, rank - 1)
    return result if order == list(range(rank)) else result.transpose(order)


def _embedded(x: paddle.Tensor, offset: int) -> paddle.Tensor:
    size, extra = x.shape[-1], abs(offset)
    nothing = paddle.zeros([], x.dtype)
    eye = paddle.to_tensor(np.eye(size, dtype=bool), place=x.place)
    square = paddle.where(eye, x.unsqueeze(-2), nothing)
    if not extra:
        return square
    beside = paddle.zeros([*square.shape[:-1], extra], x.dtype)
    below = paddle.zeros([*x.shape[:-1], extra, size + extra], x.dtype)
    if offset > 0:
        return _C_ops.concat([_C_ops.concat([beside, square], -1), below], -2)
    return _C_ops.concat([below, _C_ops.concat([square, beside], -1)], -2)


def diagflat(input: paddle.Tensor, offset: int = 0) -> paddle.Tensor:
    """Return the matrix with the flattened input on its diagonal."""
    return diag_embed(input.reshape([-1]), offset)


def fill_diagonal(
    input: paddle.Tensor, fill_value: float | complex, wrap: bool = False
) -> paddle.Tensor:
    """Put one number where all indices are equal.

    Args:
        input: of two dims, or of more that are equally long.
        fill_value: the number, converted to the tensor's dtype.
        wrap: whether the diagonal of a tall matrix begins again after one row without it.

    Raises:
        RuntimeError: fewer than two dims, or more of different lengths.
    """
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    columns = shape[-1]
    step = sum(columns**n for n in range(len(shape)))
    on = np.zeros(input.shape, dtype=bool)
    end = on.size if wrap or len(shape) > 2 else columns * columns
    on.reshape(-1)[: end : step or 1] = True
    return masked_fill(input, paddle.to_tensor(on, place=input.place), fill_value)


@autocasts
def trace(input: paddle.Tensor) -> paddle.Tensor:
    """Sum the diagonal of a matrix; whole numbers and booleans are summed as int64.

    Raises:
        RuntimeError: ``input`` is no matrix.
    """
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    diagonal = _diagonal(input, 0)
    if input.dtype in INTEGRAL or input.dtype is paddle.bool:
        return diagonal.cast(paddle.int64).sum()
    return carried(paddle.sum, diagonal, ORDINARY | COMPLEX)


def _diagonal(matrix: paddle.Tensor, offset: int) -> paddle.Tensor:
    rows, columns = matrix.shape
    start = -offset * columns if offset < 0 else offset
    count = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    if count == 0:
        return matrix.reshape([-1])[0:0]
    return matrix.reshape([-1])[start : start + (count - 1) * (columns + 1) + 1 : columns + 1]


def vander(x: paddle.Tensor, N: int | None = None, increasing: bool = False) -> paddle.Tensor:  # noqa: N803
    """Return the Vandermonde matrix of a vector: its powers as columns, highest first.

    Args:
        x: (n,).
        N: the number of columns; n where None.
        increasing: powers from 0 upwards instead.

    Raises:
        RuntimeError: ``x`` is no vector, or ``N`` is negative.
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    columns = x.shape[0] if N is None else N
    if columns < 0:
        raise RuntimeError(f"N must be greater than 1 (got {N})")
    powers = vandermonde(x, columns)
    return powers if increasing else flip(powers, 1)


def vandermonde(x: paddle.Tensor, columns: int) -> paddle.Tensor:
    """Return the powers 0 … columns - 1 of the last dim as a new last dim; small ints as int64."""
    if x.dtype in INTEGRAL or x.dtype is paddle.bool:
        x = x.cast(paddle.int64)
    if columns == 0:
        return x.unsqueeze(-1)[..., 0:0]

    def powers(v: paddle.Tensor) -> paddle.Tensor:
        one = paddle.ones_like(v)
        if columns == 1:
            return one.unsqueeze(-1)
        factors = [one] + [v] * (columns - 1)
        return paddle.cumprod(_C_ops.stack(factors, -1), -1)

    return carried(powers, x, ORDINARY | COMPLEX)
