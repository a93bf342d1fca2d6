"""LDL factors of symmetric and Hermitian matrices that need not be definite.

Bunch and Kaufman, "Some stable methods for calculating inertia and solving symmetric linear systems" (1977),
on the lower triangle: D has blocks of one or two rows, and the pivots are kept as LAPACK's sytrf and hetrf do.
No gradient is recorded, as torch records none.
"""

# ruff: noqa: N803
from __future__ import annotations

import math

import numpy as np
import paddle

from oarlock.ops.decompositions import check_matrix
from oarlock.ops.repeating import common_shape, spread

# The bound that makes elements grow least: Bunch and Kaufman, section 4.
_ALPHA = (1 + np.sqrt(17)) / 8


def linalg_ldl_factor_ex(
    input: paddle.Tensor, *, hermitian: bool = False, check_errors: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return L and D in one lower triangle, the exchanges, and where D has its first zero.

    Args:
        input: (…, n, n), of which the lower triangle is read.
        hermitian: whether the matrix is Hermitian instead of symmetric.
        check_errors: raise where D has a zero block.

    Returns:
        LD of ``input``'s shape, pivots (…, n) of int32, negative in pairs for blocks of two, and
        info (…) of int32.

    Raises:
        RuntimeError: ``input`` is no square matrix; D has a zero block and ``check_errors``.
    """
    check_matrix("torch.linalg.ldl_factor_ex", input, square=True)
    *batch, n, _ = input.shape
    count = math.prod(batch)
    matrices = np.tril(input.detach().numpy()).reshape([count, n, n])
    pivots, info = np.zeros([count, n], np.int32), np.zeros([count], np.int32)
    for at, a in enumerate(matrices):
        info[at] = _factor(a, pivots[at], hermitian)
    if check_errors and info.any():
        raise RuntimeError(
            f"torch.linalg.ldl_factor_ex: D has a zero block at row {info[info != 0][0]}"
        )
    place = input.place
    return (
        paddle.to_tensor(matrices.reshape(input.shape), place=place),
        paddle.to_tensor(pivots.reshape([*batch, n]), place=place),
        paddle.to_tensor(info.reshape(batch), place=place),
    )


def linalg_ldl_factor(
    input: paddle.Tensor, *, hermitian: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return L and D in one lower triangle and the exchanges, as linalg_ldl_factor_ex does.

    Raises:
        RuntimeError: D has a zero block.
    """
    factor, pivots, _ = linalg_ldl_factor_ex(input, hermitian=hermitian, check_errors=True)
    return factor, pivots


def linalg_ldl_solve(
    LD: paddle.Tensor, pivots: paddle.Tensor, B: paddle.Tensor, *, hermitian: bool = False
) -> paddle.Tensor:
    """Return X with A X = B for the matrix that was factored.

    Args:
        LD: (…, n, n), from linalg_ldl_factor.
        pivots: (…, n), from there too.
        B: (…, n, k).
        hermitian: as it was factored.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    check_matrix("torch.linalg.ldl_solve", LD, square=True)
    if B.ndim < 2:
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has {B.ndim} "
            "dimensions instead"
        )
    if pivots.dtype not in (paddle.int32, paddle.int64):
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Expected pivots to be integers. Got {pivots.dtype}"
        )
    if LD.dtype is not B.dtype or LD.shape[-1] != B.shape[-2]:
        raise RuntimeError("torch.linalg.ldl_solve: LD and B do not fit in shape or dtype")
    batch = common_shape(LD.shape[:-2], B.shape[:-2])
    n, k = B.shape[-2:]
    count = math.prod(batch)
    factors = spread(LD, [*batch, n, n]).numpy().reshape([count, n, n])
    exchanges = spread(pivots, [*batch, n]).numpy().reshape([count, n])
    x = np.array(spread(B, [*batch, n, k]).numpy()).reshape([count, n, k])
    for a, pivot, b in zip(factors, exchanges, x, strict=True):
        _solve(a, pivot, b, hermitian)
    return paddle.to_tensor(x.reshape([*batch, n, k]), place=B.place)


def _size(x: np.ndarray | complex) -> np.ndarray:
    """The absolute value as LAPACK chooses pivots by it: the sum of both parts'."""
    return np.abs(np.real(x)) + np.abs(np.imag(x))


def _swapped(a: np.ndarray, k: int, p: int, hermitian: bool) -> None:
    """Exchange rows and columns k < p of the lower triangle of what is still to be factored."""
    a[p + 1 :, [k, p]] = a[p + 1 :, [p, k]]
    between = a[k + 1 : p, k].copy()
    a[k + 1 : p, k] = a[p, k + 1 : p].conj() if hermitian else a[p, k + 1 : p]
    a[p, k + 1 : p] = between.conj() if hermitian else between
    if hermitian:
        a[p, k] = a[p, k].conj()
    a[k, k], a[p, p] = a[p, p], a[k, k]


def _factor(a: np.ndarray, pivots: np.ndarray, hermitian: bool) -> int:
    """Factor the lower triangle ``a`` in place; returns the 1-based row of the first zero block, or 0."""
    n, info, k = len(a), 0, 0
    conjugate = np.conj if hermitian else np.asarray
    while k < n:
        own = abs(a[k, k].real) if hermitian else _size(a[k, k])
        column = _size(a[k + 1 :, k])
        greatest = k + 1 + int(column.argmax()) if len(column) else k
        below = column.max() if len(column) else 0
        step, p = 1, k
        if max(own, below) == 0 or np.isnan(own):
            info = info or k + 1
            if hermitian:
                a[k, k] = a[k, k].real
            pivots[k] = k + 1
            k += 1
            continue
        if own < _ALPHA * below:
            row = np.concatenate([a[greatest, k:greatest], a[greatest + 1 :, greatest]])
            beside = _size(row).max()
            theirs = a[greatest, greatest]
            theirs = abs(theirs.real) if hermitian else _size(theirs)
            if own >= _ALPHA * below * (below / beside):
                p = k
            elif theirs >= _ALPHA * beside:
                p = greatest
            else:
                step, p = 2, greatest
        first = k + step - 1
        if p != first:
            _swapped(a, first, p, hermitian)
            if step == 2:
                a[first, k], a[p, k] = a[p, k], a[first, k]
        rest = slice(k + step, n)
        if hermitian:
            a[k, k], a[first, first] = a[k, k].real, a[first, first].real
        if step == 1:
            scaled = a[rest, k] / a[k, k]
            a[rest, rest] -= np.tril(np.outer(scaled, conjugate(a[rest, k])))
            a[rest, k] = scaled
            pivots[k] = p + 1
        else:
            block = a[k : k + 2, k : k + 2].copy()
            block[0, 1] = conjugate(block[1, 0])
            given = a[rest, k : k + 2].copy()
            scaled = given @ np.linalg.inv(block)
            a[rest, rest] -= np.tril(scaled @ conjugate(given).T)
            a[rest, k : k + 2] = scaled
            pivots[k : k + 2] = -(p + 1)
        if hermitian:
            places = np.arange(k + step, n)
            a[places, places] = np.real(a[places, places])
        k += step
    return info


def _solve(a: np.ndarray, pivots: np.ndarray, b: np.ndarray, hermitian: bool) -> None:
    """Solve in place for the columns of ``b``: forward through L and D, back through L's transpose."""
    n, k = len(a), 0
    steps: list[tuple[int, int]] = []
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        first, p = k + step - 1, abs(int(pivots[k])) - 1
        if p != first:
            b[[first, p]] = b[[p, first]]
        rest = slice(k + step, n)
        b[rest] -= a[rest, k : k + step] @ b[k : k + step]
        block = np.tril(a[k : k + step, k : k + step])
        if step == 2:
            block[0, 1] = block[1, 0].conj() if hermitian else block[1, 0]
        b[k : k + step] = np.linalg.solve(block, b[k : k + step])
        steps.append((k, step))
        k += step
    for k, step in reversed(steps):
        below = a[k + step :, k : k + step]
        b[k : k + step] -= (below.conj() if hermitian else below).T @ b[k + step :]
        first, p = k + step - 1, abs(int(pivots[k])) - 1
        if p != first:
            b[[first, p]] = b[[p, first]]
