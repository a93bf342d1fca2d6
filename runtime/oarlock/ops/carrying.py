"""Calls in a dtype that Paddle's kernel has, for dtypes that it lacks: cast there, compute, cast back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import paddle
from paddle import _C_ops

HALF = frozenset({paddle.float16, paddle.bfloat16})
FLOATS = frozenset({paddle.float32, paddle.float64})
COMPLEX = frozenset({paddle.complex64, paddle.complex128})
WIDE_INTS = frozenset({paddle.int32, paddle.int64})
SMALL_INTS = frozenset({paddle.uint8, paddle.int8, paddle.int16})
INTEGRAL = SMALL_INTS | WIDE_INTS
ORDINARY = FLOATS | WIDE_INTS

# Each holds every value of the dtype it stands in for, so casting back loses nothing.
_CARRIER = {
    paddle.bool: paddle.int32,
    paddle.uint8: paddle.int32,
    paddle.int8: paddle.int32,
    paddle.int16: paddle.int32,
    paddle.int32: paddle.int64,
    paddle.float16: paddle.float32,
    paddle.bfloat16: paddle.float32,
}


def filled_like(value: Any, x: paddle.Tensor) -> paddle.Tensor:
    """Return a 0-dim tensor of a number, of the dtype and at the place of ``x``."""
    return _C_ops.full([], value, x.dtype, x.place)


def places_up_to(count: int, x: paddle.Tensor) -> paddle.Tensor:
    """Return 0 … count - 1 as int64, at the place of ``x``."""
    at = x.place
    ends = [_C_ops.full([], value, paddle.int64, at) for value in (0, count, 1)]
    return _C_ops.arange(*ends, paddle.int64, at)


def carrier(x: paddle.Tensor, kernels: Collection) -> paddle.dtype | None:
    """Return the dtype to compute in, or None where ``x`` has one that Paddle's kernel takes.

    Args:
        x: a tensor of any shape.
        kernels: the dtypes of the CPU kernel; on a GPU the half types are taken as well.
    """
    dtype = x.dtype
    if dtype in kernels or (dtype in HALF and not x.place.is_cpu_place()):
        return None
    return _CARRIER.get(dtype)


def carried(
    function: Callable[[paddle.Tensor], paddle.Tensor], x: paddle.Tensor, kernels: Collection
) -> paddle.Tensor:
    """Return ``function(x)`` in the dtype of ``x``, computed where Paddle has a kernel."""
    wide = carrier(x, kernels)
    if wide is None:
        return function(x)
    return function(x.cast(wide)).cast(x.dtype)
