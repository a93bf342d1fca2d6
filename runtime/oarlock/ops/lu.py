"""LU factors with row exchanges, what is solved with them, and the forms that report instead of raising."""

# ruff: noqa: N803, N806
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import _C_ops
from paddle.autograd import PyLayer

from oarlock.ops.composition import autocasts
from oarlock.ops.decompositions import (
    LinAlgError,
    adjoint_of,
    check_matrix,
    first_order_only,
    linalg_cholesky,
    nothing_from,
)
from oarlock.ops.matmul import matmul
from oarlock.ops.repeating import common_shape, spread
from oarlock.ops.solving import linalg_inv, linalg_solve, linalg_solve_triangular


def linalg_lu_factor_ex(
    A: paddle.Tensor, *, pivot: bool = True, check_errors: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return L and U in one matrix, the row exchanges, and where U has its first zero.

    Args:
        A: (…, m, n).
        pivot: whether rows may be exchanged; a GPU can do without in torch, the CPU can't.
        check_errors: raise where U has a zero on its diagonal.

    Returns:
        LU of A's shape, pivots (…, min(m, n)) of int32 counted from 1, and info (…) of int32: 0, or
        the 1-based place of the zero.

    Raises:
        RuntimeError: ``A`` is no matrix of a floating-point or complex dtype; not ``pivot``.
    """
    if A.ndim < 2:
        raise RuntimeError(
            f"torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead"
        )
    check_matrix("linalg.lu_factor", A)
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    *batch, m, n = A.shape
    if 0 in A.shape:
        pivots = paddle.zeros([*batch, min(m, n)], "int32")
        return nothing_from(A, A.shape), pivots, paddle.zeros(batch, "int32")
    lower, upper, pivots = _Lu.apply(A)
    info = _first_zero(upper.detach())
    if check_errors:
        _raise_where(info, "torch.linalg.lu_factor_ex", _ZERO_IN_U)
    k = min(m, n)
    strict = paddle.tril(lower, -1)
    if m > n:
        packed = paddle.concat([strict[..., :k, :] + upper, strict[..., k:, :]], -2)
    elif n > m:
        packed = paddle.concat([strict + upper[..., :k], upper[..., k:]], -1)
    else:
        packed = strict + upper
    return packed, pivots, info


_ZERO_IN_U = (
    "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero. If you still "
    "want to perform the factorization, consider calling linalg.lu(A, pivot) or "
    "linalg.lu_factor_ex(A, pivot)"
)


def linalg_lu_factor(
    A: paddle.Tensor, *, pivot: bool = True
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return L and U in one matrix and the row exchanges, as linalg_lu_factor_ex does.

    Raises:
        RuntimeError: U has a zero on its diagonal.
    """
    packed, pivots, info = linalg_lu_factor_ex(A, pivot=pivot)
    _raise_where(info, "torch.linalg.lu_factor", _ZERO_IN_U, RuntimeError)
    return packed, pivots


class _LuWithInfo(NamedTuple):
    """What torch.lu gives where the infos are asked for; torch.linalg.lu_factor_ex's fields, in another type."""

    LU: paddle.Tensor
    pivots: paddle.Tensor
    info: paddle.Tensor


def lu(A: paddle.Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[paddle.Tensor, ...]:
    """Return L and U in one matrix, the row exchanges, and where asked for where U has a zero.

    Raises:
        RuntimeError: U has a zero on its diagonal, and ``get_infos`` is false.
    """
    packed, pivots, info = linalg_lu_factor_ex(A, pivot=pivot)
    if get_infos:
        return _LuWithInfo(packed, pivots, info)
    _raise_where(info, "torch.linalg.lu_factor", _ZERO_IN_U, RuntimeError)
    return packed, pivots


def linalg_lu(
    A: paddle.Tensor, *, pivot: bool = True
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return P, L and U with A = P L U: (…, m, m), (…, m, k) and (…, k, n) with k = min(m, n).

    Raises:
        RuntimeError: ``A`` is no matrix; not ``pivot``, on the CPU.
    """
    packed, pivots, _ = linalg_lu_factor_ex(A, pivot=pivot)
    return lu_unpack(packed, pivots)


def lu_unpack(
    LU_data: paddle.Tensor,
    LU_pivots: paddle.Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return P, L and U of what linalg_lu_factor gave; empty tensors for what is not asked for.

    Raises:
        RuntimeError: the pivots are not of int32, or name a row that there is not.
    """
    if unpack_pivots and LU_pivots.dtype is not paddle.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype."
        )
    *batch, m, n = LU_data.shape
    permutation = lower = upper = paddle.empty([0], LU_data.dtype)
    if unpack_pivots:
        permutation = _permutation(LU_pivots, batch, m, LU_data.dtype)
    if unpack_data:
        k = min(m, n)
        eye = paddle.eye(m, k, dtype=LU_data.dtype)
        if 0 in LU_data.shape:
            lower = eye + nothing_from(LU_data, [*batch, m, k])
            upper = nothing_from(LU_data, [*batch, k, n])
        else:
            lower = paddle.tril(LU_data[..., :k], -1) + eye
            upper = paddle.triu(LU_data[..., :k, :])
    return permutation, lower, upper


def linalg_lu_solve(
    LU: paddle.Tensor,
    pivots: paddle.Tensor,
    B: paddle.Tensor,
    *,
    left: bool = True,
    adjoint: bool = False,
) -> paddle.Tensor:
    """Return X with A X = B for the matrix A that was factored.

    Args:
        LU: (…, n, n), from linalg_lu_factor.
        pivots: (…, n), from there too.
        B: (…, n, k), or (…, k, n) where not ``left``.
        left: X A = B is solved otherwise.
        adjoint: Aᴴ stands for A.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    check_matrix("linalg.lu_solve", LU, square=True)
    if B.ndim < 2:
        raise RuntimeError("linalg.lu_solve: The input tensor B must have at least 2 dimensions.")
    if pivots.dtype is not paddle.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    if LU.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.lu_solve: Expected LU and B to have the same dtype, but found {LU.dtype} and {B.dtype}"
        )
    if B.shape[-2 if left else -1] != LU.shape[-1]:
        raise RuntimeError(
            "linalg.lu_solve: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({LU.shape[-2]}x{LU.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    if not left:
        flipped = linalg_lu_solve(LU, pivots, adjoint_of(B), adjoint=not adjoint)
        return adjoint_of(flipped)
    if 0 in LU.shape or 0 in B.shape:
        batch = common_shape(LU.shape[:-2], B.shape[:-2])
        shape = [*batch, *B.shape[-2:]]
        return nothing_from(B, shape) + nothing_from(LU, [])
    permutation, lower, upper = lu_unpack(LU, pivots)
    if adjoint:
        middle = linalg_solve_triangular(adjoint_of(upper), B, upper=False)
        last = linalg_solve_triangular(adjoint_of(lower), middle, upper=True, unitriangular=True)
        return matmul(permutation, last)
    middle = linalg_solve_triangular(
        lower, matmul(adjoint_of(permutation), B), upper=False, unitriangular=True
    )
    return linalg_solve_triangular(upper, middle, upper=True)


@autocasts
def lu_solve(
    input: paddle.Tensor, LU_data: paddle.Tensor, LU_pivots: paddle.Tensor
) -> paddle.Tensor:
    """The same as linalg_lu_solve, with its parameters in another order."""
    return linalg_lu_solve(LU_data, LU_pivots, input)


@autocasts
def linalg_inv_ex(
    A: paddle.Tensor, *, check_errors: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the inverse, and for each matrix 0 or the place of the zero that stops its inversion.

    Raises:
        LinAlgError: a matrix is singular, and ``check_errors``.
        RuntimeError: ``A`` is no square matrix.
    """
    check_matrix("linalg.inv_ex", A, square=True)
    packed, pivots, info = linalg_lu_factor_ex(A.detach())
    if 0 in A.shape or not info.any():
        return linalg_inv(A), info
    if check_errors:
        _raise_where(
            info,
            "linalg.inv_ex",
            "The diagonal element {0} is zero, the inversion could not be completed because the "
            "input matrix is singular.",
        )
    if not A.stop_gradient and paddle.is_grad_enabled():
        packed, pivots, _ = linalg_lu_factor_ex(A)
    eye = spread(paddle.eye(A.shape[-1], dtype=A.dtype), A.shape)
    return linalg_lu_solve(packed, pivots, eye), info


def linalg_solve_ex(
    A: paddle.Tensor, B: paddle.Tensor, *, left: bool = True, check_errors: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return X with A X = B, and for each matrix 0 or the place of the zero that made it infinite.

    Raises:
        LinAlgError: a matrix is singular, and ``check_errors``.
        RuntimeError: shapes or dtypes do not fit.
    """
    check_matrix("linalg.solve", A, square=True)
    packed, pivots, info = linalg_lu_factor_ex(A.detach())
    if 0 in A.shape or not info.any():
        return linalg_solve(A, B, left=left), info
    if check_errors:
        _raise_where(
            info,
            "torch.linalg.solve_ex",
            "The solver failed because the input matrix is singular.",
        )
    if not A.stop_gradient and paddle.is_grad_enabled():
        packed, pivots, _ = linalg_lu_factor_ex(A)
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and list(B.shape) == list(A.shape[:-1])):
        if not left:
            raise RuntimeError(
                "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False."
            )
        return linalg_lu_solve(packed, pivots, B.unsqueeze(-1)).squeeze(-1), info
    return linalg_lu_solve(packed, pivots, B, left=left), info


class _Lu(PyLayer):
    """L and U of A = P L U. Gradient: L's differential is strictly lower, U's upper triangular.

    With L⁻¹ Pᵀ dA U⁻¹ = L⁻¹ dL + dU U⁻¹ the two parts are read off a square matrix; a part of A beside or
    below the square one is linear in U or L, and gives its share first.
    """

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor) -> Any:
        *batch, m, n = A.shape
        k = min(m, n)
        packed, pivots, _ = _C_ops.lu(A, True)
        lower = paddle.tril(packed[..., :k], -1) + paddle.eye(m, k, dtype=A.dtype)
        upper = paddle.triu(packed[..., :k, :])
        ctx.save_for_backward(lower, upper, _permutation(pivots, batch, m, A.dtype))
        ctx.mark_non_differentiable(pivots)
        return lower, upper, pivots

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        first_order_only("torch.linalg.lu")
        gL, gU = args[:2]
        L, U, P = ctx.saved_tensor()
        k = L.shape[-1]
        L1, U1, gL1, gU1 = L[..., :k, :], U[..., :k], gL[..., :k, :], gU[..., :k]
        inner_L, inner_U = adjoint_of(L1) @ gL1, gU1 @ adjoint_of(U1)
        if U.shape[-1] > k:
            inner_L = inner_L - gU[..., k:] @ adjoint_of(U[..., k:])
        if L.shape[-2] > k:
            inner_U = inner_U - adjoint_of(L[..., k:, :]) @ gL[..., k:, :]
        inner = paddle.tril(inner_L, -1) + paddle.triu(inner_U)
        left, right = adjoint_of(_C_ops.inverse(L1)), adjoint_of(_C_ops.inverse(U1))
        gA = left @ inner @ right
        if U.shape[-1] > k:
            gA = paddle.concat([gA, left @ gU[..., k:]], -1)
        if L.shape[-2] > k:
            gA = paddle.concat([gA, gL[..., k:, :] @ right], -2)
        return P @ gA


def _permutation(pivots: paddle.Tensor, batch: list[int], m: int, dtype: Any) -> paddle.Tensor:
    """P of A = P L U: the columns of an identity, exchanged as the rows of A were."""
    exchanges = pivots.numpy().reshape([-1, pivots.shape[-1]]) - 1
    if exchanges.size and not (exchanges.min() >= 0 and exchanges.max() < m):
        raise RuntimeError(
            "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive."
            "Did you properly pass the result of lu_factor?"
        )
    order = np.tile(np.arange(m), [len(exchanges), 1])
    every = np.arange(len(exchanges))
    for i, other in enumerate(exchanges.T):
        order[every, other], order[:, i] = order[:, i].copy(), order[every, other].copy()
    matrix = np.zeros([len(exchanges), m, m], np.float64)
    matrix[every[:, None], order, np.arange(m)] = 1
    return paddle.to_tensor(matrix.reshape([*batch, m, m]), place=pivots.place).cast(dtype)


def _first_zero(upper: paddle.Tensor) -> paddle.Tensor:
    """The 1-based place of the first zero on the diagonal; 0 where there is none."""
    diagonal = paddle.diagonal(upper, axis1=-2, axis2=-1).numpy() == 0
    first = np.where(diagonal.any(-1), diagonal.argmax(-1) + 1, 0).astype(np.int32)
    return paddle.to_tensor(first, place=upper.place)


def _raise_where(
    info: paddle.Tensor, name: str, message: str, kind: type[RuntimeError] = LinAlgError
) -> None:
    """Raise for the first matrix whose ``info`` is not 0, as torch words it."""
    values = info.numpy().reshape(-1)
    if not values.any():
        return
    at = int(values.astype(bool).argmax())
    element = f"(Batch element {at}): " if info.ndim else ""
    raise kind(f"{name}: {element}{message.format(values[at])}")


@autocasts
def linalg_cholesky_ex(
    input: paddle.Tensor, *, upper: bool = False, check_errors: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the Cholesky factor, and for each matrix 0 or the order of the minor that is not positive.

    Raises:
        LinAlgError: a matrix is not positive definite, and ``check_errors``.
        RuntimeError: ``input`` is no square matrix.
    """
    check_matrix("linalg.cholesky", input, square=True)
    batch = input.shape[:-2]
    try:
        return linalg_cholesky(input, upper=upper), paddle.zeros(batch, "int32")
    except LinAlgError:
        pass
    matrices = (adjoint_of(input) if upper else input).detach().numpy()
    factor, info = _cholesky_until(matrices.reshape([-1, *matrices.shape[-2:]]))
    orders = paddle.to_tensor(info.reshape(batch), place=input.place)
    if check_errors:
        _raise_where(
            orders,
            "linalg.cholesky_ex",
            "The factorization could not be completed because the input is not positive-definite "
            "(the leading minor of order {0} is not positive-definite).",
        )
    lower = paddle.to_tensor(factor.reshape(matrices.shape), place=input.place)
    return adjoint_of(lower) if upper else lower, orders


def _cholesky_until(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each lower factor, up to the first pivot that is not positive; the rest stays as it was given."""
    factor = np.tril(matrices)
    info = np.zeros(len(factor), np.int32)
    for which, a in enumerate(factor):
        for j in range(len(a)):
            pivot = a[j, j].real - np.sum(np.abs(a[j, :j]) ** 2)
            if not pivot > 0:
                a[j, j], info[which] = pivot, j + 1
                break
            a[j, j] = np.sqrt(pivot)
            a[j + 1 :, j] = (a[j + 1 :, j] - a[j + 1 :, :j] @ a[j, :j].conj()) / a[j, j]
    return factor, info
