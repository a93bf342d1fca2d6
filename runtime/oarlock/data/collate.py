"""Samples to batches: default_collate and default_convert."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from oarlock.tensor.core import Tensor


def default_convert(data: Any) -> Any:
    """Arrays and numpy numbers as tensors, inside containers too; anything else as it is."""
    from oarlock.torch import as_tensor

    if isinstance(data, Tensor):
        return data
    if isinstance(data, np.ndarray | np.generic):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(each) for each in data]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _sequence(data, [default_convert(each) for each in data])
    return data


def default_collate(batch: Any) -> Any:
    """Stack the tensors, arrays and numbers of samples, in the containers that the samples are.

    Raises:
        TypeError: the samples are of another type.
        RuntimeError: sequences in the batch differ in length.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Any, *, collate_fn_map: Mapping[Any, Any] | None = None) -> Any:
    """Take the containers of samples apart, and join what is in them by the functions of a map.

    Args:
        batch: the samples.
        collate_fn_map: types, or tuples of types, to functions of a list of values and of this map.
            `default_collate_fn_map` has those that default_collate uses.
    """

    def joined(values: Any) -> Any:
        return collate(values, collate_fn_map=collate_fn_map)

    first = batch[0]
    if collate_fn_map is not None:
        if type(first) in collate_fn_map:
            return collate_fn_map[type(first)](batch, collate_fn_map=collate_fn_map)
        for kind, function in collate_fn_map.items():
            if isinstance(first, kind):
                return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        return _mapping(first, {key: joined([each[key] for each in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(joined, zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        if any(len(each) != len(first) for each in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [joined(each) for each in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _sequence(first, columns)
    raise TypeError(_NO_BATCH.format(type(first)))


def collate_tensor_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Stack tensors."""
    from oarlock.torch import stack

    return stack(list(batch), 0)


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """Stack arrays as tensors.

    Raises:
        TypeError: arrays of strings or objects.
    """
    from oarlock.torch import as_tensor

    if batch[0].dtype.kind in "SUO":
        raise TypeError(_NO_BATCH.format(batch[0].dtype))
    return collate([as_tensor(each) for each in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Make a tensor of numpy numbers, of their dtype."""
    from oarlock.torch import as_tensor

    return as_tensor(batch)


def collate_float_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Make a float64 tensor of floats."""
    from oarlock.torch import float64, tensor

    return tensor(batch, dtype=float64)


def collate_int_fn(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    """Make a tensor of ints, or bools."""
    from oarlock.torch import tensor

    return tensor(batch)


def collate_str_fn(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """Leave texts as they are."""
    return batch


default_collate_fn_map: dict[Any, Any] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
"""What default_collate joins values with; types may be added."""


_NO_BATCH = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _mapping(like: Any, values: dict[Any, Any]) -> Any:
    """The values in a mapping of the type of ``like`` where it can be made, else in a dict."""
    try:
        if isinstance(like, MutableMapping):
            made = copy.copy(like)
            made.update(values)
            return made
        return type(like)(values)
    except TypeError:
        return values


def _sequence(like: Any, values: list[Any]) -> Any:
    """The same for sequences, else in a list."""
    try:
        if isinstance(like, MutableSequence):
            made = copy.copy(like)
            for place, value in enumerate(values):
                made[place] = value
            return made
        return type(like)(values)
    except TypeError:
        return values
