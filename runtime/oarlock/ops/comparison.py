"""Comparisons of tensors and numbers."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.elementwise import compared, empty, require_tensors, same_value, widened
from oarlock.ops.promotion import (
    COMPLEX,
    FLOAT32,
    INT64,
    category,
    promoted,
)


def _ordered(name: str, kernel: Any, input: Any, other: Any) -> Any:
    for x in (input, other):
        if isinstance(x, complex) or (isinstance(x, paddle.Tensor) and x.dtype in COMPLEX):
            raise RuntimeError(f"\"{name}\" not implemented for 'ComplexFloat'")
    return compared(kernel, input, other)


def eq(input: Any, other: Any) -> Any:
    """``input`` == other."""
    return compared(same_value, input, other)


def ne(input: Any, other: Any) -> Any:
    """``input`` != other."""
    return compared(_different, input, other)


def _different(a: Any, b: Any) -> Any:
    return _C_ops.logical_not(same_value(a, b))


def lt(input: Any, other: Any) -> Any:
    """``input`` < other.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return _ordered("lt", _C_ops.less_than, input, other)


def le(input: Any, other: Any) -> Any:
    """``input`` <= other.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return _ordered("le", _C_ops.less_equal, input, other)


def gt(input: Any, other: Any) -> Any:
    """``input`` > other.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return _ordered("gt", _C_ops.greater_than, input, other)


def ge(input: Any, other: Any) -> Any:
    """``input`` >= other.

    Raises:
        RuntimeError: complex operands; the shapes do not broadcast.
    """
    return _ordered("ge", _C_ops.greater_equal, input, other)


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and elements.

    Raises:
        RuntimeError: the dtypes differ.
    """
    if list(input.shape) != list(other.shape):
        return False
    a, b = promoted(input, other)
    if empty(a):
        return True
    return bool(_C_ops.all(same_value(a, b), [], False).item())


def isclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Where |input - other| <= atol + rtol * |other|, or the two are equal.

    Raises:
        RuntimeError: the dtypes differ; a tolerance is negative; the shapes do not broadcast.
    """
    require_tensors("isclose", input, other)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    a, b = input.detach(), other.detach()
    close = compared(same_value, a, b)
    rank = category(a.dtype)
    if equal_nan and rank > 1:
        both = compared(_C_ops.logical_and, _C_ops.isnan(widened(a)), _C_ops.isnan(widened(b)))
        close = _C_ops.logical_or(close, both)
    if rtol == 0 and atol == 0:
        return close
    a, b = widened(a), widened(b)
    if rank < 2:
        # torch scales |other| in the default dtype and compares the integer difference with it.
        a, b = _C_ops.cast(a, INT64), _C_ops.cast(b, INT64)
        size = _C_ops.abs(_C_ops.cast(b, FLOAT32))
        allowed = _C_ops.scale(size, rtol, atol, True)
        difference = _C_ops.cast(_C_ops.abs(_C_ops.subtract(a, b)), FLOAT32)
    else:
        allowed = _C_ops.scale(_C_ops.abs(_C_ops.scale(b, rtol, -0.0, True)), 1.0, atol, True)
        difference = _C_ops.abs(_C_ops.subtract(a, b))
    finite = _C_ops.isfinite(difference)
    within = _C_ops.logical_and(finite, _C_ops.less_equal(difference, allowed))
    return _C_ops.logical_or(close, within)


def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether isclose holds everywhere.

    Raises:
        RuntimeError: the dtypes differ; a tolerance is negative; the shapes do not broadcast.
    """
    close = isclose(input, other, rtol, atol, equal_nan)
    return empty(close) or bool(_C_ops.all(close, [], False).item())
