"""torch's old constructors: ``torch.Tensor(2, 3)``, ``torch.LongTensor([1, 2])`` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.creation.arguments import moved, place, size_of
from oarlock.creation.data import from_numbers
from oarlock.tensor import dtypes
from oarlock.tensor.core import Tensor, plain, wrap
from oarlock.tensor.size import Size


def legacy_tensor(*args: Any, device: Any = None, **named: Any) -> Any:
    """What ``torch.Tensor(...)`` gives, of the default floating-point dtype.

    Args:
        *args: nothing; sizes, or one torch.Size, for unset elements; one sequence or array, for its numbers; one
            tensor, for itself.
        device: "cpu", or None for the default device.
        **named: ``size`` or ``data`` or ``other``, where given by name.

    Raises:
        TypeError: anything else.
    """
    return _made(dtypes.get_default_dtype(), None, args, named, device)


def new(self: Any, *args: Any, device: Any = None, **named: Any) -> Any:
    """What ``self.new(...)`` gives: `legacy_tensor` of the dtype, and on the device, of ``self``.

    Raises:
        TypeError: anything else than `legacy_tensor` takes, or a tensor of another dtype.
    """
    return _made(self.dtype, self.dtype, args, named, self.device if device is None else device)


def _made(kind: Any, only: Any, args: tuple[Any, ...], named: dict[str, Any], device: Any) -> Any:
    if named:
        if args or len(named) > 1 or next(iter(named)) not in ("size", "data", "other"):
            raise TypeError("new() received an invalid combination of arguments")
        args = tuple(Size(v) if k == "size" else v for k, v in named.items())
    where = place("torch.Tensor", device)
    if not args:
        return wrap(_C_ops.empty([0], kind.paddle, where))
    first = args[0]
    if len(args) > 1 or _is_size(first):
        return wrap(_C_ops.empty(size_of("torch.Tensor.new", args), kind.paddle, where))
    if isinstance(first, paddle.Tensor):
        source = plain(first)
        if only is not None and source.dtype is not only.paddle:
            raise TypeError(
                f"expected a tensor of {only!r} (got {dtypes.from_paddle[source.dtype]!r})"
            )
        return wrap(source)
    if isinstance(first, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(first).__name__}'")
    if not hasattr(first, "__len__") or (isinstance(first, np.ndarray) and not first.ndim):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    items = first.tolist() if isinstance(first, np.ndarray) else first
    return wrap(moved(from_numbers(items, kind.paddle), where))


def _is_size(x: Any) -> bool:
    return isinstance(x, Size) or (isinstance(x, (int, np.integer)) and not isinstance(x, bool))


class _Kind(type):
    """The type of a constructor that is no class of its own: its objects are Tensors of one dtype."""

    dtype: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, Tensor)
            and instance.dtype is cls.dtype
            and instance.place.is_cpu_place()
        )

    def __call__(cls, *args: Any, device: Any = None, **named: Any) -> Any:
        return _made(cls.dtype, cls.dtype, args, named, device)


class FloatTensor(metaclass=_Kind):
    """``torch.FloatTensor(...)``: `legacy_tensor` of float32; ``isinstance`` asks for such a Tensor on the CPU."""

    dtype = dtypes.float32


class DoubleTensor(metaclass=_Kind):
    """``torch.DoubleTensor(...)``: the same of float64."""

    dtype = dtypes.float64


class HalfTensor(metaclass=_Kind):
    """``torch.HalfTensor(...)``: the same of float16."""

    dtype = dtypes.float16


class BFloat16Tensor(metaclass=_Kind):
    """``torch.BFloat16Tensor(...)``: the same of bfloat16."""

    dtype = dtypes.bfloat16


class LongTensor(metaclass=_Kind):
    """``torch.LongTensor(...)``: the same of int64."""

    dtype = dtypes.int64


class IntTensor(metaclass=_Kind):
    """``torch.IntTensor(...)``: the same of int32."""

    dtype = dtypes.int32


class ShortTensor(metaclass=_Kind):
    """``torch.ShortTensor(...)``: the same of int16."""

    dtype = dtypes.int16


class CharTensor(metaclass=_Kind):
    """``torch.CharTensor(...)``: the same of int8."""

    dtype = dtypes.int8


class ByteTensor(metaclass=_Kind):
    """``torch.ByteTensor(...)``: the same of uint8."""

    dtype = dtypes.uint8


class BoolTensor(metaclass=_Kind):
    """``torch.BoolTensor(...)``: the same of bool."""

    dtype = dtypes.bool
