"""Error, gamma and Bessel functions, and the rest of torch.special's element-wise functions."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import floated, real_floating, refuse_complex, widened
from oarlock.ops.promotion import cast, filled


def erf(input: Any) -> Any:
    """The error function.

    Raises:
        RuntimeError: input is complex.
    """
    return real_floating("erf", _C_ops.erf, input)


def erfc(input: Any) -> Any:
    """1 - erf(input), by Paddle's lower incomplete gamma for large input, where the difference cancels.

    Raises:
        RuntimeError: input is complex.
    """
    return real_floating("erfc", _erfc, input)


def _erfc(x: Any) -> Any:
    # erfc(x) = Q(1/2, x^2) for x > 0: DLMF 7.11.2; it keeps the relative precision of the tail.
    wide = _C_ops.cast(x, paddle.float64)
    half = filled(0.5, wide.dtype, wide.place)
    near = _C_ops.less_than(wide, filled(0.5, wide.dtype, wide.place))
    one = _C_ops.full_like(wide, 1.0, wide.dtype, wide.place)
    # Beyond 30 it is 0 in float64; the incomplete gamma at infinity is nan.
    beyond = _C_ops.clip(_C_ops.where(near, one, wide).detach(), 0.0, 30.0)
    tail = _C_ops.gammaincc(_C_ops.expand(half, wide.shape), _C_ops.square(beyond).detach())
    body = _C_ops.scale(_C_ops.erf(wide), -1.0, 1.0, True)
    if x.stop_gradient:
        return cast(_C_ops.where(near, body, tail), x.dtype)
    # erf carries the gradient of both branches.
    correction = _C_ops.where(
        near, _C_ops.full_like(tail, 0.0, tail.dtype, tail.place), tail - body.detach()
    )
    return cast(_C_ops.add(body, correction.detach()), x.dtype)


@autocasts
def erfinv(input: Any) -> Any:
    """The inverse of erf, nan outside [-1, 1].

    Raises:
        RuntimeError: input is complex.
    """
    return real_floating("erfinv", _erfinv, input)


def _erfinv(x: Any) -> Any:
    if x.dtype is not paddle.float64:
        # In float32 the gradient near 1 loses half of its digits.
        return _C_ops.cast(_erfinv(_C_ops.cast(x, paddle.float64)), x.dtype)
    outside = _C_ops.greater_than(_C_ops.abs(x.detach()), filled(1.0, x.dtype, x.place))
    one = _C_ops.full_like(x, 1.0, x.dtype, x.place)
    return _C_ops.multiply(
        _C_ops.erfinv(x),
        _C_ops.where(outside, _C_ops.full_like(x, math.nan, x.dtype, x.place), one),
    )


def lgamma(input: Any) -> Any:
    """The logarithm of the absolute value of the gamma function.

    Raises:
        RuntimeError: input is complex.
    """
    return real_floating("lgamma", _C_ops.lgamma, input)


def digamma(input: Any) -> Any:
    """The derivative of lgamma.

    Raises:
        RuntimeError: input is complex.
    """
    return real_floating("digamma", _digamma, input)


def _digamma(x: Any) -> Any:
    if x.stop_gradient:
        return _C_ops.digamma(x)
    # Paddle's gradient fails below zero: the reflection formula, DLMF 5.5.4, has it.
    negative = _C_ops.less_than(x, filled(0.0, x.dtype, x.place))
    if not _C_ops.any(negative, [], False).item():
        return _C_ops.digamma(x)
    zero = _C_ops.full_like(x, 0.0, x.dtype, x.place)
    half = _C_ops.full_like(x, 0.5, x.dtype, x.place)
    mirrored = _C_ops.where(negative, _C_ops.scale(x, -1.0, 1.0, True), x)
    angle = _C_ops.scale(_C_ops.where(negative, x, half), math.pi, 0.0, True)
    cotangent = _C_ops.divide(_C_ops.full_like(x, math.pi, x.dtype, x.place), _C_ops.tan(angle))
    result = _C_ops.subtract(_C_ops.digamma(mirrored), _C_ops.where(negative, cotangent, zero))
    exact = _C_ops.digamma(x.detach())
    return _C_ops.add(_C_ops.subtract(result, result.detach()), exact)


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma.

    Raises:
        RuntimeError: n is negative; input is complex.
    """
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    if n == 0:
        return digamma(input)

    def derivative(x: Any) -> Any:
        # In float32 the series loses digits.
        return cast(_C_ops.polygamma(_C_ops.cast(x, paddle.float64), n), x.dtype)

    return real_floating("polygamma", derivative, input)


def mvlgamma(input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension p.

    sum_i lgamma(x - i / 2) for i < p, plus p (p - 1) / 4 log(pi) (DLMF 35.3.4).

    Raises:
        RuntimeError: p < 1; input is complex.
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    refuse_complex("mvlgamma", input)
    x = floated(input)
    wide = widened(x)
    total = _C_ops.lgamma(wide)
    for i in range(1, p):
        total = _C_ops.add(total, _C_ops.lgamma(_C_ops.scale(wide, 1.0, -i / 2, True)))
    return cast(_C_ops.scale(total, 1.0, p * (p - 1) / 4 * math.log(math.pi), True), x.dtype)


def i0(input: Any) -> Any:
    """The modified Bessel function of the first kind, order 0.

    Raises:
        RuntimeError: input is complex.
    """
    return real_floating("i0", _C_ops.i0, input)


def i0e(input: Any) -> Any:
    """exp(-|input|) * i0(input)."""
    return real_floating("i0e", _C_ops.i0e, input)


def i1(input: Any) -> Any:
    """The modified Bessel function of the first kind, order 1."""
    return real_floating("i1", _C_ops.i1, input)


def i1e(input: Any) -> Any:
    """exp(-|input|) * i1(input)."""
    return real_floating("i1e", _C_ops.i1e, input)


def entr(input: Any) -> Any:
    """-input * log(input), 0 at 0 and -inf below."""
    return real_floating("entr", _entr, input)


def _entr(x: Any) -> Any:
    zero = _C_ops.full_like(x, 0.0, x.dtype, x.place)
    positive = _C_ops.greater_than(x, zero)
    one = _C_ops.full_like(x, 1.0, x.dtype, x.place)
    safe = _C_ops.where(positive, x, one)
    body = _C_ops.multiply(_C_ops.scale(safe, -1.0, 0.0, True), _C_ops.log(safe))
    below = _C_ops.full_like(x, -math.inf, x.dtype, x.place)
    outside = _C_ops.where(_C_ops.less_than(x, zero), below, zero)
    outside = _C_ops.where(_C_ops.isnan(x), x, outside)
    return _C_ops.where(positive, body, outside)
