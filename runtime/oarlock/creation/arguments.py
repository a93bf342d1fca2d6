"""What creation functions share: sizes, dtype, layout, device, out and requires_grad as torch takes them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.errors import UnsupportedError
from oarlock.tensor import dtypes
from oarlock.tensor.core import plain, wrap
from oarlock.tensor.devices import place as place_of
from oarlock.tensor.layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    preserve_format,
    strided,
)

_INTEGERS = (int, np.integer)


def size_of(api: str, given: Sequence[Any], named: dict[str, Any] | None = None) -> list[int]:
    """Return the shape that ``f(2, 3)``, ``f((2, 3))`` or ``f(size=(2, 3))`` asks for.

    Args:
        api: torch's name of the function, for messages.
        given: the positional arguments.
        named: keyword arguments that the signature has not; only ``size`` may be among them.

    Raises:
        TypeError: no size, two sizes, or something that is none.
        RuntimeError: a negative one.
    """
    name = api.rpartition(".")[2]
    if named:
        unknown = [key for key in named if key != "size"]
        if unknown:
            raise TypeError(f"{name}() got an unexpected keyword argument '{unknown[0]}'")
        if given:
            raise TypeError(f"{name}() got multiple values for argument 'size'")
        items: Any = named["size"]
    elif not given:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    else:
        first = given[0]
        items = first if len(given) == 1 and isinstance(first, (tuple, list)) else given
    if isinstance(items, (*_INTEGERS, paddle.Tensor)):
        items = (items,)
    if not isinstance(items, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'size' must be tuple of ints, not {type(items).__name__}"
        )
    shape = [_dimension(name, item, i) for i, item in enumerate(items)]
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{name}: Dimension size must be non-negative.")
    return shape


def _dimension(name: str, item: Any, position: int) -> int:
    if type(item) is int:
        return item
    if isinstance(item, paddle.Tensor):
        number = plain(item)
        if number.size == 1 and "int" in name_of(number.dtype):
            return int(number)
    if isinstance(item, _INTEGERS) and not isinstance(item, bool):
        return index(item)
    raise TypeError(
        f"{name}(): argument 'size' (position {position + 1}) must be tuple of ints, "
        f"not {type(item).__name__}"
    )


def check_layout(api: str, layout: Any) -> None:
    """Raise UnsupportedError for a layout other than ``torch.strided``."""
    if layout is not None and layout is not strided:
        raise UnsupportedError(
            api=api,
            parameter="layout",
            given=repr(layout),
            accepted="torch.strided",
            reason="Oarlock's tensors are dense",
        )


def float_dtype(dtype: Any) -> Any:
    """Paddle's dtype for an argument, the default floating-point one where it is None."""
    return dtypes.get_default_dtype().paddle if dtype is None else dtypes.paddle_dtype(dtype)


def name_of(paddle_dtype: Any) -> str:
    """The name of a Paddle dtype, such as "float32"."""
    return dtypes.from_paddle[paddle_dtype].name


def finished(
    api: str,
    result: paddle.Tensor,
    *,
    layout: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """Return a new plain tensor as a Tensor, checked and marked as the caller asked.

    Raises:
        RuntimeError: a gradient is asked of integers, or pinned memory where there is no GPU.
    """
    check_layout(api, layout)
    if pin_memory:
        if not paddle.device.is_compiled_with_cuda():
            raise RuntimeError("Cannot access accelerator device when none is available.")
        result = result.pin_memory()
    if requires_grad:
        mark(result)
    return wrap(result)


def mark(result: paddle.Tensor) -> None:
    """Let a new plain tensor require a gradient.

    Raises:
        RuntimeError: its elements are neither floating-point nor complex.
    """
    kind = dtypes.from_paddle[result.dtype]
    if not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    result.stop_gradient = False


def into(out: Any, result: paddle.Tensor) -> Any:
    """Write a new plain tensor into ``out``, which takes its shape but keeps its dtype, and return ``out``.

    Raises:
        RuntimeError: the result's dtype can't be cast to ``out``'s.
    """
    from oarlock.tensor.inplace import commit

    target = plain(out)
    if target.shape != result.shape:
        if target.size:
            raise UnsupportedError(
                api="torch.Tensor",
                parameter="out",
                given=f"a tensor of shape {list(target.shape)}",
                accepted=f"one of the result's shape {list(result.shape)}, or an empty one",
                reason="torch resizes it, with a warning that this is going away",
            )
        out.data = wrap(_C_ops.cast(result, target.dtype))
        return out
    return commit(out, result)


def full(shape: Sequence[int], value: Any, dtype: Any, place: Any) -> paddle.Tensor:
    """A plain tensor of one value. Paddle's own creation function takes the place from a global setting."""
    return _C_ops.full(list(shape), value, dtype, place)


def checked_integer(value: Any, dtype: str) -> int:
    """Return a number as a C++ cast to an integer dtype takes it; a negative one wraps in an unsigned dtype.

    Raises:
        RuntimeError: the dtype does not reach so far, or the number is none.
    """
    highest = int(np.iinfo(dtype).max)
    lowest = -highest if dtype == "uint8" else int(np.iinfo(dtype).min)
    if value != value or not lowest <= value <= highest:
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
    return int(value)


def place(api: str, device: Any, like: paddle.Tensor | None = None) -> Any:
    """Paddle's place for a device argument: None means that of ``like``, or else the default device."""
    return like.place if device is None and like is not None else place_of(device, api)


def moved(x: paddle.Tensor, where: Any) -> paddle.Tensor:
    """A plain tensor at a place: itself if it lies there."""
    return (
        x
        if x.place == where or (x.place.is_cpu_place() and where.is_cpu_place())
        else x._copy_to(where, True)
    )


def memory_order(x: paddle.Tensor) -> list[int] | None:
    """The dimensions from the outermost in memory to the innermost, or None where that is their own order.

    torch gives a new tensor that is like another one this order, and fills it in this order.
    """
    if x.is_contiguous():
        return None
    strides, shape = x.strides, x.shape
    order = sorted(range(len(shape)), key=lambda d: -strides[d] if shape[d] != 1 else 0)
    kept = [d for d in range(len(shape)) if shape[d] != 1]
    dense, expected = True, 1
    for d in sorted(kept, key=lambda d: strides[d]):
        dense = dense and strides[d] == expected
        expected *= shape[d]
    if not dense:
        # Expanded or sliced: torch keeps the order of the strides where there is one, ties as they stand.
        order = sorted(range(len(shape)), key=lambda d: -strides[d])
    return None if order == sorted(order) else order


def ordered_as(api: str, memory_format: Any, x: paddle.Tensor) -> list[int] | None:
    """The order of dimensions in memory that a ``memory_format`` argument asks of a tensor like ``x``.

    Raises:
        UnsupportedError: the format is unknown.
        RuntimeError: the number of dimensions does not fit the format.
    """
    if memory_format is preserve_format or memory_format is None:
        return memory_order(x)
    return order_of_format(api, memory_format, x.ndim)


def order_of_format(api: str, memory_format: Any, ndim: int) -> list[int] | None:
    """As `ordered_as`, for a tensor made from its size alone."""
    if memory_format is None or memory_format is contiguous_format:
        return None
    if memory_format is channels_last or memory_format is channels_last_3d:
        wanted = 4 if memory_format is channels_last else 5
        if ndim != wanted:
            raise RuntimeError(f"required rank {wanted} tensor to use {memory_format.name} format")
        return [0, *range(2, ndim), 1]
    if memory_format is preserve_format:
        raise RuntimeError(
            "torch.preserve_format isn't supported for a tensor that is made from its size alone"
        )
    raise UnsupportedError(api=api, parameter="memory_format", given=repr(memory_format))


def in_order(x: paddle.Tensor, order: list[int] | None) -> paddle.Tensor:
    """Show a plain tensor, contiguous with its dimensions in memory order, with them in their own order."""
    if order is None:
        return x
    own = [0] * len(order)
    for position, d in enumerate(order):
        own[d] = position
    return _C_ops.transpose(x, own)


def shape_in_order(shape: Sequence[int], order: list[int] | None) -> list[int]:
    """The sizes of the dimensions in memory order."""
    return list(shape) if order is None else [shape[d] for d in order]
