"""float64 where Paddle's kernels take their numbers in float32: the same from exact operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed


def power(x: paddle.Tensor, exponent: float) -> paddle.Tensor:
    """Return ``x**exponent``; Paddle's kernel rounds the exponent to float32."""
    if x.dtype is not paddle.float64:
        return _C_ops.pow(x, exponent)
    return _C_ops.elementwise_pow(x, paddle.full([], exponent, paddle.float64))


def elu64(x: paddle.Tensor, alpha: float, scale: float = 1.0, inner: float = 1.0) -> paddle.Tensor:
    """Return ``scale * x`` where ``x`` is positive, ``scale * alpha * (exp(inner * x) - 1)`` elsewhere."""
    negative = _C_ops.scale(_C_ops.clip(x, float("-inf"), 0.0), inner, 0.0, True)
    below = _C_ops.scale(_C_ops.expm1(negative), scale * alpha, 0.0, True)
    above = x if scale == 1.0 else _C_ops.scale(x, scale, 0.0, True)
    return _C_ops.where(_C_ops.less_equal(x, paddle.zeros([], x.dtype)), below, above)


def clipped64(x: paddle.Tensor, low: float, high: float) -> paddle.Tensor:
    """Return ``x`` clipped to [low, high], with a gradient of zero at both bounds."""
    clipped = _C_ops.clip(x.detach(), low, high)
    inside = _C_ops.equal(clipped, x)
    at_bound = _C_ops.logical_or(
        _C_ops.equal(x, paddle.full([], low, x.dtype)),
        _C_ops.equal(x, paddle.full([], high, x.dtype)),
    )
    inside = _C_ops.logical_and(inside, _C_ops.logical_not(at_bound))
    # NaN equals nothing, and is let through.
    return _C_ops.where(_C_ops.logical_or(inside, _C_ops.isnan(x)), x, clipped)


def by_matrices(x: paddle.Tensor, matrices: Sequence[np.ndarray]) -> paddle.Tensor:
    """Map each spatial dim of ``x`` (N, C, *) by a matrix of shape (its output size, its size).

    An element with a weight of zero stays out, also where it is infinite or NaN.
    """
    for i, matrix in enumerate(matrices):
        used = matrix != 0
        # Of each row the elements it takes come first; a shorter row is filled up with others.
        taps = np.argsort(~used, axis=1, kind="stable")[:, : max(used.sum(1).max(initial=0), 1)]
        used = np.take_along_axis(used, taps, 1)
        beside = [*taps.shape, *[1] * (x.ndim - 3 - i)]
        weights = np.take_along_axis(matrix, taps, 1).reshape(beside)
        where = paddle.to_tensor(taps.reshape(-1), place=x.place)
        taken = _C_ops.index_select(x, where, 2 + i)
        taken = _C_ops.reshape(taken, [*x.shape[: 2 + i], *taps.shape, *x.shape[3 + i :]])
        taken = _C_ops.multiply(taken, paddle.to_tensor(weights, dtype=x.dtype, place=x.place))
        if not used.all():
            kept = paddle.to_tensor(used.reshape(beside), place=x.place)
            kept = _C_ops.expand(kept, taken.shape)
            taken = _C_ops.where(kept, taken, paddle.zeros_like(taken))
        x = _C_ops.sum(taken, [3 + i], None, False)
    return x


def standardized(
    x: paddle.Tensor, dims: Sequence[int], eps: float
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return ``x`` with mean 0 and variance 1 over ``dims``, the mean and the biased variance.

    Mean and variance keep ``dims`` with size 1.
    """
    mean = _C_ops.mean(x, list(dims), True)
    centred = _C_ops.subtract(x, mean)
    var = _C_ops.mean(_C_ops.square(centred), list(dims), True)
    scale = _C_ops.rsqrt(_C_ops.scale(var, 1.0, eps, True))
    return _C_ops.multiply(centred, scale), mean, var
