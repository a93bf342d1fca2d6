"""Exponentials, logarithms, roots, trigonometry and rounding, element by element."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import (
    floated,
    floating,
    is_zero,
    refuse_complex,
    rounding,
    same_value,
    widened,
)
from oarlock.ops.promotion import (
    BOOL,
    COMPLEX,
    COMPLEX128,
    FLOAT32,
    FLOAT64,
    cast,
    category,
    default_dtype,
    filled,
)

_LOG_2 = math.log(2.0)


@autocasts
def exp(input: Any) -> Any:
    """``e ** input``."""
    if input.dtype is COMPLEX128:
        # Paddle's kernel computes it in single precision.
        size, angle = _C_ops.exp(_C_ops.real(input)), _C_ops.imag(input)
        return _C_ops.complex(
            _C_ops.multiply(size, _C_ops.cos(angle)), _C_ops.multiply(size, _C_ops.sin(angle))
        )
    return floating(_C_ops.exp, input)


def exp2(input: Any) -> Any:
    """2 ** input."""
    x = floated(input)
    wide = widened(x)
    two = filled(2.0, wide.dtype, wide.place)
    if wide.dtype in COMPLEX:
        return exp(_C_ops.scale(wide, _LOG_2, 0.0, True))
    return cast(_C_ops.elementwise_pow(two, wide), x.dtype)


@autocasts
def expm1(input: Any) -> Any:
    """``e ** input`` - 1, exact near zero."""
    if input.dtype in COMPLEX:
        real, imag = _C_ops.real(input), _C_ops.imag(input)
        half = _C_ops.sin(_C_ops.scale(imag, 0.5, 0.0, True))
        # exp(a) cos b - 1 = expm1(a) cos b - 2 sin(b / 2) ** 2
        grown = _C_ops.multiply(_C_ops.expm1(real), _C_ops.cos(imag))
        part = _C_ops.subtract(grown, _C_ops.scale(_C_ops.square(half), 2.0, 0.0, True))
        return _C_ops.complex(part, _C_ops.multiply(_C_ops.exp(real), _C_ops.sin(imag)))
    return floating(_C_ops.expm1, input)


@autocasts
def log(input: Any) -> Any:
    """The natural logarithm."""
    return floating(_C_ops.log, input)


@autocasts
def log2(input: Any) -> Any:
    """The logarithm to base 2."""
    return floating(_C_ops.log2, input)


@autocasts
def log10(input: Any) -> Any:
    """The logarithm to base 10."""
    return floating(_C_ops.log10, input)


@autocasts
def log1p(input: Any) -> Any:
    """log(1 + input), exact near zero."""
    if input.dtype in COMPLEX:
        real, imag = _C_ops.real(input), _C_ops.imag(input)
        grown = _C_ops.multiply(real, _C_ops.scale(real, 1.0, 2.0, True))
        size = _C_ops.log1p(_C_ops.add(grown, _C_ops.square(imag)))
        angle = _C_ops.atan2(imag, _C_ops.scale(real, 1.0, 1.0, True))
        return _C_ops.complex(_C_ops.scale(size, 0.5, 0.0, True), angle)
    return floating(_C_ops.log1p, input)


def sqrt(input: Any) -> Any:
    """The square root."""
    return floating(exact_root, input)


def exact_root(x: Any) -> Any:
    """The square root of floating-point or complex x, in float64 for float32 on the CPU.

    There Paddle's kernel approximates it, and gives nan for infinity.
    """
    if x.dtype is FLOAT32 and x.place.is_cpu_place():
        return _C_ops.cast(_C_ops.sqrt(_C_ops.cast(x, FLOAT64)), FLOAT32)
    return _C_ops.sqrt(x)


@autocasts
def rsqrt(input: Any) -> Any:
    """1 / sqrt(input)."""
    if input.dtype in COMPLEX:
        return _C_ops.reciprocal(_C_ops.sqrt(input))
    return floating(_C_ops.rsqrt, input)


def sin(input: Any) -> Any:
    """The sine."""
    return floating(_C_ops.sin, input)


def cos(input: Any) -> Any:
    """The cosine."""
    return floating(_C_ops.cos, input)


@autocasts
def tan(input: Any) -> Any:
    """The tangent."""
    return floating(_C_ops.tan, input)


@autocasts
def asin(input: Any) -> Any:
    """The inverse sine."""
    return floating(_C_ops.asin, input)


@autocasts
def acos(input: Any) -> Any:
    """The inverse cosine."""
    return floating(_C_ops.acos, input)


def atan(input: Any) -> Any:
    """The inverse tangent."""
    return floating(_C_ops.atan, input)


@autocasts
def sinh(input: Any) -> Any:
    """The hyperbolic sine."""
    return floating(_C_ops.sinh, input)


@autocasts
def cosh(input: Any) -> Any:
    """The hyperbolic cosine."""
    return floating(_C_ops.cosh, input)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return floating(_C_ops.tanh, input)


def asinh(input: Any) -> Any:
    """The inverse hyperbolic sine."""
    return floating(_C_ops.asinh, input)


def acosh(input: Any) -> Any:
    """The inverse hyperbolic cosine."""
    return floating(_C_ops.acosh, input)


def atanh(input: Any) -> Any:
    """The inverse hyperbolic tangent."""
    return floating(_C_ops.atanh, input)


def sigmoid(input: Any) -> Any:
    """1 / (1 + exp(-input))."""
    if input.dtype is COMPLEX128:
        return _C_ops.reciprocal(exp(_C_ops.scale(input, -1.0, 0.0, True)) + 1.0)
    return floating(_C_ops.sigmoid, input)


def logit(input: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)) of x = input kept within [eps, 1 - eps], where eps is given.

    Raises:
        RuntimeError: input is complex.
    """
    refuse_complex("logit", input)
    x = floated(input)
    wide = widened(x)
    if eps is None:
        outside = _C_ops.logical_or(
            _C_ops.less_than(wide, filled(0.0, wide.dtype, wide.place)),
            _C_ops.greater_than(wide, filled(1.0, wide.dtype, wide.place)),
        )
        nan = _C_ops.full_like(wide, math.nan, wide.dtype, wide.place)
        one = _C_ops.full_like(wide, 1.0, wide.dtype, wide.place)
        wide = _C_ops.multiply(wide, _C_ops.where(outside, nan, one))
        if not x.stop_gradient:
            # The quotient's gradient at 0 and 1 is nan, this one's infinite.
            rest = _C_ops.log1p(_C_ops.scale(wide, -1.0, 0.0, True))
            return cast(_C_ops.subtract(_C_ops.log(wide), rest), x.dtype)
    else:
        wide = _C_ops.clip(wide, eps, 1 - eps)
    # torch rounds every step to a half dtype.
    rest = _rounded(_C_ops.scale(wide, -1.0, 1.0, True), x.dtype)
    odds = _rounded(_C_ops.divide(_rounded(wide, x.dtype), rest), x.dtype)
    return cast(_C_ops.log(odds), x.dtype)


def _rounded(x: Any, dtype: Any) -> Any:
    return x if x.dtype is dtype else _C_ops.cast(_C_ops.cast(x, dtype), x.dtype)


def sinc(input: Any) -> Any:
    """sin(pi * input) / (pi * input), and 1 at 0."""
    x = floated(input)
    wide = widened(x)
    angle = _C_ops.scale(wide, math.pi, 0.0, True)
    one = _C_ops.full_like(wide, 1.0, wide.dtype, wide.place)
    zero = is_zero(wide)
    safe = _C_ops.where(zero, one, angle)
    return cast(_C_ops.where(zero, one, _C_ops.divide(_C_ops.sin(safe), safe)), x.dtype)


def deg2rad(input: Any) -> Any:
    """Degrees in radians.

    Raises:
        RuntimeError: input is complex.
    """
    return _turned("deg2rad", input, math.pi / 180)


def rad2deg(input: Any) -> Any:
    """Radians in degrees.

    Raises:
        RuntimeError: input is complex.
    """
    return _turned("rad2deg", input, 180 / math.pi)


def _turned(name: str, x: Any, factor: float) -> Any:
    if x.dtype in COMPLEX:
        raise RuntimeError(f"{name} is not supported for complex tensors.")
    return _C_ops.scale(floated(x), factor, -0.0, True)


def floor(input: Any) -> Any:
    """The largest integer not above.

    Raises:
        RuntimeError: input is bool or complex.
    """
    return rounding("floor", _C_ops.floor, input)


def ceil(input: Any) -> Any:
    """The smallest integer not below.

    Raises:
        RuntimeError: input is bool or complex.
    """
    return rounding("ceil", _C_ops.ceil, input)


def trunc(input: Any) -> Any:
    """The integer part.

    Raises:
        RuntimeError: input is bool or complex.
    """
    return rounding("trunc", _C_ops.trunc, input)


def round(input: Any, *, decimals: int | None = None) -> Any:
    """The nearest integer, halves to the even one; to a number of decimals where given.

    Raises:
        RuntimeError: input is bool or complex; decimals for integers.
    """
    if not decimals:
        return rounding("round", _nearest, input)
    if category(input.dtype) != 2:
        raise RuntimeError('"round_decimals" not implemented for this dtype')
    wide = widened(input)
    # torch multiplies by 10 ** decimals and rounds in the dtype itself.
    ten = filled(10.0 ** math.fabs(decimals), wide.dtype, wide.place)
    if decimals > 0:
        result = _C_ops.divide(_nearest(_C_ops.multiply(wide, ten)), ten)
    else:
        result = _C_ops.multiply(_nearest(_C_ops.divide(wide, ten)), ten)
    return cast(result, input.dtype)


def _nearest(x: Any) -> Any:
    return _C_ops.round(x, 0)


def frac(input: Any) -> Any:
    """``input`` - trunc(input).

    Raises:
        RuntimeError: input is bool, integer or complex.
    """
    if category(input.dtype) != 2:
        raise RuntimeError('"frac" not implemented for this dtype')
    wide = widened(input)
    return cast(_C_ops.subtract(wide, _C_ops.trunc(wide)), input.dtype)


def nan_to_num(
    input: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """``input`` with nan (0), +inf (largest finite) and -inf (lowest finite) replaced."""
    dtype = input.dtype
    if category(dtype) < 2:
        return _C_ops.assign(input)
    if dtype in COMPLEX:
        parts = [nan_to_num(_C_ops.real(input), nan, posinf, neginf)]
        parts.append(nan_to_num(_C_ops.imag(input), nan, posinf, neginf))
        return _C_ops.complex(*parts)
    limit = float(paddle.finfo(dtype).max)
    wide = widened(input)
    kept = wide
    for where, value in (
        (_C_ops.isnan(wide), 0.0 if nan is None else nan),
        (_equal(wide, math.inf), limit if posinf is None else posinf),
        (_equal(wide, -math.inf), -limit if neginf is None else neginf),
    ):
        kept = _C_ops.where(
            where, _C_ops.full_like(wide, float(value), wide.dtype, wide.place), kept
        )
    return cast(kept, dtype)


def _equal(x: Any, value: float) -> Any:
    return same_value(x, filled(value, x.dtype, x.place))


def isnan(input: Any) -> Any:
    """Where input is nan."""
    if category(input.dtype) < 2:
        return _all_false(input)
    return _C_ops.isnan(widened(input))


def isinf(input: Any) -> Any:
    """Where input, or a part of a complex one, is infinite."""
    if category(input.dtype) < 2:
        return _all_false(input)
    if input.dtype in COMPLEX:
        return _C_ops.logical_or(_C_ops.isinf(_C_ops.real(input)), _C_ops.isinf(_C_ops.imag(input)))
    return _C_ops.isinf(widened(input))


def isfinite(input: Any) -> Any:
    """Where input is neither nan nor infinite."""
    if category(input.dtype) < 2:
        return _C_ops.full_like(input, True, BOOL, input.place)
    if input.dtype in COMPLEX:
        return _C_ops.logical_and(
            _C_ops.isfinite(_C_ops.real(input)), _C_ops.isfinite(_C_ops.imag(input))
        )
    return _C_ops.isfinite(widened(input))


def isposinf(input: Any) -> Any:
    """Where input is +inf.

    Raises:
        RuntimeError: input is complex.
    """
    return _is_infinity("isposinf", input, math.inf)


def isneginf(input: Any) -> Any:
    """Where input is -inf.

    Raises:
        RuntimeError: input is complex.
    """
    return _is_infinity("isneginf", input, -math.inf)


def _is_infinity(name: str, x: Any, value: float) -> Any:
    if x.dtype in COMPLEX:
        raise RuntimeError(f"{name} does not support complex inputs.")
    return _all_false(x) if category(x.dtype) < 2 else _equal(x.detach(), value)


def isreal(input: Any) -> Any:
    """Where the imaginary part is zero."""
    if input.dtype in COMPLEX:
        return _equal(_C_ops.imag(input).detach(), 0.0)
    return _C_ops.full_like(input, True, BOOL, input.place)


def _all_false(x: Any) -> Any:
    return _C_ops.full_like(x, False, BOOL, x.place)


def signbit(input: Any) -> Any:
    """Where the sign bit is set: negative numbers and -0.0.

    Raises:
        RuntimeError: input is complex.
    """
    refuse_complex("signbit", input)
    x = input.detach()
    if category(x.dtype) == 0:
        return _all_false(x)
    if category(x.dtype) == 1:
        return _C_ops.less_than(x, filled(0, x.dtype, x.place))
    one = filled(1.0, FLOAT64 if x.dtype is FLOAT64 else FLOAT32, x.place)
    return _C_ops.less_than(_C_ops.copysign(one, cast(x, one.dtype)), one * 0)


def angle(input: Any) -> Any:
    """The argument of complex numbers; of real ones 0, or pi where negative, nan where nan."""
    if input.dtype in COMPLEX:
        return _C_ops.angle(input)
    x = cast(input, default_dtype()) if category(input.dtype) < 2 else input
    wide = widened(x).detach()
    negative = _C_ops.less_than(wide, filled(0.0, wide.dtype, wide.place))
    result = _C_ops.scale(_C_ops.cast(negative, wide.dtype), math.pi, 0.0, True)
    if category(input.dtype) == 2:
        result = _C_ops.where(_C_ops.isnan(wide), wide, result)
    if not x.stop_gradient:
        # The gradient is zero, but there is one.
        result = _C_ops.add(result, _gradient_of_zero(widened(x)))
    return cast(result, x.dtype)


def _gradient_of_zero(x: Any) -> Any:
    never = _C_ops.full_like(x, False, BOOL, x.place)
    return _C_ops.where(never, x, _C_ops.full_like(x, 0.0, x.dtype, x.place))


def real(input: Any) -> Any:
    """The real part; a real tensor itself."""
    return _C_ops.real(input) if input.dtype in COMPLEX else input


def imag(input: Any) -> Any:
    """The imaginary part.

    Raises:
        RuntimeError: input is real.
    """
    if input.dtype not in COMPLEX:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _C_ops.imag(input)


def conj_physical(input: Any) -> Any:
    """The complex conjugate."""
    return _C_ops.conj(input) if input.dtype in COMPLEX else _C_ops.assign(input)


def frexp(input: Any) -> Any:
    """(mantissa, exponent) with input = mantissa * 2 ** exponent and 0.5 <= |mantissa| < 1.

    Raises:
        RuntimeError: input is not floating.
    """
    if category(input.dtype) != 2:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    wide = widened(input)
    with paddle.no_grad():
        size = _C_ops.cast(_C_ops.abs(wide), FLOAT64)
        regular = _C_ops.logical_and(_C_ops.isfinite(size), _C_ops.cast(size, BOOL))
        one = _C_ops.full_like(size, 1.0, FLOAT64, size.place)
        safe = _C_ops.where(regular, size, one)
        exponent = _C_ops.floor(_C_ops.log2(safe)) + 1
        two = filled(2.0, FLOAT64, size.place)
        # The logarithm may be off by one at a power of two.
        mantissa = _C_ops.divide(safe, _C_ops.elementwise_pow(two, exponent))
        exponent = exponent + _C_ops.cast(mantissa >= 1.0, FLOAT64)
        exponent = exponent - _C_ops.cast(mantissa < 0.5, FLOAT64)
        exponent = _C_ops.where(regular, exponent, one * 0)
        factor = _C_ops.elementwise_pow(two, -exponent)
    mantissa = _C_ops.multiply(_C_ops.cast(wide, FLOAT64), factor)
    return cast(mantissa, input.dtype), _C_ops.cast(exponent, paddle.int32)
