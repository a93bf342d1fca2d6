"""The normal distribution's function, its logarithm and its inverse, and the scaled error function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import paddle
from paddle import _C_ops as _stubbed
from paddle.autograd import PyLayer

from oarlock.ops.elementwise import real_floating
from oarlock.ops.promotion import cast

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)
# From here the continued fraction is exact in float64 with so many terms.
_FAR, _TERMS = 4.0, 60


def special_ndtr(input: paddle.Tensor) -> paddle.Tensor:
    """The probability that a standard normal variable is below ``input``.

    Raises:
        RuntimeError: ``input`` is complex.
    """
    return real_floating("ndtr", lambda x: _differentiable(x, _ndtr, _density), input)


def special_log_ndtr(input: paddle.Tensor) -> paddle.Tensor:
    """The logarithm of ndtr, exact far below zero.

    Raises:
        RuntimeError: ``input`` is complex.
    """
    return real_floating("log_ndtr", lambda x: _differentiable(x, _log_ndtr, _hazard), input)


def special_ndtri(input: paddle.Tensor) -> paddle.Tensor:
    """The inverse of ndtr, NaN outside [0, 1].

    Raises:
        RuntimeError: ``input`` is complex.
    """
    return real_floating("ndtri", lambda x: _differentiable(x, _ndtri, _ndtri_slope), input)


def special_erfcx(input: paddle.Tensor) -> paddle.Tensor:
    """``exp(input**2) * erfc(input)``, which does not vanish for large input.

    Raises:
        RuntimeError: ``input`` is complex.
    """
    return real_floating("erfcx", lambda x: _differentiable(x, _erfcx, _erfcx_slope), input)


class _Differentiable(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: Any, value: Callable, slope: Callable) -> Any:
        ctx.save_for_backward(x)
        ctx.slope = slope
        return value(x)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        (x,) = ctx.saved_tensor()
        return args[0] * ctx.slope(x)


def _differentiable(x: Any, value: Callable, slope: Callable) -> Any:
    def computed(x: Any) -> Any:
        return cast(value(_C_ops.cast(x.detach(), paddle.float64)), x.dtype)

    if x.stop_gradient or not paddle.is_grad_enabled():
        return computed(x)
    return _Differentiable.apply(x, computed, slope)


def _density(x: Any) -> Any:
    return paddle.exp(x * x * -0.5) / _ROOT_TWO_PI


def _hazard(x: Any) -> Any:
    return math.sqrt(2 / math.pi) / special_erfcx(x * -_ROOT_HALF)


def _ndtri_slope(p: Any) -> Any:
    y = special_ndtri(p)
    return paddle.exp(y * y * 0.5) * _ROOT_TWO_PI


def _erfcx_slope(x: Any) -> Any:
    return x * 2 * special_erfcx(x) - 2 / math.sqrt(math.pi)


def _ndtr(x: Any) -> Any:
    z = x * _ROOT_HALF
    size = z.abs()
    # Beyond 30 it is 0 in float64.
    tail = _erfcx_positive(size) * paddle.exp(-(size.clip(max=30.0) ** 2)) * 0.5
    tail = paddle.where(size > 30.0, paddle.zeros_like(tail), tail)
    result = paddle.where(z < 0, tail, 1 - tail)
    return paddle.where(size < 0.5, 0.5 + 0.5 * paddle.erf(z), result)


def _log_ndtr(x: Any) -> Any:
    z = x * _ROOT_HALF
    low = paddle.log(_erfcx_positive(z.clip(max=0.0).abs()) * 0.5) - z * z
    return paddle.where(x < -1.0, low, paddle.log1p(-_ndtr(-x)))


def _ndtri(p: Any) -> Any:
    """The root of log_ndtr(y) = log(p) for the smaller tail, by Newton's method, which is convex there."""
    outside = (p < 0) | (p > 1) | p.isnan()
    small = paddle.minimum(p, 1 - p)
    inside = (small > 0) & ~outside
    safe = paddle.where(inside, small, paddle.full_like(p, 0.25))
    goal = paddle.log(safe)
    # P(Y < y) < exp(-y^2 / 2) / 2 for y < 0, so that the root lies right of this.
    y = -paddle.sqrt((-2 * (goal + math.log(2.0))).clip(min=0.0))
    for _ in range(12):
        scaled = _erfcx_positive((y * -_ROOT_HALF).clip(min=0.0))
        log = paddle.log(scaled * 0.5) - y * y * 0.5
        y = (y - (log - goal) * scaled * math.sqrt(math.pi / 2)).clip(max=0.0)
    y = paddle.where(p > 0.5, -y, y)
    ends = paddle.where(p > 0.5, paddle.full_like(p, math.inf), paddle.full_like(p, -math.inf))
    ends = paddle.where(outside, paddle.full_like(p, math.nan), ends)
    return paddle.where(inside, y, ends)


def _erfcx(x: Any) -> Any:
    positive = _erfcx_positive(x.abs())
    # Beyond -27 it is infinite in float64.
    mirrored = 2 * paddle.exp((x * x).clip(max=720.0)) - positive
    mirrored = paddle.where(x < -26.7, paddle.full_like(x, math.inf), mirrored)
    return paddle.where(x < 0, mirrored, positive)


def _erfcx_positive(x: Any) -> Any:
    near = x.clip(0.0, _FAR)
    half = paddle.full_like(x, 0.5)
    # erfc(x) = Q(1/2, x^2): DLMF 7.11.2.
    tail = _C_ops.gammaincc(half, (near * near).clip(min=0.25))
    close = paddle.exp(near * near) * paddle.where(near < 0.5, 1 - paddle.erf(near), tail)
    # Laplace's continued fraction, DLMF 7.9.1, from its end.
    far = x.clip(min=_FAR)
    fraction = far
    for k in range(_TERMS, 0, -1):
        fraction = far + (k / 2) / fraction
    return paddle.where(x < _FAR, close, 1 / (fraction * math.sqrt(math.pi)))
