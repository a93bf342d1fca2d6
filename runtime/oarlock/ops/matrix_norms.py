"""Norms of vectors and matrices, and what singular values say: cond, matrix_rank."""

# ruff: noqa: N803, N806
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import paddle

from oarlock.ops.axes import normal_dims, one_or_more
from oarlock.ops.carrying import COMPLEX, FLOATS, HALF
from oarlock.ops.composition import autocasts
from oarlock.ops.decompositions import check_matrix, linalg_eigvalsh, linalg_svdvals, nothing_from
from oarlock.ops.norms import powered_norm
from oarlock.ops.promotion import cast, category, real_dtype
from oarlock.ops.solving import linalg_inv, tolerance


@autocasts
def linalg_vector_norm(
    x: paddle.Tensor,
    ord: Any = 2,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> paddle.Tensor:
    """Return the norm of a given order over dims, over all where None.

    Args:
        x: any shape, floating-point or complex.
        ord: the order, infinities included.
        dim: the dims.
        keepdim: whether they stay, with size 1.
        dtype: to compute in.

    Raises:
        RuntimeError: ``x`` is of whole numbers, or empty where the norm is not defined.
        IndexError: there is no such dim.
    """
    if isinstance(ord, str):
        raise TypeError(f"linalg.vector_norm: ord must be a number, not {ord!r}")
    if category(x.dtype) < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. "
            f"Got {x.dtype}"
        )
    if dtype is not None:
        if (dtype in COMPLEX) != (x.dtype in COMPLEX) or category(dtype) < 2:
            raise RuntimeError(f"linalg.vector_norm: dtype {dtype} does not suit {x.dtype}")
        x = cast(x, dtype)
    given = _dims(dim)
    dims = list(range(x.ndim)) if not given else normal_dims(given, x.ndim)
    order = float(ord)
    sizes = [x.shape[d] for d in dims] if x.ndim else []
    if 0 in sizes and (order < 0 or order == math.inf):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor "
            "because the operation does not have an identity"
        )
    return powered_norm(x, order, dims if x.ndim else [], keepdim)


def _dims(dim: Any) -> list[int] | None:
    if dim is None:
        return None
    return one_or_more(dim)


@autocasts
def linalg_matrix_norm(
    A: paddle.Tensor,
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> paddle.Tensor:
    """Return the norm of matrices: "fro", "nuc", or 1, 2, infinity and their negatives.

    Args:
        A: at least 2 dims, floating-point or complex.
        ord: which norm.
        dim: the two dims of the matrices.
        keepdim: whether they stay, with size 1.
        dtype: to compute in.

    Raises:
        RuntimeError: ``A`` is no matrix, or ``ord`` is none of these.
        IndexError: there is no such dim.
    """
    if A.ndim < 2:
        raise RuntimeError(
            f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions, but got {A.ndim}."
        )
    if category(A.dtype) < 2:
        raise RuntimeError(
            f"linalg.matrix_norm: Expected a floating point or complex tensor as input. Got {A.dtype}"
        )
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {tuple(dim)}")
    rows, columns = normal_dims(list(dim), A.ndim)
    if ord not in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if dtype is not None:
        A = cast(A, dtype)
    if ord == "fro":
        return linalg_vector_norm(A, 2, [rows, columns], keepdim)
    if ord in ("nuc", 2, -2):
        if A.dtype in HALF:
            raise RuntimeError(
                f"linalg.matrix_norm: low precision dtypes are not supported, got {A.dtype}"
            )
        rest = [d for d in range(A.ndim) if d not in (rows, columns)]
        values = linalg_svdvals(A.transpose([*rest, rows, columns]))
        if ord == "nuc":
            result = values.sum(-1)
        elif values.shape[-1] == 0:
            raise RuntimeError("linalg.matrix_norm: an empty matrix has no such norm")
        else:
            result = paddle.amax(values, -1) if ord == 2 else paddle.amin(values, -1)
        for at in sorted((rows, columns)) if keepdim else ():
            result = result.unsqueeze(at)
        return result
    summed, compared = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = linalg_vector_norm(A, 1, [summed], True)
    wide = sums.cast("float32") if sums.dtype in HALF and sums.place.is_cpu_place() else sums
    result = (paddle.amax if ord > 0 else paddle.amin)(wide, compared, True)
    result = cast(result, sums.dtype)
    return result if keepdim else result.squeeze([rows, columns])


def linalg_norm(
    A: paddle.Tensor,
    ord: Any = None,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> paddle.Tensor:
    """Return a vector's norm or a matrix's, by the number of dims: see those functions.

    Args:
        A: any shape.
        ord: the order; the 2-norm of the flattened input where neither it nor ``dim`` is given.
        dim: one dim for vectors, two for matrices.
        keepdim: whether they stay, with size 1.
        dtype: to compute in.

    Raises:
        RuntimeError: the dims do not suit the order.
    """
    dims = _dims(dim)
    if ord is None:
        return linalg_vector_norm(A, 2, dims, keepdim, dtype=dtype)
    if dims is not None:
        if len(dims) not in (1, 2):
            raise RuntimeError(
                f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {dims}"
            )
    elif A.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {A.ndim}D."
        )
    dims = dims or list(range(A.ndim))
    if isinstance(ord, str) and len(dims) != 2:
        raise RuntimeError(f"linalg.norm: ord {ord!r} needs two dims, got {dims}")
    if len(dims) == 1:
        return linalg_vector_norm(A, ord, dims, keepdim, dtype=dtype)
    return linalg_matrix_norm(A, ord, dims, keepdim, dtype=dtype)


@autocasts
def linalg_cond(A: paddle.Tensor, p: Any = None) -> paddle.Tensor:
    """Return the condition number of matrices in a norm, the 2-norm where None.

    Raises:
        RuntimeError: ``A`` is no (square, but for 2 and -2) matrix, or there is no such norm.
    """
    check_matrix("linalg.cond", A)
    if p is None or p in (2, -2):
        values = linalg_svdvals(A)
        if values.shape[-1] == 0:
            return nothing_from(A, A.shape[:-2], real_dtype(A.dtype))
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    check_matrix("linalg.cond", A, square=True)
    if p not in ("fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if 0 in A.shape:
        return nothing_from(A, A.shape[:-2], real_dtype(A.dtype))
    norm = linalg_matrix_norm(A, p)
    singular = paddle.linalg.det(A.detach()) == 0
    if bool(singular.any()):
        eye = paddle.eye(A.shape[-1], dtype=A.dtype)
        safe = paddle.where(singular.unsqueeze(-1).unsqueeze(-1), eye, A)
        value = norm * linalg_matrix_norm(linalg_inv(safe), p)
        return paddle.where(singular, paddle.full([], math.inf, value.dtype), value)
    return norm * linalg_matrix_norm(linalg_inv(A), p)


@autocasts
def linalg_matrix_rank(
    A: paddle.Tensor,
    tol: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> paddle.Tensor:
    """Return how many singular values exceed a tolerance, as int64: (…, m, n) gives (…).

    Args:
        A: (…, m, n).
        tol: the absolute tolerance, by its older name.
        hermitian: whether ``A`` is Hermitian, so that eigenvalues serve.
        atol: the absolute tolerance.
        rtol: the relative one; see tolerance.

    Raises:
        RuntimeError: ``A`` is no matrix.
    """
    if A.ndim < 2 or A.dtype in FLOATS or A.dtype in COMPLEX:
        check_matrix("linalg.matrix_rank", A, square=hermitian)
    else:
        raise RuntimeError(f"linalg.matrix_rank: Expected a floating point tensor, got {A.dtype}")
    if 0 in A.shape:
        return paddle.zeros(A.shape[:-2], "int64")
    A = A.detach()
    size = paddle.abs(linalg_eigvalsh(A)) if hermitian else linalg_svdvals(A)
    limit = tolerance(A, size, tol if atol is None else atol, rtol)
    return (size > limit).cast("int64").sum(-1)
