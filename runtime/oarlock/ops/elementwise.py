"""Applying a Paddle kernel element by element in the dtypes torch would use.

Paddle's CPU kernels mostly know int32, int64, float32 and float64. The other dtypes are carried by a wider one:
int32 for bool and the small integers, float32 for the half types, which is where torch computes them too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.promotion import (
    BFLOAT16,
    BOOL,
    COMPLEX64,
    COMPLEX128,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    cast,
    category,
    default_dtype,
    promoted,
)


def widened(x: Any) -> Any:
    """The tensor x in the nearest dtype whose kernels Paddle has where x lies."""
    dtype = x.dtype
    if (
        dtype is FLOAT32
        or dtype is INT64
        or dtype is FLOAT64
        or dtype is INT32
        or dtype is COMPLEX64
        or dtype is COMPLEX128
    ):
        return x
    if dtype is FLOAT16 or dtype is BFLOAT16:
        return x if x.place.is_gpu_place() else _C_ops.cast(x, FLOAT32)
    return _C_ops.cast(x, INT32)


def floated(x: Any) -> Any:
    """The tensor x as floating-point or complex: bool and integers in the default dtype."""
    dtype = x.dtype
    if (
        dtype is FLOAT32
        or dtype is FLOAT64
        or dtype is BFLOAT16
        or dtype is FLOAT16
        or dtype is COMPLEX64
        or dtype is COMPLEX128
    ):
        return x
    return _C_ops.cast(x, default_dtype())


def preserving(kernel: Callable[[Any], Any], x: Any) -> Any:
    """kernel(x) in x's dtype."""
    dtype = x.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        return kernel(x)
    return cast(kernel(widened(x)), dtype)


def floating(kernel: Callable[[Any], Any], x: Any) -> Any:
    """kernel(x), bool and integers taken to the default floating-point dtype first."""
    dtype = x.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        return kernel(x)
    x = floated(x)
    return cast(kernel(widened(x)), x.dtype)


def real_floating(name: str, kernel: Callable[[Any], Any], x: Any) -> Any:
    """As floating, for a function that torch has for real numbers only.

    Raises:
        RuntimeError: x is complex.
    """
    dtype = x.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        return kernel(x)
    refuse_complex(name, x)
    return floating(kernel, x)


def rounding(name: str, kernel: Callable[[Any], Any], x: Any) -> Any:
    """kernel(x) for floating-point x; integers are their own result.

    Raises:
        RuntimeError: x is bool or complex.
    """
    dtype = x.dtype
    if dtype is FLOAT32 or dtype is FLOAT64:
        return kernel(x)
    if dtype is BOOL:
        raise RuntimeError(f"\"{name}\" not implemented for 'Bool'")
    refuse_complex(name, x)
    if dtype is FLOAT16 or dtype is BFLOAT16:
        return cast(kernel(widened(x)), dtype)
    return _C_ops.assign(x)


def require_tensors(name: str, *operands: Any) -> None:
    """Raise torch's TypeError where an operand is a number, which this function does not take."""
    for operand in operands:
        if not isinstance(operand, paddle.Tensor):
            raise TypeError(f"{name}(): expected a Tensor, but got {type(operand).__name__}")


def with_zero_gradient(result: Any, *operands: Any) -> Any:
    """The result of a function that is flat everywhere, with torch's gradient of zeros."""
    for x in operands:
        if not x.stop_gradient and category(x.dtype) > 1 and not empty(x):
            x = widened(x)
            never = _C_ops.full_like(x, False, BOOL, x.place)
            zero = _C_ops.full_like(x, 0.0, x.dtype, x.place)
            wide = _C_ops.add(
                widened(result), cast(_C_ops.where(never, x, zero), widened(result).dtype)
            )
            result = cast(wide, result.dtype)
    return result


def refuse_complex(name: str, *tensors: Any) -> None:
    """Raise torch's RuntimeError where one of the tensors is complex."""
    for x in tensors:
        if x.dtype is COMPLEX64 or x.dtype is COMPLEX128:
            kind = "ComplexFloat" if x.dtype is COMPLEX64 else "ComplexDouble"
            raise RuntimeError(f"\"{name}\" not implemented for '{kind}'")


def refuse_bool(name: str, *tensors: Any) -> None:
    """Raise torch's RuntimeError where one of the tensors is bool."""
    for x in tensors:
        if x.dtype is BOOL:
            raise RuntimeError(f"\"{name}\" not implemented for 'Bool'")


def mismatch(a: Any, b: Any, error: Exception) -> Exception:
    """Torch's RuntimeError for two shapes that do not broadcast; another error stays what it was."""
    left, right = list(a.shape), list(b.shape)
    for back in range(1, min(len(left), len(right)) + 1):
        m, n = left[-back], right[-back]
        if m != n and m != 1 and n != 1:
            dim = max(len(left), len(right)) - back
            return RuntimeError(
                f"The size of tensor a ({m}) must match the size of tensor b ({n}) "
                f"at non-singleton dimension {dim}"
            )
    return error


def empty(x: Any) -> bool:
    """Whether there are no elements; Paddle's own ``size`` takes microseconds."""
    return 0 in x.shape


def broadcast(*tensors: Any) -> list[Any]:
    """The tensors expanded to their common shape.

    Paddle's own broadcast_tensors ends the process in backward where one of them needs no gradient.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    shape: list[int] = []
    for x in tensors:
        own = list(x.shape)
        longer, shorter = (shape, own) if len(shape) >= len(own) else (own, shape)
        merged = list(longer)
        for back in range(1, len(shorter) + 1):
            m, n = longer[-back], shorter[-back]
            if m != n and m != 1 and n != 1:
                raise mismatch(tensors[0], x, RuntimeError("the shapes do not broadcast"))
            merged[-back] = n if m == 1 else m
        shape = merged
    return [x if list(x.shape) == shape else _C_ops.expand(x, shape) for x in tensors]


def same_value(a: Any, b: Any) -> Any:
    """Where two tensors of one dtype are equal; Paddle's own kernel takes 0.0 and 1e-30 as equal."""
    dtype = a.dtype
    if dtype is COMPLEX64 or dtype is COMPLEX128:
        real = same_value(_C_ops.real(a), _C_ops.real(b))
        return _C_ops.logical_and(real, same_value(_C_ops.imag(a), _C_ops.imag(b)))
    if category(dtype) < 2:
        return _C_ops.equal(a, b)
    return _C_ops.logical_and(_C_ops.less_equal(a, b), _C_ops.greater_equal(a, b))


def is_zero(x: Any) -> Any:
    """Where a tensor is zero."""
    return _C_ops.logical_not(_C_ops.cast(x, BOOL))


def applied(kernel: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """kernel(a, b) over two tensors of one dtype, in the dtype the kernel gives."""
    try:
        return kernel(widened(a), widened(b))
    except ValueError as error:
        raise mismatch(a, b, error) from None


def binary(kernel: Callable[[Any, Any], Any], input: Any, other: Any) -> Any:
    """The kernel over the promoted operands, in their common dtype."""
    a, b = promoted(input, other)
    dtype = a.dtype
    if dtype is FLOAT32 or dtype is FLOAT64 or dtype is INT64:
        try:
            return kernel(a, b)
        except ValueError as error:
            raise mismatch(a, b, error) from None
    return cast(applied(kernel, a, b), dtype)


def real_binary(name: str, kernel: Callable[[Any, Any], Any], input: Any, other: Any) -> Any:
    """As binary, for two tensors of real numbers.

    Raises:
        TypeError: an operand is no tensor.
        RuntimeError: an operand is complex.
    """
    require_tensors(name, input, other)
    a, b = promoted(input, other)
    refuse_complex(name, a)
    return binary(kernel, a, b)


def compared(kernel: Callable[[Any, Any], Any], input: Any, other: Any) -> Any:
    """The kernel over the promoted operands, giving a bool tensor.

    Raises:
        TypeError: input is no tensor.
    """
    require_tensors("comparison", input)
    a, b = promoted(input, other)
    try:
        return kernel(a, b)
    except ValueError as error:
        raise mismatch(a, b, error) from None
