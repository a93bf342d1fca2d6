"""Subscripts: basic ones are views, the others gather and scatter."""

from __future__ import annotations

from operator import index as integer
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import is_grad_enabled
from oarlock.tensor.core import Tensor, plain, plain_all, raw, view_of, wrap
from oarlock.tensor.inplace import _cast_to, write

# Paddle's own subscript of a plain tensor: a strided view for basic ones.
_at = paddle.Tensor.__getitem__


def getitem(t: Tensor, indices: Any) -> Tensor:
    """``t[indices]`` as torch has it: a view for integers, slices, None and Ellipsis, else a copy."""
    basic = indices if indices.__class__ is int else _basic(indices)
    if basic is None:
        from oarlock.ops import indexing

        return wrap(indexing.getitem(plain(t), _plain_index(indices)))
    try:
        return view_of(t, lambda x: _at(x, basic), p=raw(t))
    except (IndexError, ValueError):
        raise _out_of_bounds(plain(t), basic) from None


def setitem(t: Tensor, indices: Any, value: Any) -> None:
    """``t[indices] = value``: written in place, cast to ``t``'s dtype and broadcast."""
    if _basic(indices) is None:
        _set_advanced(t, indices, value)
        return
    part = getitem(t, indices)
    write(part, _fitted(value, plain(part)))


def _out_of_bounds(p: paddle.Tensor, basic: Any) -> IndexError:
    """Torch's words for what a basic subscript asks too much."""
    shape = p.shape
    if not shape:
        return IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in "
            "C++ to convert a 0-dim tensor to a number"
        )
    items = [item for item in (basic if isinstance(basic, tuple) else (basic,)) if item is not None]
    if items.count(Ellipsis) > 1:
        return IndexError("an index can only have a single ellipsis ('...')")
    if Ellipsis in items:
        place = items.index(Ellipsis)
        items[place : place + 1] = [slice(None)] * (len(shape) - len(items) + 1)
    for dim, (item, size) in enumerate(zip(items, shape, strict=False)):
        if item.__class__ is int and not -size <= item < size:
            return IndexError(f"index {item} is out of bounds for dimension {dim} with size {size}")
    return IndexError(f"too many indices for tensor of dimension {len(shape)}")


def _set_advanced(t: Tensor, index: Any, value: Any) -> None:
    from oarlock.ops import indexing

    p = plain(t)
    value = plain(value)
    recorded = is_grad_enabled() and not (p.stop_gradient and getattr(value, "stop_gradient", True))
    if not recorded:
        indexing.setitem(p, _plain_index(index), value)
        return
    # Out of place first, so that leaves, views and histories are dealt with in one way.
    changed = p.clone()
    indexing.setitem(changed, _plain_index(index), value)
    write(t, changed)


def _plain_index(index: Any) -> Any:
    return tuple(map(plain_all, index)) if isinstance(index, tuple) else plain_all(index)


def _basic(index: Any) -> Any:
    """The subscript with whole numbers as ints where it is basic, else None."""
    kind = index.__class__
    if kind is int:
        return index
    if kind is not tuple:
        item = _basic_item(index)
        return None if item is _ADVANCED else (item,)
    items = []
    for item in index:
        kind = item.__class__
        if kind is not int and not (
            kind is slice
            and item.step is None
            and item.start.__class__ in _BOUNDS
            and item.stop.__class__ in _BOUNDS
        ):
            item = _basic_item(item)
            if item is _ADVANCED:
                return None
        items.append(item)
    return tuple(items)


_ADVANCED = object()
_BOUNDS = (int, type(None))


def _basic_item(item: Any) -> Any:
    """One item of a basic subscript, or _ADVANCED."""
    if item is None or item is Ellipsis or item.__class__ is int:
        return item
    if item.__class__ is slice:
        bounds = [_slice_integer(bound) for bound in (item.start, item.stop, item.step)]
        if bounds[2] is not None and bounds[2] <= 0:
            raise ValueError("step must be greater than zero")
        return slice(*bounds)
    if isinstance(item, bool | list | tuple | range | str):
        return _ADVANCED
    if isinstance(item, paddle.Tensor):
        p = plain(item)
        whole = p.dtype in (paddle.int64, paddle.int32, paddle.int16, paddle.int8)
        return int(p.item()) if whole and not p.ndim else _ADVANCED
    if isinstance(item, np.ndarray | np.bool_):
        return _ADVANCED
    try:
        return integer(item)
    except TypeError:
        return _ADVANCED


def _slice_integer(value: Any) -> int | None:
    if value is None or value.__class__ is int:
        return value
    try:
        return integer(value)
    except TypeError:
        raise TypeError(
            "slice indices must be integers or None or have an __index__ method"
        ) from None


def _fitted(value: Any, part: paddle.Tensor) -> paddle.Tensor:
    """A value to be assigned, in the dtype and shape of the part it goes to."""
    if isinstance(value, paddle.Tensor):
        v = plain(value)
        if v.dtype is not part.dtype:
            v = _cast_to(v, part.dtype)
    elif _is_number(value):
        v = _C_ops.full(part.shape, getattr(value, "item", lambda: value)(), part.dtype, part.place)
    else:
        raise TypeError(f"can't assign a {type(value).__name__} to a {_type(part)}")
    if v.shape != part.shape:
        shape = list(v.shape)
        while len(shape) > part.ndim and shape[0] == 1:
            shape = shape[1:]
        if shape != v.shape:
            v = _C_ops.reshape(v, shape)
        if v.shape != part.shape:
            try:
                v = _C_ops.expand(v, part.shape)
            except Exception:
                raise RuntimeError(
                    f"shape mismatch: value tensor of shape {list(v.shape)} cannot be broadcast to "
                    f"indexing result of shape {list(part.shape)}"
                ) from None
    return v


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) or (
        hasattr(value, "item") and getattr(value, "ndim", None) == 0
    )


def _type(part: paddle.Tensor) -> str:
    from oarlock.tensor.conversion import type_name

    return type_name(part)
