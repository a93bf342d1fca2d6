"""Tensors from data: Python numbers and sequences of them, numpy arrays, buffers and other tensors."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops
from paddle.utils.dlpack import from_dlpack

from oarlock.creation.arguments import (
    checked_integer,
    finished,
    moved,
    name_of,
    place,
)
from oarlock.errors import UnsupportedError
from oarlock.random.rounding import narrow
from oarlock.serialization.storage import UntypedStorage
from oarlock.tensor import dtypes
from oarlock.tensor.conversion import lend
from oarlock.tensor.core import plain, wrap
from oarlock.tensor.layouts import strided

_NUMPY_DTYPES = {
    np.dtype(name): getattr(dtypes, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
}
_UNSIGNED = tuple(map(np.dtype, ("uint16", "uint32", "uint64")))


def tensor(
    data: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A Tensor with a copy of data, and no history.

    Args:
        data: a number, a (nested) sequence of numbers and tensors of one element, a numpy array or scalar, or a tensor.
        dtype: where None, that of the data: Python floats have the default dtype, and mixed numbers the dtype that
            holds them all.
        device: where None, that of a tensor, and otherwise the default one.
        requires_grad: whether gradients are recorded.
        pin_memory: page-locked memory; needs a GPU.

    Raises:
        ValueError: sequences of unequal lengths, integers beyond int64, arrays with negative strides.
        TypeError: arrays of other things than numbers.
        RuntimeError: a value that the dtype does not hold, or of a type that has no dtype.
        UnsupportedError: numpy's uint16, uint32 and uint64, which Paddle has not (it reads uint16 as bfloat16).
    """
    api = "torch.tensor"
    if isinstance(data, paddle.Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    made = _copied(api, data, dtypes.paddle_dtype(dtype))
    where = made.place if device is None and isinstance(data, paddle.Tensor) else place(api, device)
    return finished(api, moved(made, where), requires_grad=requires_grad, pin_memory=pin_memory)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """A Tensor of the data, sharing memory or history where nothing must change.

    A tensor is returned itself where dtype and device are its own; a numpy array shares its memory.

    Args:
        data: as for `tensor`.
        dtype, device: as for `tensor`.

    Raises:
        TypeError, ValueError, RuntimeError, UnsupportedError: as `tensor`.
    """
    return _shared("torch.as_tensor", data, dtypes.paddle_dtype(dtype), device)


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Any:
    """A Tensor of the data, a copy or not.

    Args:
        obj: as for `tensor`, or an object with the buffer protocol.
        dtype, device: as for `tensor`.
        copy: True copies, False raises where memory can't be shared, None copies where it must.
        requires_grad: whether the result requires a gradient; None follows the data, and False
            leaves its history behind.

    Raises:
        ValueError: ``copy=False`` where a copy is needed.
    """
    api = "torch.asarray"
    kind = dtypes.paddle_dtype(dtype)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        obj = np.frombuffer(obj, name_of(kind or dtypes.get_default_dtype().paddle))
    elif isinstance(obj, UntypedStorage):
        obj = wrap(obj.elements(dtypes.uint8))
    if not isinstance(obj, (paddle.Tensor, np.ndarray)):
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        copy = None
    if copy:
        made = plain(_shared(api, obj, kind, device))
        result = wrap(made.clone() if requires_grad else made.detach().clone())
    else:
        result = _shared(api, obj, kind, device)
        source = plain(obj) if isinstance(obj, paddle.Tensor) else None
        changed = (kind is not None and source is not None and source.dtype is not kind) or (
            isinstance(obj, np.ndarray)
            and kind is not None
            and np.dtype(name_of(kind)) != obj.dtype
        )
        if copy is False and changed:
            raise ValueError(
                f"can't alias tensor with dtype '{(source if source is not None else obj).dtype}' "
                f"into dtype '{dtypes.from_paddle[kind]}'."
            )
    if requires_grad is not None and requires_grad is plain(result).stop_gradient:
        result = wrap(plain(result).detach())
        result.requires_grad = requires_grad
    return result


def from_numpy(ndarray: np.ndarray, /) -> Any:
    """A Tensor that shares an array's memory: writing to either changes both.

    Raises:
        TypeError: it is no array, or one of other things than numbers.
        ValueError: a stride is negative, or the bytes are not in the machine's order.
        UnsupportedError: uint16, uint32 and uint64, which Paddle has not.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return wrap(_from_array("torch.from_numpy", ndarray))


def frombuffer(
    buffer: Any,
    *,
    dtype: Any,
    count: int = -1,
    offset: int = 0,
    requires_grad: bool = False,
) -> Any:
    """A Tensor of one dimension that shares a buffer's memory.

    Args:
        buffer: an object with the buffer protocol.
        dtype: of the elements.
        count: how many to read; all where negative.
        offset: how many bytes to skip.
        requires_grad: whether gradients are recorded.

    Raises:
        ValueError: the buffer is too short, or does not divide into elements.
    """
    kind = dtypes.paddle_dtype(dtype)
    if name_of(kind) == "bfloat16":
        bits = _from_array("torch.frombuffer", np.frombuffer(buffer, np.int16, count, offset))
        shared = _C_ops.view_dtype(bits, kind)
    else:
        shared = _from_array(
            "torch.frombuffer", np.frombuffer(buffer, name_of(kind), count, offset)
        )
    return finished("torch.frombuffer", shared, requires_grad=requires_grad)


def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A Tensor without dimensions, of the default floating-point dtype where none is given.

    Args:
        s: a number.
        dtype, layout, device, pin_memory, requires_grad: as for `torch.zeros`.
    """
    api = "torch.scalar_tensor"
    kind = dtypes.get_default_dtype() if dtype is None else dtype
    made = moved(_copied(api, s, dtypes.paddle_dtype(kind)), place(api, device))
    return finished(api, made, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def new_tensor(
    self: Any,
    data: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A Tensor with a copy of data, of the dtype and device of ``self``; the rest is as for `tensor`."""
    api = "torch.Tensor.new_tensor"
    like = plain(self)
    kind = like.dtype if dtype is None else dtypes.paddle_dtype(dtype)
    made = moved(_copied(api, data, kind), place(api, device, like))
    return finished(api, made, requires_grad=requires_grad, pin_memory=pin_memory)


def _copied(api: str, data: Any, kind: Any) -> paddle.Tensor:
    """A plain tensor with a copy of the data, on the CPU or where the tensor given lies."""
    if isinstance(data, paddle.Tensor):
        source = plain(data).detach()
        return source.clone() if kind is None or kind is source.dtype else _C_ops.cast(source, kind)
    if isinstance(data, np.ndarray):
        shared = _from_array(api, data)
        if kind is None or kind is shared.dtype:
            return shared.clone()
        return _C_ops.cast(shared, kind)
    return from_numbers(data, kind)


def _shared(api: str, data: Any, kind: Any, device: Any) -> Any:
    if isinstance(data, paddle.Tensor):
        source = plain(data)
        where = place(api, device, source)
        result = source if kind is None or kind is source.dtype else _C_ops.cast(source, kind)
        result = moved(result, where)
        if result is source and type(data) is not paddle.Tensor:
            return data
        return wrap(result)
    if isinstance(data, np.ndarray):
        result = _from_array(api, data)
        if kind is not None and kind is not result.dtype:
            result = _C_ops.cast(result, kind)
    else:
        result = from_numbers(data, kind)
    return wrap(moved(result, place(api, device)))


def _from_array(api: str, array: np.ndarray) -> paddle.Tensor:
    """A plain tensor that shares an array's memory."""
    if array.dtype not in _NUMPY_DTYPES:
        if array.dtype in _UNSIGNED:
            raise UnsupportedError(
                api=api,
                given=f"a numpy array of {array.dtype}",
                reason="Paddle has no such dtype"
                + ("; it would read the bits as bfloat16" if array.dtype == np.uint16 else ""),
                advice="Convert the array to int32 or int64",
            )
        if not array.dtype.isnative:
            raise ValueError(
                "given numpy array has byte order different from the native byte order. "
                "Conversion between byte orders is currently not supported."
            )
        raise TypeError(
            f"can't convert np.ndarray of type {array.dtype.type.__module__}.{array.dtype.type.__name__}. "
            "The only supported types are: float64, float32, float16, complex64, complex128, int64, "
            "int32, int16, int8, uint64, uint32, uint16, uint8, and bool."
        )
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().) "
        )
    if any(s % array.itemsize for s in array.strides):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. Copy the numpy "
            "array to reallocate the memory."
        )
    lend(array)
    if array.flags.writeable:
        return from_dlpack(array)
    warnings.warn(
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. "
        "This means writing to this tensor will result in undefined behavior.",
        UserWarning,
        stacklevel=4,
    )
    return _unprotected(array)


def _unprotected(array: np.ndarray) -> paddle.Tensor:
    """Share a read-only array, which numpy does not lend out itself."""
    view = np.lib.stride_tricks.as_strided(array)
    interface = dict(array.__array_interface__)
    interface["data"] = (interface["data"][0], False)
    return from_dlpack(np.asarray(_Lent(view, interface)))


class _Lent:
    """An array interface that says writable, and keeps the array that it stands for alive."""

    def __init__(self, array: np.ndarray, interface: dict[str, Any]) -> None:
        self.array = array
        self.__array_interface__ = interface


def from_numbers(data: Any, kind: Any) -> paddle.Tensor:
    """A plain tensor of a number, or of a nested sequence of numbers, on the CPU.

    Args:
        data: the number or sequence.
        kind: Paddle's dtype, or None for the one that holds them all.

    Raises:
        ValueError, TypeError, RuntimeError: as `tensor`.
    """
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    shape, items = _flattened(data)
    types = set(map(type, items))
    if any(issubclass(t, paddle.Tensor) for t in types):
        found = {
            dtypes.from_paddle[plain(x).dtype].name if isinstance(x, paddle.Tensor) else None
            for x in items
        }
        types = {t for t in types if not issubclass(t, paddle.Tensor)}
        items = [_item(x) if isinstance(x, paddle.Tensor) else x for x in items]
    else:
        found = set()
    inferred = _joined({name for name in found if name} | {_name_of_type(t) for t in types})
    name = inferred if kind is None else name_of(kind)
    values = _array(items, inferred, name).reshape(shape)
    if name == "bfloat16":
        return _C_ops.cast(from_dlpack(values), paddle.bfloat16)
    return from_dlpack(values)


def _flattened(data: Any) -> tuple[list[int], list[Any]]:
    """The shape of nested sequences, and the numbers in them."""
    shape: list[int] = []
    level = [data]
    while level and _is_sequence(level[0]):
        length = len(level[0])
        for item in level:
            if not _is_sequence(item):
                raise TypeError(f"expected a sequence of length {length} at dim {len(shape)}")
            if len(item) != length:
                raise ValueError(
                    f"expected sequence of length {length} at dim {len(shape)} (got {len(item)})"
                )
        shape.append(length)
        level = list(chain.from_iterable(level))
    return shape, level


def _is_sequence(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return True
    if isinstance(item, np.ndarray):
        return item.ndim > 0
    return isinstance(item, Sequence) and not isinstance(item, (str, bytes))


def _item(x: Any) -> Any:
    source = plain(x)
    if source.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return source.item()


def _name_of_type(kind: type) -> str:
    if kind is bool:
        return "bool"
    if issubclass(kind, np.generic):
        dtype = np.dtype(kind)
        if dtype in _NUMPY_DTYPES:
            return dtype.name
        if dtype in _UNSIGNED:
            raise UnsupportedError(
                api="torch.tensor",
                given=f"numpy numbers of {dtype}",
                reason="Paddle has no such dtype",
                advice="Convert them to int",
            )
    if issubclass(kind, np.ndarray):
        return "float64"
    if issubclass(kind, int):
        return "int64"
    if issubclass(kind, float):
        return dtypes.get_default_dtype().name
    if issubclass(kind, (list, tuple)):
        raise TypeError(f"{kind.__name__!r} object cannot be interpreted as an integer")
    if issubclass(kind, complex):
        return dtypes.get_default_dtype().to_complex().name
    if kind is str:
        raise ValueError("too many dimensions 'str'")
    raise RuntimeError(f"Could not infer dtype of {kind.__name__}")


def _joined(names: set[str]) -> str:
    """The dtype that torch promotes several to; float32 or the other default where there is none."""
    if len(names) < 2:
        return next(iter(names), dtypes.get_default_dtype().name)
    kinds = [getattr(dtypes, n) for n in names]
    complexes = [k for k in kinds if k.is_complex]
    floats = [k for k in kinds if k.is_floating_point]
    if complexes:
        wide = any(k.name in ("complex128", "float64") for k in kinds)
        return "complex128" if wide else "complex64"
    if floats:
        if {k.name for k in floats} == {"float16", "bfloat16"}:
            return "float32"
        return max(floats, key=lambda k: k.itemsize).name
    signed = [k for k in kinds if k.is_signed]
    widest = max(kinds, key=lambda k: (k.itemsize, k.name != "bool"))
    if "uint8" in names and signed:
        size = max(2, max(k.itemsize for k in signed))
        return {2: "int16", 4: "int32", 8: "int64"}[size]
    return widest.name


def _array(items: list[Any], inferred: str, name: str) -> np.ndarray:
    """The numbers, found to be of one dtype, as a flat array of another; bfloat16 ones as float32."""
    have, want = getattr(dtypes, inferred), getattr(dtypes, name)
    if have.is_complex and not want.is_complex:
        raise TypeError("must be real number, not complex")
    if have.is_floating_point or have.is_complex or want.is_floating_point or want.is_complex:
        wide = np.array(items, np.complex128 if have.is_complex else np.float64)
        if want.is_complex or want.is_floating_point:
            with np.errstate(over="ignore"):
                return narrow(wide, name) if name != "bfloat16" else wide.astype(np.float32)
    elif name == "bool":
        return np.array(items, bool)
    else:
        try:
            wide = np.array(items, np.int64)
        except OverflowError:
            raise ValueError("Overflow when unpacking long long") from None
    if name == "bool":
        return wide.astype(bool)
    if wide.size:
        # NaN fails the comparison, so it is asked for on its own.
        worst = np.nan if np.isnan(wide).any() else wide.max()
        checked_integer(worst, name)
        checked_integer(wide.min() if worst == worst else worst, name)
    return wide.astype(np.int64).astype(name)
