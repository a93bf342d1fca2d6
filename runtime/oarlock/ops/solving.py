"""Linear systems: inverses, determinants, solve, lstsq, pinv."""

# ruff: noqa: N803, N806
from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops
from paddle.autograd import PyLayer

from oarlock.ops.carrying import COMPLEX
from oarlock.ops.composition import autocasts
from oarlock.ops.decompositions import (
    LinAlgError,
    adjoint_of,
    check_matrix,
    first_order_only,
    linalg_eigh,
    linalg_svd,
    nothing_from,
)
from oarlock.ops.matmul import matmul
from oarlock.ops.promotion import cast, real_dtype
from oarlock.ops.repeating import common_shape, spread


@autocasts
def linalg_inv(A: paddle.Tensor) -> paddle.Tensor:
    """Return the inverse of a square matrix, (…, n, n).

    Raises:
        LinAlgError: a matrix is singular.
        RuntimeError: ``A`` is no square matrix of a floating-point or complex dtype.
    """
    check_matrix("linalg.inv", A, square=True)
    if 0 in A.shape:
        return nothing_from(A, A.shape)
    try:
        return _C_ops.inverse(A)
    except (RuntimeError, ValueError) as error:
        raise LinAlgError(
            "linalg.inv: The diagonal element of the factor is zero, the inversion could not be completed "
            "because the input matrix is singular."
        ) from error


@autocasts
def inverse(input: paddle.Tensor) -> paddle.Tensor:
    """The same as linalg_inv."""
    return linalg_inv(input)


def linalg_det(A: paddle.Tensor) -> paddle.Tensor:
    """Return the determinant of a square matrix: (…, n, n) gives (…).

    Raises:
        RuntimeError: ``A`` is no square matrix.
    """
    check_matrix("linalg.det", A, square=True)
    if 0 in A.shape:
        return nothing_from(A, A.shape[:-2]) + paddle.ones(A.shape[:-2], A.dtype)
    return paddle.linalg.det(A)


def det(input: paddle.Tensor) -> paddle.Tensor:
    """The same as linalg_det."""
    return linalg_det(input)


def linalg_slogdet(A: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the sign (a phase, if complex) and the logarithm of the absolute value of the determinant.

    Raises:
        RuntimeError: ``A`` is no square matrix.
    """
    check_matrix("linalg.slogdet", A, square=True)
    if 0 in A.shape:
        batch = A.shape[:-2]
        sign = nothing_from(A, batch) + paddle.ones(batch, A.dtype)
        return sign, nothing_from(A, batch, real_dtype(A.dtype))
    if A.dtype in COMPLEX:
        return _ComplexSlogdet.apply(A)
    sign, logarithm = paddle.linalg.slogdet(A)
    return sign, logarithm


class _ComplexSlogdet(PyLayer):
    """With t = tr(A⁻¹ dA): the logarithm changes by Re t, the sign by i Im t times itself."""

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor) -> Any:
        sign, logarithm = _C_ops.slogdet_v2(A)
        logarithm = logarithm.real() if logarithm.dtype in COMPLEX else logarithm
        ctx.save_for_backward(A, sign)
        return sign, logarithm

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        gsign, glogarithm = args
        first_order_only("torch.linalg.slogdet")
        A, sign = ctx.saved_tensor()
        change = paddle.complex(glogarithm, -(gsign.conj() * sign).imag())
        return change.unsqueeze(-1).unsqueeze(-1) * adjoint_of(_C_ops.inverse(A))


def slogdet(input: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """The same as linalg_slogdet."""
    return linalg_slogdet(input)


def logdet(input: paddle.Tensor) -> paddle.Tensor:
    """Return the logarithm of the determinant; NaN where it is negative.

    Raises:
        RuntimeError: ``input`` is no square matrix.
    """
    sign, logarithm = linalg_slogdet(input)
    if input.dtype in COMPLEX:
        return paddle.log(sign) + cast(logarithm, input.dtype)
    nan = paddle.full([], float("nan"), logarithm.dtype)
    return paddle.where(sign == -1, nan, logarithm)


@autocasts
def linalg_solve(A: paddle.Tensor, B: paddle.Tensor, *, left: bool = True) -> paddle.Tensor:
    """Return X with A X = B, or X A = B.

    Args:
        A: (…, n, n).
        B: (…, n, k), or (n,) or (…, n) with the batch of ``A``: a vector for each matrix.
        left: whether ``A`` stands on the left.

    Raises:
        LinAlgError: a matrix is singular.
        RuntimeError: shapes or dtypes do not fit.
    """
    check_matrix("linalg.solve", A, square=True)
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype} "
            f"and B of type {B.dtype} instead"
        )
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False."
        )
    if B.ndim == 0:
        raise RuntimeError("linalg.solve: B must have at least 1 dimension")
    right = B.unsqueeze(-1) if vector else B
    if right.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation "
            f"({A.shape[-2]}x{A.shape[-1]} and {right.shape[-2]}x{right.shape[-1]})"
        )
    batch = common_shape(A.shape[:-2], right.shape[:-2])
    A = spread(A, [*batch, *A.shape[-2:]])
    right = spread(right, [*batch, *right.shape[-2:]])
    if not left:
        # X A = B is Aᴴ Xᴴ = Bᴴ.
        return adjoint_of(_solved(adjoint_of(A), adjoint_of(right)))
    result = _solved(A, right)
    return result.squeeze(-1) if vector else result


def _solved(A: paddle.Tensor, B: paddle.Tensor) -> paddle.Tensor:
    if 0 in B.shape or 0 in A.shape:
        return nothing_from(B, B.shape) + (0 if A.stop_gradient else nothing_from(A, []))
    if A.dtype in COMPLEX:
        # Paddle solves real systems only.
        return matmul(linalg_inv(A), B)
    if (A.stop_gradient and B.stop_gradient) or not paddle.is_grad_enabled():
        return _plainly_solved(A, B)
    return _Solve.apply(A, B)


def _plainly_solved(A: paddle.Tensor, B: paddle.Tensor) -> paddle.Tensor:
    try:
        return _C_ops.solve(A, B)
    except (RuntimeError, ValueError) as error:
        raise LinAlgError(
            "torch.linalg.solve: The solver failed because the input matrix is singular."
        ) from error


class _Solve(PyLayer):
    """A X = B; Paddle's own gradient ends the process where only one of A and B wants one."""

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor, B: paddle.Tensor) -> paddle.Tensor:
        X = _plainly_solved(A, B)
        ctx.save_for_backward(A, X)
        ctx.wanted = not A.stop_gradient, not B.stop_gradient
        return X

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        (gX,) = args
        first_order_only("torch.linalg.solve")
        A, X = ctx.saved_tensor()
        gB = _C_ops.solve(adjoint_of(A).contiguous(), gX)
        gA = -matmul(gB, adjoint_of(X))
        return tuple(
            grad if wanted else None for grad, wanted in zip((gA, gB), ctx.wanted, strict=True)
        )


def linalg_solve_triangular(
    A: paddle.Tensor,
    B: paddle.Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> paddle.Tensor:
    """Return X with A X = B, or X A = B, for a triangular A.

    Args:
        A: (…, n, n); the other triangle is not read.
        B: (…, n, k), or (…, k, n) where not ``left``.
        upper: whether the upper triangle is meant.
        left: whether ``A`` stands on the left.
        unitriangular: whether the diagonal counts as ones.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    check_matrix("linalg.solve_triangular", A, square=True)
    check_matrix("linalg.solve_triangular", B)
    if A.dtype is not B.dtype:
        raise RuntimeError("linalg.solve_triangular: Expected A and B to have the same dtype")
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            "linalg.solve_triangular: Incompatible shapes of A and B for the equation "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    batch = common_shape(A.shape[:-2], B.shape[:-2])
    A, B = spread(A, [*batch, *A.shape[-2:]]), spread(B, [*batch, *B.shape[-2:]])
    if 0 in A.shape or 0 in B.shape:
        return nothing_from(B, B.shape) + (0 if A.stop_gradient else nothing_from(A, []))
    A = paddle.triu(A) if upper else paddle.tril(A)
    if unitriangular:
        eye = paddle.eye(A.shape[-1], dtype=A.dtype)
        A = A * (1 - eye) + eye
    if not left:
        return adjoint_of(_substituted(adjoint_of(A), adjoint_of(B), not upper))
    return _substituted(A, B, upper)


def _substituted(A: paddle.Tensor, B: paddle.Tensor, upper: bool) -> paddle.Tensor:
    if (A.stop_gradient and B.stop_gradient) or not paddle.is_grad_enabled():
        return _C_ops.triangular_solve(A, B, upper, False, False)
    # Paddle's gradient of triangular_solve reads memory that was never written.
    return _solved(A, B)


@autocasts
def triangular_solve(
    input: paddle.Tensor,
    A: paddle.Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return X with A X = B, or Aᵀ X = B, for a triangular A, and a copy of A.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    matrix, order = A, [*range(A.ndim - 2), A.ndim - 1, A.ndim - 2]
    if transpose:
        matrix, upper = A.transpose(order), not upper
    solved = linalg_solve_triangular(matrix, input, upper=upper, unitriangular=unitriangular)
    return solved, spread(A, [*solved.shape[:-2], *A.shape[-2:]]).clone()


@autocasts
def cholesky_solve(B: paddle.Tensor, input2: paddle.Tensor, upper: bool = False) -> paddle.Tensor:
    """Return X with A X = B for A = input2 Lᴴ, or Lᴴ input2 where ``upper``.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    if B.ndim < 2 or input2.ndim < 2 or input2.shape[-1] != input2.shape[-2]:
        raise RuntimeError(
            "cholesky_solve: B and the square matrix input2 must have at least 2 dimensions"
        )
    factor = adjoint_of(input2) if upper else input2
    if input2.stop_gradient or not paddle.is_grad_enabled():
        middle = linalg_solve_triangular(factor, B, upper=False)
        return linalg_solve_triangular(adjoint_of(factor), middle, upper=True)
    # The other triangle is not read, but torch's gradient covers it all the same.
    factor = factor + (paddle.tril(factor) - factor).detach()
    return linalg_solve(matmul(factor, adjoint_of(factor)), B)


@autocasts
def cholesky_inverse(L: paddle.Tensor, upper: bool = False) -> paddle.Tensor:
    """Return the inverse of A = L Lᴴ, or Lᴴ L where ``upper``.

    Raises:
        RuntimeError: ``L`` is no square matrix.
    """
    check_matrix("cholesky_inverse", L, square=True)
    eye = spread(paddle.eye(L.shape[-1], dtype=L.dtype), L.shape)
    return cholesky_solve(eye, L, upper)


def linalg_pinv(
    A: paddle.Tensor,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> paddle.Tensor:
    """Return the pseudo-inverse, (…, n, m), from the singular values above a tolerance.

    Args:
        A: (…, m, n).
        rcond: the relative tolerance, by its older name.
        hermitian: whether ``A`` is Hermitian, so that eigenvalues serve.
        atol: the absolute tolerance.
        rtol: the relative one, of the greatest singular value; max(m, n) times the dtype's precision where
            neither is given.

    Raises:
        RuntimeError: ``A`` is no matrix.
    """
    check_matrix("linalg.pinv", A, square=hermitian)
    if 0 in A.shape:
        return nothing_from(A, [*A.shape[:-2], A.shape[-1], A.shape[-2]])
    if hermitian:
        values, u = linalg_eigh(A)
        size = paddle.abs(values)
        vh = adjoint_of(u)
    else:
        u, values, vh = linalg_svd(A, False)
        size = values
    limit = tolerance(A, size, atol, rcond if rtol is None else rtol)
    kept = size > limit
    one, zero = paddle.ones([], values.dtype), paddle.zeros([], values.dtype)
    inverted = paddle.where(kept, 1 / paddle.where(kept, values, one), zero)
    return matmul(adjoint_of(vh) * cast(inverted, A.dtype).unsqueeze(-2), adjoint_of(u))


def tolerance(A: paddle.Tensor, size: paddle.Tensor, atol: Any, rtol: Any) -> paddle.Tensor:
    """Return what singular values must exceed to count, (…, 1): the greater of both tolerances.

    Args:
        A: (…, m, n).
        size: the absolute singular values or eigenvalues, (…, k).
        atol: a number, a tensor of the batch's shape, or None for 0.
        rtol: the same; None for max(m, n) times the precision of the dtype, or 0 where ``atol`` is given.
    """
    size = size.detach()
    if rtol is None:
        rtol = 0.0 if atol is not None else max(A.shape[-2:]) * paddle.finfo(size.dtype).eps
    greatest = paddle.max(size, axis=-1, keepdim=True)

    def line(value: Any) -> Any:
        if isinstance(value, paddle.Tensor):
            return cast(value, size.dtype).unsqueeze(-1)
        return paddle.full([1], value or 0.0, size.dtype)

    return paddle.maximum(line(atol) + greatest * 0, line(rtol) * greatest)


@autocasts
def pinverse(input: paddle.Tensor, rcond: float = 1e-15) -> paddle.Tensor:
    """Return the pseudo-inverse, singular values counting above ``rcond`` times the greatest."""
    return linalg_pinv(input, rcond)


@autocasts
def linalg_lstsq(
    A: paddle.Tensor, b: paddle.Tensor, rcond: float | None = None, *, driver: str | None = None
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return the X that makes the norm of A X - b least, the residuals, the rank and the singular values.

    Args:
        A: (…, m, n).
        b: (…, m, k), or (…, m) with the batch of ``A``.
        rcond: what singular values must exceed, relative to the greatest, to count for the rank.
        driver: "gels" (full rank assumed), "gelsy" (the default), "gelsd" or "gelss", LAPACK's methods; all are
            served by the pseudo-inverse, which gives the least solution where several are as good.

    Returns:
        The solution; the sums of squared residuals, or an empty tensor for "gelsy", and where m <= n or the rank is less
        than n;
        the rank, or an empty tensor for "gels"; the singular values, or an empty tensor for "gels" and "gelsy".

    Raises:
        RuntimeError: shapes or dtypes do not fit, or ``driver`` is none of these.
    """
    check_matrix("torch.linalg.lstsq", A)
    driver = driver or "gelsy"
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    if b.ndim == 0:
        raise RuntimeError("torch.linalg.lstsq: input.dim() must be greater or equal to 2")
    if A.dtype is not b.dtype:
        raise RuntimeError("torch.linalg.lstsq: Expected input and other to have the same dtype")
    vector = b.ndim == A.ndim - 1 and b.shape == A.shape[:-1]
    right = b.unsqueeze(-1) if vector else b
    rows, columns = A.shape[-2:]
    if right.ndim < 2 or right.shape[-2] != rows:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    batch = common_shape(A.shape[:-2], right.shape[:-2])
    relative = (
        max(rows, columns) * paddle.finfo(real_dtype(A.dtype)).eps if rcond is None else rcond
    )
    inverse_of = linalg_pinv(A, None if driver == "gels" else relative)
    solution = matmul(
        spread(inverse_of, [*batch, columns, rows]), spread(right, [*batch, *right.shape[-2:]])
    )
    values = linalg_svd(A.detach(), False)[1] if A.size else paddle.zeros(A.shape[:-1], "float32")
    real = real_dtype(A.dtype)
    rank = paddle.empty([0], "int64")
    if driver != "gels":
        greatest = values.max(-1, keepdim=True) if values.size else values
        rank = (values > relative * greatest).cast("int64").sum(-1)
    residuals = paddle.empty([0], real)
    full = driver == "gels" or bool((rank == columns).all())
    if rows > columns and full and driver != "gelsy":
        apart = matmul(spread(A, [*batch, rows, columns]), solution) - right
        size = paddle.abs(apart)
        residuals = paddle.sum(size * size, axis=-2)
    shown = values if driver in ("gelsd", "gelss") else paddle.empty([0], real)
    return (solution.squeeze(-1) if vector else solution), residuals, rank, shown
