"""Products of many matrices: matrix_power, matrix_exp, multi_dot, vecdot, tensor equations."""

# ruff: noqa: N803, N806
from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import paddle

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import COMPLEX
from oarlock.ops.composition import autocasts
from oarlock.ops.decompositions import check_matrix, nothing_from
from oarlock.ops.elementwise import with_zero_gradient
from oarlock.ops.matmul import matmul
from oarlock.ops.repeating import spread
from oarlock.ops.solving import linalg_inv, linalg_solve
from oarlock.ops.triangles import vandermonde


def linalg_matrix_power(A: paddle.Tensor, n: int) -> paddle.Tensor:
    """Return a square matrix multiplied by itself ``n`` times; its inverse for negative ``n``.

    Raises:
        LinAlgError: a matrix is singular and ``n`` is negative.
        RuntimeError: ``A`` is no square matrix.
    """
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but got shape {list(A.shape)}"
        )
    if n == 0:
        unit = spread(paddle.eye(A.shape[-1], dtype=A.dtype), A.shape).clone()
        return with_zero_gradient(unit, A)
    if n < 0:
        A, n = linalg_inv(A), -n
    result, square = None, A
    while True:
        if n & 1:
            result = square if result is None else matmul(result, square)
        n >>= 1
        if n == 0:
            break
        square = matmul(square, square)
    assert result is not None
    return result.clone() if result is A else result


def matrix_power(input: paddle.Tensor, n: int) -> paddle.Tensor:
    """The same as linalg_matrix_power."""
    return linalg_matrix_power(input, n)


@autocasts
def linalg_multi_dot(tensors: Sequence[paddle.Tensor]) -> paddle.Tensor:
    """Return the product of matrices in the order that costs least; the first and last may be vectors.

    The order is found by dynamic programming: Cormen et al., Introduction to Algorithms, "Matrix-chain
    multiplication".

    Raises:
        RuntimeError: there are fewer than two, or dims, dtypes or shapes do not fit.
    """
    factors = list(tensors)
    if len(factors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(factors)}")
    row, column = factors[0].ndim == 1, factors[-1].ndim == 1
    if row:
        factors[0] = factors[0].unsqueeze(0)
    if column:
        factors[-1] = factors[-1].unsqueeze(-1)
    for place, factor in enumerate(factors):
        if factor.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {place} must be 2D but got {factor.ndim}D")
    for first, second in itertools.pairwise(factors):
        if first.shape[1] != second.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors with shapes {list(first.shape)} and {list(second.shape)} "
                "cannot be multiplied"
            )
    sizes = [factors[0].shape[0], *(factor.shape[1] for factor in factors)]
    result = _chained(factors, _best_splits(sizes), 0, len(factors) - 1)
    if row:
        result = result.squeeze(0)
    return result.squeeze(-1) if column else result


def _best_splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    count = len(sizes) - 1
    cost = {(at, at): 0 for at in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for start in range(count - length):
            stop = start + length
            options = [
                (
                    cost[start, cut]
                    + cost[cut + 1, stop]
                    + sizes[start] * sizes[cut + 1] * sizes[stop + 1],
                    cut,
                )
                for cut in range(start, stop)
            ]
            cost[start, stop], split[start, stop] = min(options)
    return split


def _chained(
    factors: Sequence[paddle.Tensor], split: dict[tuple[int, int], int], start: int, stop: int
) -> paddle.Tensor:
    if start == stop:
        return factors[start]
    cut = split[start, stop]
    return matmul(_chained(factors, split, start, cut), _chained(factors, split, cut + 1, stop))


@autocasts
def chain_matmul(*matrices: Any) -> paddle.Tensor:
    """Return the product of matrices in the order that costs least.

    Raises:
        RuntimeError: there are none, one is no matrix, or dtypes or shapes do not fit.
    """
    given = list(matrices[0]) if len(matrices) == 1 and _is_list(matrices[0]) else list(matrices)
    if not given:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    if any(matrix.ndim != 2 for matrix in given):
        raise RuntimeError("chain_matmul(): every tensor must have 2 dimensions")
    return given[0] if len(given) == 1 else linalg_multi_dot(given)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


# The coefficients of the approximant, and the 1-norm up to which it is exact to float64: the paper's table 2.3.
_PADE_13 = (
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
)
_THETA_13 = 5.371920351148152


def linalg_matrix_exp(A: paddle.Tensor) -> paddle.Tensor:
    """Return the matrix exponential, by scaling and squaring with the Padé approximant of degree 13.

    Higham, "The Scaling and Squaring Method for the Matrix Exponential Revisited", SIAM J. Matrix Anal. Appl., 2005.

    Raises:
        RuntimeError: ``A`` is no square matrix of a floating-point or complex dtype.
    """
    check_matrix("linalg.matrix_exp", A, square=True)
    if 0 in A.shape:
        return nothing_from(A, A.shape)
    norm = float(paddle.abs(A.detach()).sum(-2).max())
    squarings = 0
    if math.isfinite(norm) and norm > _THETA_13:
        squarings = math.ceil(math.log2(norm / _THETA_13))
    x = A * (2.0**-squarings)
    eye = paddle.eye(A.shape[-1], dtype=A.dtype)
    b = _PADE_13
    x2 = matmul(x, x)
    x4 = matmul(x2, x2)
    x6 = matmul(x4, x2)
    odd = matmul(x6, x6 * b[13] + x4 * b[11] + x2 * b[9]) + x6 * b[7] + x4 * b[5] + x2 * b[3]
    odd = matmul(x, odd + eye * b[1])
    even = matmul(x6, x6 * b[12] + x4 * b[10] + x2 * b[8]) + x6 * b[6] + x4 * b[4] + x2 * b[2]
    even = even + eye * b[0]
    result = linalg_solve(even - odd, even + odd)
    for _ in range(squarings):
        result = matmul(result, result)
    return result


def matrix_exp(input: paddle.Tensor) -> paddle.Tensor:
    """The same as linalg_matrix_exp."""
    return linalg_matrix_exp(input)


@autocasts
def linalg_vecdot(x: paddle.Tensor, y: paddle.Tensor, *, dim: int = -1) -> paddle.Tensor:
    """Return the dot products of vectors along ``dim``, the first conjugated; the other dims broadcast.

    Raises:
        RuntimeError: dtypes differ, or the shapes do not broadcast.
        IndexError: there is no such dim.
    """
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but got {x.dtype} and {y.dtype}"
        )
    rank = max(x.ndim, y.ndim)
    back = normal_dim(dim, rank) - rank
    first, second = (v.reshape([1] * (rank - v.ndim) + list(v.shape)) for v in (x, y))
    order = [d for d in range(rank) if d != rank + back] + [rank + back]
    first, second = first.transpose(order), second.transpose(order)
    if first.dtype in COMPLEX:
        first = first.conj()
    return matmul(first.unsqueeze(-2), second.unsqueeze(-1)).squeeze([-2, -1])


def linalg_vander(x: paddle.Tensor, *, N: int | None = None) -> paddle.Tensor:
    """Return the powers 0 … N - 1 of the last dim as a new last dim, (…, n, N).

    Raises:
        RuntimeError: ``N`` is not greater than 1.
    """
    x = x.reshape([1]) if x.ndim == 0 else x
    columns = x.shape[-1] if N is None else N
    if columns <= 1:
        raise RuntimeError(f"N must be greater than 1 (got {columns})")
    return vandermonde(x, columns)


@autocasts
def linalg_tensorinv(A: paddle.Tensor, ind: int = 2) -> paddle.Tensor:
    """Return the inverse with respect to tensordot over ``ind`` dims.

    Raises:
        LinAlgError: the matrix is singular.
        RuntimeError: the products of the first ``ind`` sizes and of the rest differ, or ``ind`` is not positive.
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, rest = list(A.shape[:ind]), list(A.shape[ind:])
    if math.prod(first) != math.prod(rest):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
            f"but got {math.prod(rest)} != {math.prod(first)}"
        )
    return linalg_inv(A.reshape([math.prod(first), math.prod(rest)])).reshape([*rest, *first])


@autocasts
def linalg_tensorsolve(
    A: paddle.Tensor, other: paddle.Tensor, dims: Sequence[int] | None = None
) -> paddle.Tensor:
    """Return the X with tensordot(A, X, X.ndim) = other.

    Args:
        A: of the shape of ``other`` followed by that of X.
        other: the right-hand side.
        dims: dims of ``A`` that are moved to its end first.

    Raises:
        LinAlgError: the matrix is singular.
        RuntimeError: the shapes do not fit.
    """
    if dims is not None:
        moved = [normal_dim(d, A.ndim) for d in dims]
        A = A.transpose([*(d for d in range(A.ndim) if d not in moved), *moved])
    shape = list(A.shape[other.ndim :])
    if math.prod(shape) != other.size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {math.prod(shape)} != {other.size}"
        )
    return linalg_solve(A.reshape([other.size, other.size]), other.reshape([-1])).reshape(shape)
