"""Products of Householder reflections, as LAPACK keeps Q of a QR decomposition."""

# ruff: noqa: N803
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import paddle

from oarlock.ops.composition import autocasts
from oarlock.ops.decompositions import adjoint_of, check_matrix, nothing_from
from oarlock.ops.repeating import common_shape, spread


@autocasts
def geqrf(input: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return R above the reflections' vectors, (…, m, n), and their factors tau, (…, min(m, n)).

    Raises:
        RuntimeError: ``input`` is no matrix of a floating-point or complex dtype.
    """
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    check_matrix("geqrf", input)
    *batch, m, n = input.shape
    if 0 in input.shape:
        return nothing_from(input, input.shape), paddle.zeros([*batch, min(m, n)], input.dtype)
    # LAPACK's own, through NumPy: Paddle keeps to itself what it makes Q of.
    packed, tau = np.linalg.qr(input.detach().numpy(), mode="raw")
    place = input.place
    packed = np.ascontiguousarray(np.swapaxes(packed, -1, -2))
    return paddle.to_tensor(packed, place=place), paddle.to_tensor(tau, place=place)


@autocasts
def linalg_householder_product(input: paddle.Tensor, tau: paddle.Tensor) -> paddle.Tensor:
    """Return the first n columns of H₁ H₂ … H_k, H_i = 1 - tau_i v_i v_iᴴ.

    Args:
        input: (…, m, n) with m >= n; v_i is column i below the diagonal, with 1 on it and 0 above.
        tau: (…, k) with k <= n.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    _check_reflections("torch.linalg.householder_product", input, tau)
    *batch, m, n = input.shape
    columns = spread(paddle.eye(m, n, dtype=input.dtype), [*batch, m, n])
    if 0 in input.shape or 0 in tau.shape:
        return _unconnected(columns.clone(), input, tau)
    return _reflected(input, tau, columns, range(tau.shape[-1] - 1, -1, -1))


@autocasts
def orgqr(input: paddle.Tensor, input2: paddle.Tensor) -> paddle.Tensor:
    """The same as linalg_householder_product."""
    return linalg_householder_product(input, input2)


@autocasts
def ormqr(
    input: paddle.Tensor,
    input2: paddle.Tensor,
    input3: paddle.Tensor,
    left: bool = True,
    transpose: bool = False,
) -> paddle.Tensor:
    """Return Q C, C Q, Qᴴ C or C Qᴴ for the square Q = H₁ H₂ … H_k, never made.

    Args:
        input: (…, m, k), the reflections' vectors.
        input2: (…, k), their factors tau.
        input3: C, (…, m, n), or (…, n, m) where not ``left``.
        left: whether Q stands on the left.
        transpose: whether Qᴴ is meant.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    tau, other = input2, input3
    for name, x in (("input", input), ("other", other)):
        if x.ndim < 2:
            raise RuntimeError(f"torch.ormqr: {name} must have at least 2 dimensions.")
    side = -2 if left else -1
    if other.shape[side] < tau.shape[-1]:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
        )
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] != min(input.shape[-2:]) or tau.shape[-1] > input.shape[-1]:
        raise RuntimeError(
            "torch.ormqr: tau.shape[-1] must be equal to min(other.shape[-2], input.shape[-1])"
        )
    if not left:
        # C Q = (Qᴴ Cᴴ)ᴴ
        return adjoint_of(ormqr(input, tau, adjoint_of(other), True, not transpose))
    if not input.dtype == tau.dtype == other.dtype:
        raise RuntimeError("torch.ormqr: Expected input, tau and other to have the same dtype")
    if 0 in other.shape:
        return _unconnected(nothing_from(other, other.shape), input, tau, other)
    count = range(tau.shape[-1])
    if transpose:
        tau = tau.conj() if paddle.is_complex(tau) else tau
        return _reflected(input, tau, other, count)
    return _reflected(input, tau, other, reversed(count))


def _reflected(
    vectors: paddle.Tensor, tau: paddle.Tensor, x: paddle.Tensor, order: Iterable[int]
) -> paddle.Tensor:
    """H_i x for each i in turn."""
    m = vectors.shape[-2]
    batch = common_shape(vectors.shape[:-2], x.shape[:-2])
    x = spread(x, [*batch, *x.shape[-2:]])
    for i in order:
        unit = paddle.eye(m, dtype=x.dtype)[:, i : i + 1]
        below = (paddle.arange(m) > i).cast(x.dtype).unsqueeze(-1)
        v = vectors[..., i : i + 1] * below + unit
        factor = tau[..., i].unsqueeze(-1).unsqueeze(-1)
        x = x - (factor * v) @ (adjoint_of(v) @ x)
    return x


def _unconnected(result: paddle.Tensor, *operands: paddle.Tensor) -> paddle.Tensor:
    """Let ``result`` require a gradient where an operand does; torch passes none on where nothing is reflected."""
    if paddle.is_grad_enabled() and not all(x.stop_gradient for x in operands):
        result.stop_gradient = False
    return result


def _check_reflections(name: str, A: paddle.Tensor, tau: paddle.Tensor) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if A.shape[-2] < A.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if A.shape[-1] < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    if tau.ndim != A.ndim - 1 or list(tau.shape[:-1]) != list(A.shape[:-2]):
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], "
            f"but got {list(tau.shape)}"
        )
    if A.dtype is not tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype} does not match input dtype {A.dtype}")
