"""Sums, differences, products, quotients and powers, as torch computes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.ops import pointwise
from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import (
    applied,
    binary,
    broadcast,
    empty,
    floated,
    is_zero,
    mismatch,
    preserving,
    refuse_bool,
    refuse_complex,
    require_tensors,
    same_value,
    widened,
    with_zero_gradient,
)
from oarlock.ops.promotion import (
    BFLOAT16,
    BOOL,
    COMPLEX,
    COMPLEX128,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT8,
    INT64,
    UINT8,
    cast,
    category,
    filled,
    number_of,
    number_or_tensor,
    promoted,
    promoted_all,
    promoted_floating,
    real_dtype,
    result_dtype,
    scalar_of,
)

TENSOR = paddle.Tensor
# x * a + (-0.0) keeps the sign of a zero product; x * a + 0.0 would lose it.
NOTHING = -0.0


def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input`` + alpha * other, of tensors or numbers that broadcast.

    Raises:
        RuntimeError: the shapes do not broadcast; alpha is floating for integer operands.
        TypeError: an operand is neither a tensor nor a number.
    """
    if alpha != 1:
        other = _times_alpha(input, other, alpha)
    kind = type(other)
    if kind is float or kind is int:
        result = _plus(input, other)
        if result is not None:
            return result
    elif kind is TENSOR and type(input) is TENSOR:
        dtype = input.dtype
        if dtype is other.dtype and (dtype is FLOAT32 or dtype is INT64 or dtype is FLOAT64):
            try:
                return _C_ops.add(input, other)
            except ValueError as error:
                raise mismatch(input, other, error) from None
    elif type(input) in (float, int) and isinstance(other, TENSOR):
        result = _plus(other, input)
        if result is not None:
            return result
    return binary(_C_ops.add, input, other)


def _plus(x: Any, number: Any) -> Any:
    if not isinstance(x, TENSOR):
        return None
    dtype = x.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        return _C_ops.scale(x, 1.0, number, True)
    if dtype is INT64 and type(number) is int and -(2**63) <= number < 2**63:
        return _C_ops.scale(x, 1, number, True)
    return None


def _times_alpha(input: Any, other: Any, alpha: Any) -> Any:
    """``alpha`` * other, alpha checked against the dtype of input + other."""
    dtype = result_dtype(input, other)
    rank = category(dtype)
    alpha = scalar_of(alpha)
    if isinstance(alpha, bool) and rank > 0:
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if rank < 2 and not isinstance(alpha, int):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number."
        )
    if isinstance(alpha, complex) and rank < 3:
        raise RuntimeError(
            "For non-complex input tensors, argument alpha must not be a complex number."
        )
    if isinstance(other, TENSOR):
        return mul(cast(other, dtype), bool(alpha) if rank == 0 else alpha)
    return other * alpha


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``input`` - alpha * other, of tensors or numbers that broadcast.

    Raises:
        RuntimeError: a bool operand; the shapes do not broadcast; alpha is floating for integers.
        TypeError: an operand is neither a tensor nor a number.
    """
    if alpha != 1:
        _refuse_bool_difference(input, other)
        other = _times_alpha(input, other, alpha)
    kind = type(other)
    if kind is float or kind is int:
        result = _plus(input, -other)
        if result is not None:
            return result
    elif kind is TENSOR and type(input) is TENSOR:
        dtype = input.dtype
        if dtype is other.dtype and (dtype is FLOAT32 or dtype is INT64 or dtype is FLOAT64):
            try:
                return _C_ops.subtract(input, other)
            except ValueError as error:
                raise mismatch(input, other, error) from None
    _refuse_bool_difference(input, other)
    return binary(_C_ops.subtract, input, other)


def _refuse_bool_difference(a: Any, b: Any) -> None:
    bools = [getattr(x, "dtype", None) is BOOL or x is True or x is False for x in (a, b)]
    if all(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if any(bools):
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. "
            "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other`` - alpha * input."""
    require_tensors("rsub", input)
    if alpha == 1:
        kind = type(other)
        if kind is float or kind is int:
            dtype = input.dtype
            if dtype is FLOAT32 or dtype is FLOAT64:
                return _C_ops.scale(input, -1.0, other, True)
    return sub(other, input, alpha=alpha)


def mul(input: Any, other: Any) -> Any:
    """``input`` * other, of tensors or numbers that broadcast.

    Raises:
        RuntimeError: the shapes do not broadcast.
        TypeError: an operand is neither a tensor nor a number.
    """
    kind = type(other)
    if kind is float or kind is int:
        result = _times(input, other)
        if result is not None:
            return result
    elif kind is TENSOR and type(input) is TENSOR:
        dtype = input.dtype
        if dtype is other.dtype and (dtype is FLOAT32 or dtype is INT64 or dtype is FLOAT64):
            try:
                return _C_ops.multiply(input, other)
            except ValueError as error:
                raise mismatch(input, other, error) from None
    elif type(input) in (float, int) and isinstance(other, TENSOR):
        result = _times(other, input)
        if result is not None:
            return result
    return binary(_C_ops.multiply, input, other)


def _times(x: Any, number: Any) -> Any:
    if not isinstance(x, TENSOR):
        return None
    dtype = x.dtype
    if dtype is FLOAT32 or dtype is FLOAT64 or dtype is FLOAT16 or dtype is BFLOAT16:
        return _C_ops.scale(x, number, NOTHING, True)
    if dtype is INT64 and type(number) is int and -(2**63) <= number < 2**63:
        return _C_ops.scale(x, number, 0, True)
    return None


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``input`` / other; ``"trunc"`` and ``"floor"`` round the quotient and keep integer dtypes.

    Raises:
        RuntimeError: the shapes do not broadcast; another rounding mode; an integer over zero.
        TypeError: an operand is neither a tensor nor a number.
    """
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' "
            f"but found '{rounding_mode}'"
        )
    a, b = promoted(input, other)
    refuse_complex("div_trunc", a)
    if category(a.dtype) == 2:
        return preserving(_C_ops.trunc, true_divide(a, b))
    wide, divisor = _nonzero_divisor(a, b)
    return cast(applied(_C_ops.trunc_divide, wide, divisor), a.dtype)


def _nonzero_divisor(a: Any, b: Any) -> tuple[Any, Any]:
    """Operands of an integer division, as integers.

    Raises:
        RuntimeError: a zero divisor.
    """
    a, b = widened(a), widened(b)
    if not empty(b) and not empty(a) and not _C_ops.all(b, [], False).item():
        raise RuntimeError("ZeroDivisionError")
    return a, b


def true_divide(input: Any, other: Any) -> Any:
    """``input`` / other; bool and integers give the default floating-point dtype.

    Raises:
        RuntimeError: the shapes do not broadcast.
        TypeError: an operand is neither a tensor nor a number.
    """
    if isinstance(input, TENSOR):
        dtype = input.dtype
        if dtype is FLOAT32 or dtype is FLOAT64:
            kind = type(other)
            if kind is float or kind is int:
                if _exactly_invertible(other):
                    return _C_ops.scale(input, 1.0 / other, NOTHING, True)
                return _C_ops.divide(input, _C_ops.full([], other, dtype, input.place))
            if kind is TENSOR and dtype is other.dtype:
                try:
                    return _C_ops.divide(input, other)
                except ValueError as error:
                    raise mismatch(input, other, error) from None
    if _half_by_number(input, other):
        wide = _C_ops.cast(input, FLOAT32)
        return _C_ops.cast(true_divide(wide, float(other)), input.dtype)
    a, b = promoted_floating(input, other)
    return binary(_C_ops.divide, a, b)


def _half_by_number(x: Any, number: Any) -> bool:
    """Whether torch divides a half tensor by a number, which it keeps in float32."""
    if not isinstance(x, TENSOR) or (x.dtype is not FLOAT16 and x.dtype is not BFLOAT16):
        return False
    return isinstance(number_of(number), int | float)


def _exactly_invertible(number: Any) -> bool:
    """Whether multiplying by 1 / number rounds as dividing by it: a power of two of moderate size."""
    return 2.0**-100 < math.fabs(number) < 2.0**100 and math.frexp(number)[0] in (0.5, -0.5)


def floor_divide(input: Any, other: Any) -> Any:
    """The quotient rounded towards minus infinity, in the promoted dtype.

    Raises:
        RuntimeError: complex or bool operands; an integer over zero; the shapes do not broadcast.
    """
    if _half_by_number(input, other):
        wide = _C_ops.cast(input, FLOAT32)
        return _C_ops.cast(floor_divide(wide, float(other)), input.dtype)
    a, b = promoted(input, other)
    refuse_complex("div_floor", a)
    if category(a.dtype) == 2:
        return with_zero_gradient(binary(_C_ops.floor_divide, a, b), a, b)
    refuse_bool("div_floor", a)
    wide, divisor = _nonzero_divisor(a, b)
    return cast(applied(_C_ops.floor_divide, wide, divisor), a.dtype)


def remainder(input: Any, other: Any) -> Any:
    """Python's modulus: its sign is the divisor's.

    Raises:
        RuntimeError: complex or bool operands; an integer modulo zero; the shapes do not broadcast.
    """
    a, b = promoted(input, other)
    refuse_complex("remainder", a)
    refuse_bool("remainder", a)
    if category(a.dtype) == 2:
        return binary(_C_ops.remainder, a, b)
    wide, divisor = _nonzero_divisor(a, b)
    return cast(applied(_C_ops.remainder, wide, divisor), a.dtype)


def fmod(input: Any, other: Any) -> Any:
    """C's modulus: its sign is the dividend's.

    Raises:
        RuntimeError: complex or bool operands; an integer modulo zero; the shapes do not broadcast.
    """
    require_tensors("fmod", input)
    a, b = promoted(input, other)
    refuse_complex("fmod", a)
    refuse_bool("fmod", a)
    dtype = a.dtype
    if category(dtype) == 2:
        a, b = widened(a), widened(b)
        # The modulus with the divisor turned to the dividend's sign is C's, and exact.
        one = filled(1.0, a.dtype, a.place)
        with paddle.no_grad():
            sign = applied(_C_ops.multiply, _C_ops.copysign(one, a), _C_ops.copysign(one, b))
        return cast(_C_ops.remainder(a, _C_ops.multiply(b, sign)), dtype)
    a, b = _nonzero_divisor(a, b)
    quotient = applied(_C_ops.trunc_divide, a, b)
    return cast(_C_ops.subtract(a, _C_ops.multiply(quotient, b)), dtype)


def neg(input: Any) -> Any:
    """-input.

    Raises:
        RuntimeError: input is bool.
    """
    dtype = input.dtype
    if dtype is BOOL:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. "
            "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    if dtype is INT64:
        return _C_ops.scale(input, -1, 0, True)
    return _C_ops.scale(input, -1.0, NOTHING, True)


def positive(input: Any) -> Any:
    """The input itself.

    Raises:
        RuntimeError: input is bool.
    """
    if input.dtype is BOOL:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def abs(input: Any) -> Any:
    """The absolute value; of complex numbers the modulus, which is real.

    Raises:
        RuntimeError: input is bool.
    """
    dtype = input.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        if input.stop_gradient:
            return _C_ops.abs(input)
        # Paddle's own gradient at infinity is nan.
        return _C_ops.maximum(input, _C_ops.scale(input, -1.0, 0.0, True))
    if dtype is BOOL:
        raise RuntimeError("\"abs_cpu\" not implemented for 'Bool'")
    if dtype in COMPLEX:
        return _C_ops.abs(input)
    return cast(_C_ops.abs(widened(input)), dtype)


def sign(input: Any) -> Any:
    """-1, 0 or 1 by the sign; 0 for nan.

    Raises:
        RuntimeError: input is complex.
    """
    if input.dtype is BOOL:
        return _C_ops.assign(input)
    refuse_complex("sign", input)
    result = preserving(_C_ops.sign, input)
    if category(input.dtype) < 2:
        return result
    # Paddle's sign of nan is nan.
    wide = widened(result)
    zero = _C_ops.full_like(wide, 0.0, wide.dtype, wide.place)
    return cast(_C_ops.where(_C_ops.isnan(wide), zero, wide), input.dtype)


def sgn(input: Any) -> Any:
    """The sign of real numbers; z / |z| of complex ones, and 0 for 0."""
    if input.dtype not in COMPLEX:
        return sign(input)
    size = cast(_C_ops.abs(input), input.dtype)
    zero = is_zero(size)
    return _C_ops.where(zero, input, _C_ops.divide(input, size + cast(zero, input.dtype)))


@autocasts
def reciprocal(input: Any) -> Any:
    """1 / input, floating."""
    x = floated(input)
    if x.dtype is FLOAT32 or x.dtype is FLOAT64:
        return _one_over(x)
    return preserving(_C_ops.reciprocal, x)


def _one_over(x: Any) -> Any:
    if x.stop_gradient:
        return _C_ops.reciprocal(x)
    # A division has a second derivative, which Paddle's reciprocal has not.
    return _C_ops.divide(_C_ops.full([], 1.0, x.dtype, x.place), x)


def square(input: Any) -> Any:
    """``input`` * input."""
    dtype = input.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        return _C_ops.square(input)
    return pow(input, 2)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``input`` + value * tensor1 * tensor2.

    Raises:
        RuntimeError: the shapes do not broadcast; value is floating for integer operands.
    """
    a, b, c = promoted_all(input, tensor1, tensor2)
    value = scalar_of(value)
    _check_value(value, a.dtype)
    dtype = a.dtype
    a, b, c = widened(a), widened(b), widened(c)
    product = mul(b, c) if value == 1 else mul(mul(b, value), c)
    return cast(add(a, product), dtype)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``input`` + value * tensor1 / tensor2.

    Raises:
        RuntimeError: integer operands; the shapes do not broadcast.
    """
    if category(tensor1.dtype) < 2 and category(tensor2.dtype) < 2:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release "
            "addcdiv will perform a true division of tensor1 and tensor2."
        )
    a, b, c = promoted_all(input, tensor1, tensor2)
    value = scalar_of(value)
    _check_value(value, a.dtype)
    dtype = a.dtype
    a, b, c = widened(a), widened(b), widened(c)
    quotient = true_divide(b if value == 1 else mul(b, value), c)
    return cast(add(a, quotient), dtype)


def _check_value(value: Any, dtype: Any) -> None:
    if category(dtype) < 2 and isinstance(value, float):
        raise RuntimeError("value cannot be converted to type int64_t without overflow")


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """``input`` + weight * (end - input); from the far end where weight is 0.5 or more, as torch rounds it.

    Raises:
        RuntimeError: the dtypes differ; integer operands; the shapes do not broadcast.
    """
    if input.dtype is not end.dtype:
        raise RuntimeError(f"expected dtype {input.dtype} for `end` but got dtype {end.dtype}")
    if isinstance(weight, TENSOR) and weight.dtype is not input.dtype:
        raise RuntimeError(
            f"expected dtype {input.dtype} for `weight` but got dtype {weight.dtype}"
        )
    dtype = input.dtype
    if category(dtype) < 2:
        raise RuntimeError("\"lerp_kernel\" not implemented for 'Long'")
    a, b = widened(input), widened(end)
    difference = sub(b, a)
    if not isinstance(weight, TENSOR):
        if isinstance(weight, int | float) and dtype is not FLOAT64:
            weight = float(np.float32(weight))
        size = weight if not isinstance(weight, complex) else math.hypot(weight.real, weight.imag)
        if -0.5 < size < 0.5:
            return cast(add(a, mul(difference, weight)), dtype)
        rest = 1 - weight
        if not isinstance(rest, complex) and dtype is not FLOAT64:
            rest = float(np.float32(rest))
        return cast(sub(b, mul(difference, rest)), dtype)
    w = widened(weight)
    near = add(a, mul(w, difference))
    far = sub(b, mul(difference, rsub(w, 1)))
    small = _C_ops.less_than(_C_ops.abs(w.detach()), filled(0.5, real_dtype(w.dtype), w.place))
    small, near, far = broadcast(small, near, far)
    return cast(_C_ops.where(small, near, far), dtype)


@autocasts
def pow(input: Any, exponent: Any) -> Any:
    """``input`` ** exponent, of tensors or numbers that broadcast.

    Raises:
        RuntimeError: an integer raised to a negative Python integer; the shapes do not broadcast.
    """
    if isinstance(input, TENSOR) and not isinstance(exponent, TENSOR):
        return _power_of_number(input, number_or_tensor(exponent))
    a, b = promoted(input, exponent)
    dtype = a.dtype
    rank = category(dtype)
    if rank == 2:
        return binary(_C_ops.elementwise_pow, a, b)
    if rank == 3:
        return _complex_power(a, b)
    return cast(_integer_power(widened(a), widened(b)), dtype)


def _power_of_number(x: Any, exponent: Any) -> Any:
    dtype = x.dtype
    if (dtype is FLOAT32 or dtype is FLOAT64) and exponent.__class__ is not complex:
        return _float_power(x, exponent)
    result = result_dtype(x, exponent)
    rank = category(result)
    if rank == 2:
        if dtype is FLOAT16 or dtype is BFLOAT16:
            return cast(_float_power(widened(x), exponent), dtype)
        return _float_power(cast(x, result), exponent)
    if rank == 3:
        return _complex_number_power(cast(x, result), exponent)
    if (dtype is UINT8 and exponent > 255) or (dtype is INT8 and exponent > 127):
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
    if exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if dtype is BOOL and isinstance(exponent, bool):
        return pow(x, filled(exponent, BOOL, x.place))
    base = widened(cast(x, result))
    return cast(_repeated(base, int(exponent)), result)


def _repeated(base: Any, exponent: int) -> Any:
    """``base`` ** exponent by squaring, wrapping as integers do."""
    if exponent == 0:
        return _C_ops.full_like(base, 1, base.dtype, base.place)
    result = None
    while True:
        if exponent & 1:
            result = base if result is None else _C_ops.multiply(result, base)
        exponent >>= 1
        if not exponent:
            return _C_ops.assign(base) if result is base else result
        base = _C_ops.multiply(base, base)


def _float_power(x: Any, exponent: Any) -> Any:
    if exponent == 2:
        return _C_ops.square(x)
    if exponent == 1:
        return _C_ops.scale(x, 1.0, NOTHING, True)
    if exponent == 0.5:
        return pointwise.exact_root(x)
    if exponent == 3:
        return _C_ops.multiply(_C_ops.square(x), x)
    if exponent == -1:
        return _one_over(x)
    if exponent == -2:
        if x.stop_gradient:
            return _C_ops.reciprocal(_C_ops.square(x))
        # The same up to rounding, with torch's gradient at zero and infinity.
        return _C_ops.square(_one_over(x))
    if exponent == -0.5:
        return _C_ops.rsqrt(x)
    return _C_ops.elementwise_pow(x, _C_ops.full([], exponent, x.dtype, x.place))


def _integer_power(base: Any, exponent: Any) -> Any:
    """``base`` ** exponent of integer tensors, wrapping; a negative exponent gives 0 but for 1 and -1."""
    base, exponent = broadcast(base, exponent)
    if empty(exponent):
        return base
    one = _C_ops.full_like(base, 1, base.dtype, base.place)
    zero = _C_ops.full_like(base, 0, base.dtype, base.place)
    odd = _C_ops.bitwise_and(exponent, one)
    sign = _C_ops.where(_C_ops.cast(odd, BOOL), base, one)
    unit = same_value(_C_ops.abs(base), one)
    negative = _C_ops.less_than(exponent, zero)
    inverse = _C_ops.where(unit, sign, zero)
    rest = _C_ops.where(negative, zero, exponent)
    result = one
    while int(rest.max()):
        factor = _C_ops.where(_C_ops.cast(_C_ops.bitwise_and(rest, one), BOOL), base, one)
        result = _C_ops.multiply(result, factor)
        base = _C_ops.multiply(base, base)
        rest = _C_ops.bitwise_right_shift(rest, one, True)
    return _C_ops.where(negative, inverse, result)


def _complex_number_power(x: Any, exponent: Any) -> Any:
    if exponent == 2:
        return _C_ops.multiply(x, x)
    if exponent == 3:
        return _C_ops.multiply(_C_ops.multiply(x, x), x)
    if exponent == 0.5:
        return _C_ops.sqrt(x)
    if exponent == -1:
        return _C_ops.reciprocal(x)
    if exponent == 1:
        return _C_ops.assign(x)
    return _complex_power(x, filled(exponent, x.dtype, x.place))


def _complex_power(base: Any, exponent: Any) -> Any:
    """exp(exponent * log(base)), with 0 ** 0 = 1 and 0 to any other power 0."""
    base, exponent = broadcast(base, exponent)
    dtype = base.dtype
    # The errors of the logarithm grow with the exponent.
    base, exponent = cast(base, COMPLEX128), cast(exponent, COMPLEX128)
    one = _C_ops.full_like(base, 1, base.dtype, base.place)
    nothing = _C_ops.full_like(base, 0, base.dtype, base.place)
    zero = same_value(base, nothing)
    safe = _C_ops.where(zero, one, base)
    power = pointwise.exp(_C_ops.multiply(exponent, _C_ops.log(safe)))
    at_zero = _C_ops.where(same_value(exponent, nothing), one, nothing)
    return cast(_C_ops.where(zero, at_zero, power), dtype)


def float_power(input: Any, exponent: Any) -> Any:
    """``input`` ** exponent in float64, or in complex128 where an operand is complex."""
    rank = category(result_dtype(input, exponent))
    dtype = COMPLEX128 if rank == 3 else FLOAT64
    a, b = number_or_tensor(input), number_or_tensor(exponent)
    if not isinstance(a, TENSOR):
        require_tensors("float_power", b)
    if isinstance(a, TENSOR):
        a = cast(a, dtype)
    if isinstance(b, TENSOR):
        b = cast(b, dtype)
    if not isinstance(a, TENSOR):
        a = filled(a, dtype, b.place)
    return pow(a, b)


def hypot(input: Any, other: Any) -> Any:
    """sqrt(input ** 2 + other ** 2) without overflow in between.

    Raises:
        RuntimeError: bool, integer or complex operands; the shapes do not broadcast.
    """
    require_tensors("hypot", input, other)
    a, b = promoted(input, other)
    _require_floating("hypot", a)
    dtype = a.dtype
    a, b = widened(a), widened(b)
    with paddle.no_grad():
        big = applied(_C_ops.maximum, _C_ops.abs(a), _C_ops.abs(b))
        fine = paddle.logical_and(_C_ops.isfinite(big), big > 0)
        scale = _C_ops.where(fine, big, _C_ops.full_like(big, 1.0, big.dtype, big.place))
        infinite = applied(_C_ops.logical_or, _C_ops.isinf(a), _C_ops.isinf(b))
    p, q = _C_ops.divide(a, scale), _C_ops.divide(b, scale)
    total = _C_ops.add(_C_ops.square(p), _C_ops.square(q))
    zero = is_zero(total)
    root = _C_ops.sqrt(
        _C_ops.where(zero, _C_ops.full_like(total, 0.0, total.dtype, total.place).detach(), total)
    )
    result = _C_ops.multiply(root, scale)
    endless = _C_ops.full_like(result, float("inf"), result.dtype, result.place)
    return cast(_C_ops.where(infinite, endless, result), dtype)


def _require_floating(name: str, x: Any) -> None:
    if category(x.dtype) != 2:
        refuse_bool(name, x)
        refuse_complex(name, x)
        raise RuntimeError(f"\"{name}\" not implemented for 'Long'")


def atan2(input: Any, other: Any) -> Any:
    """The angle of the point (other, input), in (-pi, pi].

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    require_tensors("atan2", input, other)
    a, b = promoted_floating(input, other)
    refuse_complex("atan2", a)
    dtype = a.dtype
    a, b = broadcast(widened(a), widened(b))
    result = _C_ops.atan2(a, b)
    if result.stop_gradient:
        return cast(result, dtype)
    # torch has the gradient 0 where both are 0.
    zero = filled(0.0, a.dtype, a.place)
    both = _C_ops.logical_and(same_value(a, zero), same_value(b, zero))
    one = _C_ops.full_like(a, 1.0, a.dtype, a.place)
    smooth = _C_ops.atan2(_C_ops.where(both, one, a), _C_ops.where(both, one, b))
    return cast(_C_ops.where(both, result.detach(), smooth), dtype)


def copysign(input: Any, other: Any) -> Any:
    """The size of input with the sign of other, floating.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    require_tensors("copysign", input)
    a, b = promoted_floating(input, other)
    refuse_complex("copysign", a)
    return binary(_C_ops.copysign, a, b)


def heaviside(input: Any, values: Any) -> Any:
    """0 below zero, 1 above, values at zero.

    Raises:
        RuntimeError: the dtypes differ or are complex; the shapes do not broadcast.
    """
    require_tensors("heaviside", input, values)
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    refuse_complex("heaviside", input)
    a, b = input.detach(), values.detach()
    return binary(_C_ops.heaviside, a, b)


def nextafter(input: Any, other: Any) -> Any:
    """The next representable number after input towards other.

    Raises:
        RuntimeError: the operands are not floating; the shapes do not broadcast.
    """
    require_tensors("nextafter", input, other)
    a, b = promoted(input, other)
    _require_floating("nextafter", a)
    if a.dtype is FLOAT16 or a.dtype is BFLOAT16:
        return _half_nextafter(a, b)
    a, b = broadcast(a, b)
    result = _C_ops.nextafter(a.detach(), b.detach())
    if a.stop_gradient:
        return with_zero_gradient(result, b)
    # The step is constant: the gradient is input's, but where there was no step.
    moved = _C_ops.logical_and(_C_ops.logical_not(same_value(a, b)), _C_ops.isfinite(a))
    zero = _C_ops.full_like(a, 0.0, a.dtype, a.place)
    flow = _C_ops.where(moved, _C_ops.subtract(a, a.detach()), zero)
    return with_zero_gradient(_C_ops.add(result, flow), b)


def _half_nextafter(a: Any, b: Any) -> Any:
    """By the bits: one step of the 16-bit pattern is one representable number."""
    dtype = a.dtype
    a, b = broadcast(a.detach(), b.detach())
    x, y = _C_ops.cast(a, FLOAT32), _C_ops.cast(b, FLOAT32)
    bits = _C_ops.cast(_C_ops.view_dtype(a, paddle.int16), paddle.int32)
    outward = same_value(_C_ops.greater_than(y, x), _C_ops.greater_than(x, x * 0))
    one = _C_ops.full_like(bits, 1, bits.dtype, bits.place)
    moved = _C_ops.where(outward, bits + one, bits - one)
    smallest = _C_ops.where(y > x, one, one - 32769)
    moved = _C_ops.where(x == 0, smallest, moved)
    moved = _C_ops.where(
        x == y, _C_ops.cast(_C_ops.view_dtype(b, paddle.int16), paddle.int32), moved
    )
    result = _C_ops.view_dtype(_C_ops.cast(moved, paddle.int16), dtype)
    nan = _C_ops.logical_or(_C_ops.isnan(x), _C_ops.isnan(y))
    wide = _C_ops.where(nan, x + y, _C_ops.cast(result, FLOAT32))
    return _C_ops.cast(wide, dtype)


def logaddexp(input: Any, other: Any) -> Any:
    """log(exp(input) + exp(other)) without overflow.

    Raises:
        RuntimeError: bool, integer operands; the shapes do not broadcast.
    """
    return _logaddexp(input, other, "logaddexp", 1.0)


def logaddexp2(input: Any, other: Any) -> Any:
    """log2(2 ** input + 2 ** other) without overflow.

    Raises:
        RuntimeError: bool, integer or complex operands; the shapes do not broadcast.
    """
    return _logaddexp(input, other, "logaddexp2", math.log(2.0))


def _logaddexp(input: Any, other: Any, name: str, unit: float) -> Any:
    require_tensors(name, input, other)
    a, b = promoted(input, other)
    if a.dtype in COMPLEX and name == "logaddexp":
        return _complex_logaddexp(*broadcast(a, b))
    _require_floating(name, a)
    dtype = a.dtype
    a, b = broadcast(widened(a), widened(b))
    with paddle.no_grad():
        equal_infinite = _C_ops.logical_and(_C_ops.isinf(a), same_value(a, b))
        first = _C_ops.greater_equal(a, b)
    big, small = _C_ops.where(first, a, b), _C_ops.where(first, b, a)
    difference = _C_ops.subtract(small, big)
    # inf - inf: both are the result.
    difference = _C_ops.where(
        equal_infinite, _C_ops.full_like(a, -float("inf"), a.dtype, a.place), difference
    )
    ratio = _C_ops.exp(_C_ops.scale(difference, unit, NOTHING, True))
    result = _C_ops.add(big, _C_ops.scale(_C_ops.log1p(ratio), 1 / unit, NOTHING, True))
    return cast(result, dtype)


def _complex_logaddexp(a: Any, b: Any) -> Any:
    with paddle.no_grad():
        first = _C_ops.greater_equal(_C_ops.real(a), _C_ops.real(b))
    big, small = _C_ops.where(first, a, b), _C_ops.where(first, b, a)
    ratio = pointwise.exp(_C_ops.subtract(small, big))
    return _C_ops.add(big, pointwise.log1p(ratio))


def xlogy(input: Any, other: Any) -> Any:
    """``input`` * log(other), which is 0 where input is 0 and other is no nan."""
    return _x_times(input, other, _C_ops.log)


def xlog1py(input: Any, other: Any) -> Any:
    """``input`` * log(1 + other), which is 0 where input is 0 and other is no nan."""
    return _x_times(input, other, _C_ops.log1p)


def _x_times(input: Any, other: Any, logarithm: Any) -> Any:
    a, b = promoted_floating(input, other)
    refuse_complex("xlogy", a)
    dtype = a.dtype
    a, b = widened(a), widened(b)
    a, b = broadcast(a, b)
    zero = _C_ops.logical_and(
        is_zero(a),
        _C_ops.logical_not(_C_ops.isnan(b)),
    )
    log = logarithm(b)
    if not a.stop_gradient:
        # torch: the gradient to input is log(other), but 0 where input is 0.
        log = _C_ops.where(zero, _C_ops.full_like(log, 0.0, log.dtype, log.place), log)
    product = _C_ops.multiply(a, log)
    nothing = _C_ops.full_like(a, 0.0, a.dtype, a.place)
    return cast(_C_ops.where(zero, nothing, product), dtype)


def ldexp(input: Any, other: Any) -> Any:
    """``input`` * 2 ** other."""
    require_tensors("ldexp", input, other)
    return mul(input, pow(2.0, other))


@autocasts
def dist(input: Any, other: Any, p: Any = 2) -> Any:
    """The p-norm of input - other, a 0-dim tensor."""
    from oarlock.ops.norms import norm

    return norm(sub(input, other), p)


def gcd(input: Any, other: Any) -> Any:
    """The greatest common divisor of integers, not negative.

    Raises:
        RuntimeError: the operands are not integers.
    """
    require_tensors("gcd", input, other)
    a, b = promoted(input, other)
    if category(a.dtype) != 1:
        raise RuntimeError(f"\"gcd\" not implemented for '{_kind(a)}'")
    dtype = a.dtype
    a, b = _C_ops.abs(widened(a)), _C_ops.abs(widened(b))
    a, b = broadcast(a, b)
    one = _C_ops.full_like(b, 1, b.dtype, b.place)
    while not empty(b) and _C_ops.any(b, [], False).item():
        nonzero = _C_ops.cast(b, BOOL)
        rest = _C_ops.remainder(a, _C_ops.where(nonzero, b, one))
        a, b = (
            _C_ops.where(nonzero, b, a),
            _C_ops.where(nonzero, rest, b),
        )
    return cast(a, dtype)


def lcm(input: Any, other: Any) -> Any:
    """The least common multiple of integers, not negative.

    Raises:
        RuntimeError: the operands are not integers.
    """
    divisor = widened(gcd(input, other))
    a, b = promoted(input, other)
    dtype = a.dtype
    a, b = widened(a), widened(b)
    one = _C_ops.full_like(divisor, 1, divisor.dtype, divisor.place)
    safe = _C_ops.where(_C_ops.cast(divisor, BOOL), divisor, one)
    product = _C_ops.multiply(_C_ops.trunc_divide(a, safe), b)
    return cast(_C_ops.abs(product), dtype)


def _kind(x: Any) -> str:
    return {0: "Bool", 1: "Long", 2: "Float", 3: "ComplexFloat"}[category(x.dtype)]
