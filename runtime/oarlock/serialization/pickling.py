"""Pickles that torch reads: tensors as views of storages, Oarlock's objects under torch's names."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from math import prod
from pickle import PicklingError
from types import FunctionType
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.errors import UnsupportedError
from oarlock.serialization.names import layout_of, path_of
from oarlock.serialization.rebuilding import (
    INTERNAL,
    from_type_v2,
    parameter,
    parameter_with_state,
    tensor_v2,
    tensor_v3,
)
from oarlock.serialization.storage import TYPE_OF, UNTYPED, StorageType, TypedStorage, memory
from oarlock.tensor.core import Tensor, detached
from oarlock.tensor.devices import from_place
from oarlock.tensor.dtypes import from_paddle
from oarlock.tensor.layouts import layout, memory_format
from oarlock.tensor.metadata import Storage


class StoredMemory:
    """A storage that the pickle refers to, and that is written after it.

    Attributes:
        key: its name in the file.
        kind: the type that the pickle gives it.
        location: the tag of its device.
        nbytes: its size.
    """

    def __init__(self, key: str, kind: StorageType, p: paddle.Tensor):
        self.key = key
        self.kind = kind
        self.location = str(from_place(p.place))
        self.nbytes = p._holder_size() if prod(p.shape) else 0
        self._p = p

    @property
    def persistent_id(self) -> tuple[str, StorageType, str, str, int]:
        """How the pickle refers to it."""
        return "storage", self.kind, self.key, self.location, self.nbytes // self.kind.itemsize

    def bytes(self) -> np.ndarray:
        """Its bytes as a uint8 array, copied only from a GPU."""
        p = self._p
        if p.place.is_cpu_place():
            return memory(p)
        # A view alone would be copied, not all of its storage.
        whole = _C_ops.as_strided(p, [self.nbytes // p.element_size()], [1], 0)
        return memory(whole.cpu())


def pickler(file: io.BytesIO, protocol: int, pickle_module: Any, legacy: bool) -> Any:
    """A pickler of Oarlock's objects, with the storages it has met in its ``storages``.

    Args:
        file: where the pickle goes.
        protocol: the pickle protocol.
        pickle_module: the module whose Pickler is used; it must be written in Python.
        legacy: add to each storage's id what the older format has there.

    Raises:
        UnsupportedError: the module's Pickler can't be taught torch's names.
    """
    base: Any = pickle._Pickler  # type: ignore[attr-defined]
    if pickle_module is not None and pickle_module is not pickle:
        own = pickle_module.Pickler
        if own is not pickle.Pickler:
            if not issubclass(own, base):
                raise UnsupportedError(
                    api="torch.save",
                    parameter="pickle_module",
                    given=pickle_module.__name__,
                    reason="its Pickler can't write torch's names for Oarlock's classes",
                    advice="Leave pickle_module out, or use dill",
                )
            base = own

    def save_global(self: Any, obj: Any, *given: Any, **options: Any) -> None:
        path = path_of(obj)
        if path is None:
            base.save_global(self, obj, *given, **options)
        else:
            self.write(pickle.GLOBAL + "\n".join([*path, ""]).encode())
            self.memoize(obj)

    def unless_named(save: Any) -> Any:
        def save_named(self: Any, obj: Any, *given: Any) -> None:
            (save if path_of(obj) is None else save_global)(self, obj, *given)

        return save_named

    named = {kind: unless_named(base.dispatch[kind]) for kind in (type, FunctionType)}
    members = {"save_global": save_global, "dispatch": {**base.dispatch, **named}}
    kind: Any = type("Pickler", (_Writing, base), members)
    made = kind(file, protocol)
    made.storages = {}
    made.legacy = legacy
    return made


class _Writing:
    storages: dict[tuple[int, str], StoredMemory]
    legacy: bool

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, StoredMemory):
            return (*obj.persistent_id, None) if self.legacy else obj.persistent_id
        if isinstance(obj, TypedStorage):
            return self.persistent_id(self._stored(obj.untyped()._p, obj.kind))
        if isinstance(obj, Storage):
            return self.persistent_id(self._stored(obj._p, UNTYPED))
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, paddle.Tensor):
            return self._reduced(obj)
        if isinstance(obj, StorageType):
            return obj.name
        if isinstance(obj, layout):
            return layout_of, (repr(obj),)
        if isinstance(obj, memory_format):
            raise PicklingError(f"torch can't pickle {obj!r}")
        return NotImplemented

    def _reduced(self, t: Any) -> Any:
        from oarlock.nn.parameter import Parameter, UninitializedTensorMixin

        kind = type(t)
        own = (Tensor.__reduce_ex__, Parameter.__reduce_ex__)
        if isinstance(t, UninitializedTensorMixin) or (
            isinstance(t, Tensor) and kind.__reduce_ex__ not in own
        ):
            return NotImplemented
        state = {k: v for k, v in getattr(t, "__dict__", {}).items() if k not in INTERNAL}
        if kind is Parameter:
            data = t.detach()
            given = (data, t.requires_grad, OrderedDict())
            return (parameter_with_state, (*given, state)) if state else (parameter, given)
        function, args = self._tensor(t)
        if kind in (Tensor, paddle.Tensor) and not state:
            return function, args
        return from_type_v2, (function, kind, args, state)

    def _tensor(self, t: Any) -> tuple[Any, tuple[Any, ...]]:
        p = detached(t)
        dtype = from_paddle[p.dtype]
        filled = prod(p.shape)
        kind = TYPE_OF.get(dtype.name, UNTYPED)
        if kind is UNTYPED and self.legacy:
            raise UnsupportedError(
                api="torch.save",
                parameter="_use_new_zipfile_serialization",
                given=f"False with a tensor of dtype {dtype}",
                reason="torch can't read this dtype in its older format",
                advice="Leave the parameter out",
            )
        stored = self._stored(p, kind)
        given = (
            stored,
            p.offset // dtype.itemsize if filled else 0,
            tuple(p.shape),
            tuple(p.strides) if filled else _row_by_row(p.shape),
            bool(t.requires_grad if isinstance(t, Tensor) else not p.stop_gradient),
            OrderedDict(),
        )
        return (tensor_v3, (*given, dtype)) if kind is UNTYPED else (tensor_v2, given)

    def _stored(self, p: paddle.Tensor, kind: StorageType) -> StoredMemory:
        address = p.data_ptr() - p.offset if prod(p.shape) else -1 - len(self.storages)
        found = self.storages.get((address, str(p.place)))
        if found is None:
            found = StoredMemory(str(len(self.storages)), kind, p)
            self.storages[address, str(p.place)] = found
        elif found.kind is not kind:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types"
            )
        return found


def _row_by_row(shape: list[int]) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))
