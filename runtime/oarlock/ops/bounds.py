"""The larger and the smaller of values, and values kept within bounds."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.elementwise import (
    broadcast,
    real_binary,
    refuse_complex,
    widened,
    with_zero_gradient,
)
from oarlock.ops.promotion import (
    FLOAT32,
    FLOAT64,
    cast,
    category,
    filled,
    promoted_all,
    result_dtype,
)


def maximum(input: Any, other: Any) -> Any:
    """The larger of two; nan where one is nan; an even gradient to both where they are equal.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return real_binary("maximum", _C_ops.maximum, input, other)


def minimum(input: Any, other: Any) -> Any:
    """The smaller of two; nan where one is nan; an even gradient to both where they are equal.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return real_binary("minimum", _C_ops.minimum, input, other)


def fmax(input: Any, other: Any) -> Any:
    """The larger of two; the other one where one is nan.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return real_binary("fmax", _C_ops.fmax, input, other)


def fmin(input: Any, other: Any) -> Any:
    """The smaller of two; the other one where one is nan.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return real_binary("fmin", _C_ops.fmin, input, other)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """``input`` kept within [min, max], each a number, a tensor that broadcasts, or None.

    The gradient is that of input within the bounds, both included; beyond them it is the bound's.

    Raises:
        RuntimeError: both bounds are None; complex input; the shapes do not broadcast.
    """
    if not isinstance(input, paddle.Tensor):
        raise TypeError(f"clamp(): argument 'input' must be Tensor, not {type(input).__name__}")
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, paddle.Tensor) or isinstance(max, paddle.Tensor):
        return _clamp_by_tensors(input, min, max)
    dtype = input.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        low = -math.inf if min is None else min
        high = math.inf if max is None else max
        if low <= high:
            return _C_ops.clip(input, low, high)
    return _clamp_by_numbers(input, min, max)


def clamp_min(input: Any, min: Any) -> Any:
    """input, but at least min."""
    return clamp(input, min)


def clamp_max(input: Any, max: Any) -> Any:
    """input, but at most max."""
    return clamp(input, None, max)


def _clamp_by_numbers(x: Any, low: Any, high: Any) -> Any:
    refuse_complex("clamp", x)
    bounds = [number for number in (low, high) if number is not None]
    dtype = result_dtype(x, *bounds)
    if category(dtype) == 0:
        raise RuntimeError("\"clamp_scalar_cpu\" not implemented for 'Bool'")
    if any(number != number for number in bounds):
        # A bound that is nan makes everything nan, and torch gives no gradient then.
        return with_zero_gradient(_C_ops.full_like(x, math.nan, dtype, x.place), x)
    wide = widened(cast(x, dtype))
    if low is not None:
        wide = _raised(wide, cast(filled(low, dtype, wide.place), wide.dtype))
    if high is not None:
        wide = _lowered(wide, cast(filled(high, dtype, wide.place), wide.dtype))
    return cast(wide, dtype)


def _clamp_by_tensors(x: Any, low: Any, high: Any) -> Any:
    bounds = [bound for bound in (low, high) if bound is not None]
    refuse_complex("clamp", x, *(b for b in bounds if isinstance(b, paddle.Tensor)))
    tensors = promoted_all(x, *bounds)
    dtype = tensors[0].dtype
    if category(dtype) == 0 and len(bounds) == 2:
        raise RuntimeError("\"clamp_cpu\" not implemented for 'Bool'")
    wide = widened(tensors[0])
    if low is not None:
        wide = _raised(wide, widened(tensors[1]))
    if high is not None:
        wide = _lowered(wide, widened(tensors[-1]))
    return cast(wide, dtype)


def _raised(x: Any, low: Any) -> Any:
    """The larger of the two with all of the gradient to x where they are equal."""
    x, low = broadcast(x, low)
    return _kept(_C_ops.greater_equal(x, low), _C_ops.less_than(x, low), x, low)


def _lowered(x: Any, high: Any) -> Any:
    x, high = broadcast(x, high)
    return _kept(_C_ops.less_equal(x, high), _C_ops.greater_than(x, high), x, high)


def _kept(inside: Any, outside: Any, x: Any, bound: Any) -> Any:
    """X inside, the bound outside, and a nan without a gradient where neither holds."""
    if category(x.dtype) == 2:
        nan = _C_ops.full_like(x, math.nan, x.dtype, x.place)
        bound = _C_ops.where(outside, bound, nan)
    return _C_ops.where(inside, x, bound)
