"""Tensors of one value: zeros, ones, full and empty, their ``*_like`` and the Tensor's ``new_*`` methods."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from math import prod
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.creation.arguments import (
    check_layout,
    checked_integer,
    finished,
    float_dtype,
    in_order,
    into,
    order_of_format,
    ordered_as,
    place,
    shape_in_order,
    size_of,
)
from oarlock.creation.arguments import (
    full as _full,
)
from oarlock.tensor import dtypes
from oarlock.tensor.core import plain
from oarlock.tensor.layouts import contiguous_format, preserve_format, strided


def zeros(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """A Tensor of zeros.

    Args:
        *size: the shape, as ints or as one sequence.
        out: a tensor to write to; it keeps its dtype.
        dtype: the default floating-point dtype where None.
        layout: ``torch.strided``.
        device: the default device where None.
        pin_memory: page-locked memory; needs a GPU.
        requires_grad: whether gradients are recorded.
        **named: ``size``, where it is given by name.

    Raises:
        TypeError, RuntimeError: as torch does for sizes and dtypes.
        UnsupportedError: the layout is sparse, or Paddle has no such device.
    """
    return _made(
        "torch.zeros", size, named, 0, out, dtype, layout, device, pin_memory, requires_grad
    )


def ones(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """A Tensor of ones; arguments and errors are those of `zeros`."""
    return _made(
        "torch.ones", size, named, 1, out, dtype, layout, device, pin_memory, requires_grad
    )


def empty(
    *size: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = contiguous_format,
    **named: Any,
) -> Any:
    """A Tensor whose elements are whatever the memory held; arguments and errors are those of `zeros`.

    Args:
        memory_format: ``torch.contiguous_format``, ``torch.channels_last`` or ``torch.channels_last_3d``.
    """
    api = "torch.empty"
    shape = size_of(api, size, named)
    order = order_of_format(api, memory_format, len(shape))
    result = _C_ops.empty(shape_in_order(shape, order), float_dtype(dtype), place(api, device))
    result = in_order(result, order)
    if out is not None:
        return into(out, result)
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def full(
    size: Any,
    fill_value: Any,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of one value.

    Args:
        size: the shape, a sequence of ints.
        fill_value: a number, or a tensor of one element.
        dtype: where None, that of the value: bool, int64, or the default floating-point or complex dtype.
        out, layout, device, pin_memory, requires_grad: as for `zeros`.

    Raises:
        TypeError: the size is no sequence.
    """
    api = "torch.full"
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"full(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}"
        )
    fill_value = _number(fill_value)
    if dtype is None and out is not None:
        dtype = out.dtype
    kind = _dtype_of_number(fill_value) if dtype is None else dtypes.paddle_dtype(dtype)
    result = _filled(size_of(api, (size,)), fill_value, kind, place(api, device))
    if out is not None:
        return into(out, result)
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of unset elements with given strides, counted in elements.

    Args:
        size, stride: sequences of ints of one length.
        dtype, layout, device, requires_grad, pin_memory: as for `zeros`.

    Raises:
        RuntimeError: the lengths differ.
    """
    api = "torch.empty_strided"
    shape, steps = size_of(api, (tuple(size),)), [int(s) for s in stride]
    if len(shape) != len(steps):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(steps)} strides for {len(shape)} dimensions"
        )
    extent = (
        0 if prod(shape) == 0 else 1 + sum((n - 1) * s for n, s in zip(shape, steps, strict=True))
    )
    storage = _C_ops.empty([extent], float_dtype(dtype), place(api, device))
    result = _C_ops.as_strided(storage, shape, steps, 0) if extent else storage.reshape(shape)
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def zeros_like(
    input: Any,
    *,
    memory_format: Any = preserve_format,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of zeros of the shape, dtype and device of another.

    Args:
        input: the tensor it is like.
        dtype, device: others than ``input``'s.
        memory_format: ``torch.preserve_format`` keeps the order of ``input``'s strides.
        layout, pin_memory, requires_grad: as for `zeros`.
    """
    return _like(
        "torch.zeros_like",
        input,
        0,
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
        memory_format,
    )


def ones_like(
    input: Any,
    *,
    memory_format: Any = preserve_format,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of ones of the shape, dtype and device of another; arguments are those of `zeros_like`."""
    return _like(
        "torch.ones_like", input, 1, dtype, layout, device, pin_memory, requires_grad, memory_format
    )


def empty_like(
    input: Any,
    *,
    memory_format: Any = preserve_format,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of unset elements of the shape, dtype and device of another; arguments as for `zeros_like`."""
    return _like(
        "torch.empty_like",
        input,
        None,
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
        memory_format,
    )


def full_like(
    input: Any,
    fill_value: Any,
    *,
    memory_format: Any = preserve_format,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of one value of the shape, dtype and device of another; arguments are those of `zeros_like`.

    Args:
        fill_value: a number, or a tensor of one element.
    """
    return _like(
        "torch.full_like",
        input,
        _number(fill_value),
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
        memory_format,
    )


def new_zeros(
    self: Any,
    *size: Any,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """A Tensor of zeros with the dtype and device of ``self``; the shape and options are those of `zeros`."""
    return _new(
        "torch.Tensor.new_zeros",
        self,
        size,
        named,
        0,
        dtype,
        device,
        requires_grad,
        layout,
        pin_memory,
    )


def new_ones(
    self: Any,
    *size: Any,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """A Tensor of ones with the dtype and device of ``self``; the shape and options are those of `zeros`."""
    return _new(
        "torch.Tensor.new_ones",
        self,
        size,
        named,
        1,
        dtype,
        device,
        requires_grad,
        layout,
        pin_memory,
    )


def new_empty(
    self: Any,
    *size: Any,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """A Tensor of unset elements with the dtype and device of ``self``; the rest is as for `zeros`."""
    return _new(
        "torch.Tensor.new_empty",
        self,
        size,
        named,
        None,
        dtype,
        device,
        requires_grad,
        layout,
        pin_memory,
    )


def new_full(
    self: Any,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of one value with the dtype and device of ``self``; the rest is as for `full`."""
    return _new(
        "torch.Tensor.new_full",
        self,
        (size,),
        {},
        _number(fill_value),
        dtype,
        device,
        requires_grad,
        layout,
        pin_memory,
    )


def new_empty_strided(
    self: Any,
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """As `empty_strided`, with the dtype and device of ``self``."""
    return empty_strided(
        size,
        stride,
        dtype=self.dtype if dtype is None else dtype,
        layout=layout,
        device=self.device if device is None else device,
        requires_grad=requires_grad,
        pin_memory=pin_memory,
    )


def _made(
    api: str,
    size: Any,
    named: dict[str, Any],
    value: Any,
    out: Any,
    dtype: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
) -> Any:
    kind = float_dtype(out.dtype if dtype is None and out is not None else dtype)
    result = _full(size_of(api, size, named), value, kind, place(api, device))
    if out is not None:
        return into(out, result)
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def _like(
    api: str,
    input: Any,
    value: Any,
    dtype: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
    memory_format: Any,
) -> Any:
    if not isinstance(input, paddle.Tensor):
        name = api.rpartition(".")[2]
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    check_layout(api, layout)
    given = plain(input)
    kind = given.dtype if dtype is None else dtypes.paddle_dtype(dtype)
    order = ordered_as(api, memory_format, given)
    where = place(api, device, given)
    result = _filled(shape_in_order(given.shape, order), value, kind, where)
    return finished(
        api, in_order(result, order), requires_grad=requires_grad, pin_memory=pin_memory
    )


def _new(
    api: str,
    self: Any,
    size: Any,
    named: dict[str, Any],
    value: Any,
    dtype: Any,
    device: Any,
    requires_grad: bool,
    layout: Any,
    pin_memory: bool,
) -> Any:
    given = plain(self)
    kind = given.dtype if dtype is None else dtypes.paddle_dtype(dtype)
    result = _filled(size_of(api, size, named), value, kind, place(api, device, given))
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def _filled(shape: list[int], value: Any, dtype: Any, where: Any) -> paddle.Tensor:
    if value is None:
        return _C_ops.empty(shape, dtype, where)
    kind = dtypes.from_paddle[dtype]
    if isinstance(value, complex) and not kind.is_complex:
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {kind.name} without overflow")
        value = value.real
    if not (kind.is_floating_point or kind.is_complex or kind.name == "bool"):
        value = checked_integer(value, kind.name)
    return _full(shape, value, dtype, where)


def _number(value: Any) -> Any:
    if isinstance(value, paddle.Tensor):
        if value.ndim:
            raise TypeError(
                f"argument 'fill_value' must be Number, not Tensor of {value.ndim} dimensions"
            )
        return plain(value).item()
    return value.item() if hasattr(value, "item") else value


def _dtype_of_number(value: Any) -> Any:
    if isinstance(value, bool):
        return paddle.bool
    if isinstance(value, int):
        return paddle.int64
    return dtypes.paddle_dtype(type(value))
