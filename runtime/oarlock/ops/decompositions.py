"""Matrices taken apart: Cholesky, QR, SVD, eigenvalues, LU.

LAPACK leaves the signs (phases) of eigenvectors, singular vectors and Q's columns open. Paddle and torch
both pass on what LAPACK gives, but with other calls and another LAPACK, so that a column may come with the other
sign. Whatever does not depend on the signs, such as U S Vh, is equal, its gradient included.
"""

# ruff: noqa: N803
from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops
from paddle.autograd import PyLayer

from oarlock.errors import UnsupportedError
from oarlock.ops.carrying import COMPLEX, FLOATS
from oarlock.ops.composition import autocasts
from oarlock.ops.promotion import cast, real_dtype


class LinAlgError(RuntimeError):
    """A matrix that an algorithm can't work on, singular for example; torch.linalg.LinAlgError."""

    __module__ = "torch.linalg"


def check_matrix(name: str, A: paddle.Tensor, *, square: bool = False) -> None:
    """Raise RuntimeError unless ``A`` is a (square) matrix, or a batch, of a dtype torch computes with."""
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, but got {A.ndim}."
        )
    if A.dtype not in FLOATS and A.dtype not in COMPLEX:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor of at least 32 bits a part as input. "
            f"Got {A.dtype}"
        )
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, "
            f"but they are {A.shape[-2]} by {A.shape[-1]} matrices"
        )


def adjoint_of(x: paddle.Tensor) -> paddle.Tensor:
    """Return the conjugate transpose of the last two dims."""
    order = [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2]
    return (x.conj() if x.dtype in COMPLEX else x).transpose(order)


def nothing_from(x: paddle.Tensor, shape: Any, dtype: Any = None) -> paddle.Tensor:
    """Return zeros of a shape that are recorded as taken from ``x``, which has no elements."""
    result = paddle.zeros(shape, dtype or x.dtype)
    if x.stop_gradient:
        return result
    total = paddle.sum(x)
    return result + (total.real() if x.dtype in COMPLEX and result.dtype not in COMPLEX else total)


def _eye_from(x: paddle.Tensor, batch: list[int], size: int) -> paddle.Tensor:
    return paddle.eye(size, dtype=x.dtype) + nothing_from(x, [*batch, size, size])


@autocasts
def linalg_cholesky(input: paddle.Tensor, *, upper: bool = False) -> paddle.Tensor:
    """Return L with A = L Lᴴ, lower triangular, or its adjoint.

    Args:
        input: (…, n, n), symmetric positive definite.
        upper: the adjoint, upper triangular, instead.

    Raises:
        LinAlgError: a matrix is not positive definite.
        RuntimeError: ``input`` is no square matrix.
    """
    check_matrix("linalg.cholesky", input, square=True)
    if 0 in input.shape:
        return nothing_from(input, input.shape)
    try:
        if input.dtype in COMPLEX:
            lower = _ComplexCholesky.apply(input, upper)
            return adjoint_of(lower) if upper else lower
        return _C_ops.cholesky(input, upper)
    except (RuntimeError, ValueError) as error:
        raise LinAlgError(
            "linalg.cholesky: The factorization could not be completed because the input is not "
            "positive-definite."
        ) from error


class _ComplexCholesky(PyLayer):
    """The lower factor of a Hermitian matrix, by that of the real matrix with a block for each number.

    A number a + bi is the block [[a, -b], [b, a]]; sums, products and adjoints of blocks are those of the
    numbers, and a diagonal block of the factor is real, so that the real factor is made of blocks too.
    Gradient: Murray, "Differentiation of the Cholesky decomposition" (2016), of which torch leaves the
    imaginary part on the diagonal.
    """

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor, upper: bool) -> Any:
        read = adjoint_of(A) if upper else A
        a, b = paddle.tril(read.real()), paddle.tril(read.imag(), -1)
        order = [*range(A.ndim - 2), A.ndim - 1, A.ndim - 2]
        a, b = a + paddle.tril(a, -1).transpose(order), b - b.transpose(order)
        rows = paddle.stack([paddle.stack([a, -b], -1), paddle.stack([b, a], -1)], -3)
        *batch, n, _ = A.shape
        factor = _C_ops.cholesky(rows.reshape([*batch, 2 * n, 2 * n]), False)
        blocks = factor.reshape([*batch, n, 2, n, 2])
        lower = paddle.complex(blocks[..., 0, :, 0], blocks[..., 1, :, 0])
        ctx.save_for_backward(lower)
        return lower

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        first_order_only("torch.linalg.cholesky")
        (lower,) = ctx.saved_tensor()
        inverse = _C_ops.inverse(lower)
        inner = adjoint_of(lower) @ args[0]
        below = paddle.tril(inner, -1)
        eye = paddle.eye(lower.shape[-1], dtype=lower.dtype)
        inner = (below + adjoint_of(below) + inner * eye) * 0.5
        return adjoint_of(inverse) @ inner @ inverse


@autocasts
def cholesky(input: paddle.Tensor, upper: bool = False) -> paddle.Tensor:
    """The same as linalg_cholesky."""
    return linalg_cholesky(input, upper=upper)


@autocasts
def linalg_qr(A: paddle.Tensor, mode: str = "reduced") -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return Q and R with A = Q R, Q with orthonormal columns and R upper triangular.

    Args:
        A: (…, m, n).
        mode: "reduced", "complete" for a square Q, or "r" for R with an empty Q.

    Raises:
        RuntimeError: ``A`` is no matrix, or ``mode`` is none of these.
    """
    check_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    *batch, rows, columns = A.shape
    inner = rows if mode == "complete" else min(rows, columns)
    if 0 in A.shape:
        q = _eye_from(A, [*batch], rows)[..., :inner]
        return (q if mode != "r" else paddle.empty([0], A.dtype)), nothing_from(
            A, [*batch, inner, columns]
        )
    if mode == "r":
        r = paddle.linalg.qr(A.detach(), "reduced")[1]
        return paddle.empty([0], A.dtype), r
    q, r = paddle.linalg.qr(A, mode)
    return q, r


@autocasts
def qr(input: paddle.Tensor, some: bool = True) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return Q and R with A = Q R; a square Q where not ``some``."""
    return linalg_qr(input, "reduced" if some else "complete")


@autocasts
def linalg_svd(
    A: paddle.Tensor, full_matrices: bool = True, *, driver: str | None = None
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return U, S and Vh with A = U diag(S) Vh, S from the greatest down.

    Args:
        A: (…, m, n).
        full_matrices: square U and Vh instead of their first min(m, n) columns and rows.
        driver: cuSOLVER's method, on a GPU in torch; refused on the CPU there as here.

    Raises:
        RuntimeError: ``A`` is no matrix, or a driver is given for one on the CPU.
    """
    check_matrix("linalg.svd", A)
    if driver is not None and A.place.is_cpu_place():
        raise RuntimeError(
            "linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )
    *batch, rows, columns = A.shape
    inner = min(rows, columns)
    if 0 in A.shape:
        left, right = (rows, columns) if full_matrices else (inner, inner)
        return (
            _eye_from(A, [*batch], rows)[..., :left],
            nothing_from(A, [*batch, inner], real_dtype(A.dtype)),
            _eye_from(A, [*batch], columns)[..., :right, :],
        )
    if A.stop_gradient or not paddle.is_grad_enabled():
        u, s, vh = _C_ops.svd(A, full_matrices)
        return u, _real(s), vh
    u, s, vh = _Svd.apply(A)
    if full_matrices:
        u, vh = _completed(u, rows, columns=True), _completed(vh, columns, columns=False)
    return u, s, vh


class _Svd(PyLayer):
    """The reduced SVD. Gradient: Townsend, "Differentiating the Singular Value Decomposition" (2016)."""

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor) -> Any:
        u, s, vh = _C_ops.svd(A, False)
        s = _real(s)
        ctx.save_for_backward(u, s, vh)
        ctx.set_materialize_grads(False)
        return u, s, vh

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        gu, gs, gvh = args
        first_order_only("torch.linalg.svd")
        u, s, vh = ctx.saved_tensor()
        line = cast(s, u.dtype)
        inner = paddle.zeros_like(line) if gs is None else cast(gs, u.dtype)
        if gu is None and gvh is None:
            return (u * inner.unsqueeze(-2)) @ vh
        gu = paddle.zeros_like(u) if gu is None else gu
        gvh = paddle.zeros_like(vh) if gvh is None else gvh
        squares = line * line
        eye = paddle.eye(s.shape[-1], dtype=u.dtype)
        apart = squares.unsqueeze(-2) - squares.unsqueeze(-1) + eye
        turned_u, turned_v = _skew(adjoint_of(u) @ gu), _skew(vh @ adjoint_of(gvh))
        between = turned_u / apart * line.unsqueeze(-2) + line.unsqueeze(-1) * (turned_v / apart)
        # On the diagonal the skew parts are zero, or imaginary for complex matrices.
        inner = between * (1 - eye) + inner.unsqueeze(-1) * eye
        if u.dtype in COMPLEX:
            inner = inner + turned_u * eye / (2 * line).unsqueeze(-2)
        result = u @ inner @ vh
        if u.shape[-2] > s.shape[-1]:
            scaled = gu / line.unsqueeze(-2)
            result = result + (scaled - u @ (adjoint_of(u) @ scaled)) @ vh
        if vh.shape[-1] > s.shape[-1]:
            scaled = gvh / line.unsqueeze(-1)
            result = result + u @ (scaled - (scaled @ adjoint_of(vh)) @ vh)
        return result


def _real(x: paddle.Tensor) -> paddle.Tensor:
    return x.real() if x.dtype in COMPLEX else x


def _skew(x: paddle.Tensor) -> paddle.Tensor:
    return x - adjoint_of(x)


def first_order_only(api: str) -> None:
    """Refuse a second derivative, which a backward of a PyLayer would leave out."""
    if paddle.is_grad_enabled():
        raise UnsupportedError(
            api=api,
            reason="its second derivative is not available",
            advice="compute the gradient without create_graph",
        )


def _completed(part: paddle.Tensor, size: int, *, columns: bool) -> paddle.Tensor:
    """Orthonormal columns (or rows) made a square matrix; those added have no gradient, as torch's have none."""
    have = part.shape[-1 if columns else -2]
    if have == size:
        return part
    known = part.detach() if columns else adjoint_of(part.detach())
    rest = paddle.linalg.qr(known, "complete")[0][..., have:]
    return paddle.concat([part, rest if columns else adjoint_of(rest)], -1 if columns else -2)


@autocasts
def linalg_svdvals(A: paddle.Tensor, *, driver: str | None = None) -> paddle.Tensor:
    """Return the singular values, from the greatest down: (…, min(m, n)), real."""
    return linalg_svd(A, False, driver=driver)[1]


@autocasts
def svd(
    input: paddle.Tensor, some: bool = True, compute_uv: bool = True
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return U, S and V, not Vh, with A = U diag(S) Vᴴ.

    Args:
        input: (…, m, n).
        some: the first min(m, n) columns of U and V only.
        compute_uv: whether U and V are wanted; zeros stand for them otherwise.

    Raises:
        RuntimeError: ``input`` is no matrix.
    """
    check_matrix("linalg.svd", input)
    if not compute_uv:
        *batch, rows, columns = input.shape
        values = linalg_svd(input, False)[1]
        return (
            paddle.zeros([*batch, rows, rows], input.dtype),
            values,
            paddle.zeros([*batch, columns, columns], input.dtype),
        )
    u, s, vh = linalg_svd(input, not some)
    return u, s, adjoint_of(vh)


@autocasts
def linalg_eigh(A: paddle.Tensor, UPLO: str = "L") -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the eigenvalues, ascending and real, and eigenvectors of a symmetric or Hermitian matrix.

    Args:
        A: (…, n, n).
        UPLO: "L" or "U", the triangle that is read.

    Raises:
        RuntimeError: ``A`` is no square matrix, or ``UPLO`` is neither.
    """
    check_matrix("linalg.eigh", A, square=True)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    if 0 in A.shape:
        return nothing_from(A, A.shape[:-1], real_dtype(A.dtype)), nothing_from(A, A.shape)
    if A.stop_gradient or not paddle.is_grad_enabled():
        values, vectors = _C_ops.eigh(A, UPLO.upper())
        return _real(values), vectors
    return _Eigh.apply(A, UPLO.upper())


class _Eigh(PyLayer):
    """Gradient: Giles, "An extended collection of matrix derivative results" (2008), section 3.1."""

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor, uplo: str) -> Any:
        values, vectors = _C_ops.eigh(A, uplo)
        values = _real(values)
        ctx.save_for_backward(values, vectors)
        ctx.set_materialize_grads(False)
        return values, vectors

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        gvalues, gvectors = args
        first_order_only("torch.linalg.eigh")
        values, vectors = ctx.saved_tensor()
        turned = None if gvectors is None else _skew(adjoint_of(vectors) @ gvectors) * 0.5
        inner = _between(cast(values, vectors.dtype), gvalues, turned)
        return vectors @ inner @ adjoint_of(vectors)


def _between(values: paddle.Tensor, gvalues: Any, turned: Any) -> paddle.Tensor:
    """The eigenvalues' gradients on the diagonal; beside it what turns the eigenvectors, over the gaps."""
    eye = paddle.eye(values.shape[-1], dtype=values.dtype)
    inner = paddle.zeros_like(eye)
    if gvalues is not None:
        inner = cast(gvalues, values.dtype).unsqueeze(-1) * eye
    if turned is not None:
        apart = values.unsqueeze(-2) - values.unsqueeze(-1) + eye
        inner = inner + turned / apart * (1 - eye)
    return inner


@autocasts
def linalg_eigvalsh(A: paddle.Tensor, UPLO: str = "L") -> paddle.Tensor:
    """Return the eigenvalues, ascending and real, of a symmetric or Hermitian matrix."""
    return linalg_eigh(A, UPLO)[0]


@autocasts
def linalg_eig(A: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the complex eigenvalues and eigenvectors of a square matrix; their order is LAPACK's.

    Raises:
        RuntimeError: ``A`` is no square matrix.
    """
    check_matrix("linalg.eig", A, square=True)
    dtype = {paddle.float32: paddle.complex64, paddle.float64: paddle.complex128}.get(
        A.dtype, A.dtype
    )
    if 0 in A.shape:
        return nothing_from(A, A.shape[:-1], dtype), nothing_from(A, A.shape, dtype)
    if A.stop_gradient or not paddle.is_grad_enabled():
        values, vectors = _C_ops.eig(A)
        return values, vectors
    return _Eig.apply(A)


class _Eig(PyLayer):
    """Gradient: Boeddeker et al., "On the Computation of Complex-valued Gradients" (2019), section 4.27."""

    @staticmethod
    def forward(ctx: Any, A: paddle.Tensor) -> Any:
        values, vectors = _C_ops.eig(A)
        ctx.save_for_backward(values, vectors)
        ctx.set_materialize_grads(False)
        ctx.real = A.dtype not in COMPLEX
        return values, vectors

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        gvalues, gvectors = args
        first_order_only("torch.linalg.eig")
        values, vectors = ctx.saved_tensor()
        adjoint = adjoint_of(vectors)
        turned = None
        if gvectors is not None:
            turned = adjoint @ gvectors
            # The vectors have length 1, so that their gradients along themselves do not count.
            along = paddle.diagonal(turned, axis1=-2, axis2=-1).real()
            turned = turned - adjoint @ (vectors * cast(along, vectors.dtype).unsqueeze(-2))
        inner = _between(values.conj(), gvalues, turned)
        result = _C_ops.inverse(adjoint) @ (inner @ adjoint)
        return result.real() if ctx.real else result


@autocasts
def linalg_eigvals(A: paddle.Tensor) -> paddle.Tensor:
    """Return the complex eigenvalues of a square matrix."""
    return linalg_eig(A)[0]
