"""Storages of a checkpoint: memory that several tensors share, and the types torch names it by."""

from __future__ import annotations

import os
from math import prod
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.tensor import dtypes
from oarlock.tensor.bits import seen_as
from oarlock.tensor.devices import CPU, as_device, device, from_place, place
from oarlock.tensor.metadata import Storage

_NAMES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}


class StorageType:
    """What a file calls the type of a storage, ``torch.FloatStorage``: a name and a dtype.

    Attributes:
        name: torch's name of the class.
        dtype: the name of the elements' dtype, or None for untyped bytes.
        itemsize: bytes of one element.
    """

    def __init__(self, name: str, dtype: str | None):
        self.name = name
        self.dtype = dtype
        known = getattr(dtypes, dtype, None) if dtype else None
        self.itemsize = known.itemsize if known else 4 if dtype == "qint32" else 1

    def __repr__(self) -> str:
        return f"<class 'torch.{self.name}'>"


TYPED = {name: StorageType(name, dtype) for name, dtype in _NAMES.items()}
_CPU_PLACE = paddle.CPUPlace()
UNTYPED = StorageType("UntypedStorage", None)
TYPE_OF = {kind.dtype: kind for kind in TYPED.values()}


class UntypedStorage(Storage):
    """Bytes that tensors share, in the CPU's or a GPU's memory.

    Args:
        size: how many bytes, uninitialised.
        device: where; the CPU where left out.
    """

    def __init__(self, size: int = 0, *, device: Any = None):
        where = place(CPU if device is None else device, "torch.UntypedStorage")
        self._take(_C_ops.empty([size], paddle.uint8, where))

    def _take(self, p: paddle.Tensor) -> None:
        super().__init__(p)
        self._nbytes = p.shape[0]
        self._as: dict[str, paddle.Tensor] = {}

    @staticmethod
    def from_file(filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The bytes of a file, mapped into memory.

        Args:
            filename: a path.
            shared: what is written to the storage reaches the file, which is made where it is not.
            nbytes: how many bytes of it.
        """
        if not nbytes:
            return UntypedStorage()
        return mapped(np.memmap(filename, "uint8", _mode(filename, shared), shape=(nbytes,)))

    def nbytes(self) -> int:
        """Its bytes."""
        return self._nbytes

    size = nbytes

    @property
    def device(self) -> device:
        """Where it lies."""
        return from_place(self._p.place)

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on a GPU."""
        return self.device.type == "cuda"

    def to(self, *, device: Any) -> UntypedStorage:
        """The bytes on another device; itself where it lies there already."""
        wanted = as_device(device) or CPU
        if wanted.type == "cuda" and wanted.index is None:
            where = place(wanted, "torch.load")
            if from_place(where) == self.device:
                return self
        elif wanted == self.device or (wanted.type == "cpu" and not self.is_cuda):
            return self
        return around(self._p._copy_to(place(wanted, "torch.load"), True))

    def cpu(self) -> UntypedStorage:
        """The bytes in the CPU's memory."""
        return self.to(device=CPU)

    def cuda(self, device: Any = None, non_blocking: bool = False) -> UntypedStorage:
        """The bytes on a GPU."""
        return self.to(device="cuda" if device is None else device)

    def elements(self, dtype: dtypes.dtype) -> paddle.Tensor:
        """The same memory as a plain one-dimensional tensor of a dtype."""
        found = self._as.get(dtype.name)
        if found is None:
            whole = self._p
            rest = self._nbytes % dtype.itemsize
            if rest:
                whole = _C_ops.as_strided(whole, [self._nbytes - rest], [1], whole.offset)
            found = seen_as(whole, dtype.paddle)
            self._as[dtype.name] = found
        return found

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._nbytes)
            if step != 1:
                raise RuntimeError(
                    f"Trying to slice with a step of {step}, but only a step of 1 is supported"
                )
            count = max(stop - start, 0)
            if not count:
                return UntypedStorage(device=self.device)
            return around(_C_ops.as_strided(self._p, [count], [1], self._p.offset + start))
        if not -self._nbytes <= index < self._nbytes:
            raise IndexError(f"index {index} out of range for storage of size {self._nbytes}")
        return int(self._p[index])

    def tolist(self) -> Any:
        """The bytes as numbers."""
        return self._p.tolist()

    def __repr__(self) -> str:
        return f"[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


class TypedStorage:
    """A storage with the type that the file gives its elements.

    Attributes:
        untyped: the memory.
        kind: the type.
        offset: its first element, where it is a part of an older file's larger storage.
    """

    def __init__(self, untyped: UntypedStorage, kind: StorageType, offset: int = 0):
        self.untyped_memory = untyped
        self.kind = kind
        self.offset = offset

    @property
    def dtype(self) -> Any:
        """torch.dtype of the elements, or None where Paddle has none such."""
        return getattr(dtypes, self.kind.dtype or "", None)

    def untyped(self) -> UntypedStorage:
        """The memory without the type."""
        return self.untyped_memory

    def __len__(self) -> int:
        return self.untyped_memory.nbytes() // self.kind.itemsize - self.offset

    def __repr__(self) -> str:
        return f"[torch.storage.TypedStorage(dtype=torch.{self.kind.dtype}) of size {len(self)}]"


class _Bytes:
    """A tensor's memory as numpy takes it; numpy keeps this object, and it the tensor, alive."""

    def __init__(self, p: paddle.Tensor, address: int, nbytes: int):
        self.owner = p
        self.__array_interface__ = {
            "data": (address, False),
            "shape": (nbytes,),
            "typestr": "|u1",
            "version": 3,
        }


def memory(p: paddle.Tensor) -> np.ndarray:
    """The whole storage of a plain CPU tensor as a uint8 array that shares it."""
    nbytes = p._holder_size() if prod(p.shape) else 0
    if not nbytes:
        return np.empty(0, "uint8")
    return np.asarray(_Bytes(p, p.data_ptr() - p.offset, nbytes))


def around(p: paddle.Tensor) -> UntypedStorage:
    """The storage that is a plain one-dimensional uint8 tensor."""
    made = UntypedStorage.__new__(UntypedStorage)
    made._take(p)
    return made


def mapped(array: np.ndarray) -> UntypedStorage:
    """The storage that is a uint8 array's memory, a file's mapped memory for example."""
    return around(paddle.utils.dlpack.from_dlpack(array.__dlpack__()))


def empty(nbytes: int) -> UntypedStorage:
    """An uninitialised storage in the CPU's memory."""
    return around(_C_ops.empty([nbytes], paddle.uint8, _CPU_PLACE))


def _mode(filename: Any, shared: bool) -> Any:
    if not shared:
        return "c"
    return "r+" if os.path.exists(filename) else "w+"


def swap_bytes(storage: UntypedStorage, dtype: str | None) -> None:
    """Turn elements that a big-endian machine wrote into this one's order, in place."""
    known = getattr(dtypes, dtype or "", None)
    size = known.itemsize // (2 if known.is_complex else 1) if known else 1
    values = memory(storage._p)
    if size > 1:
        values[: values.size // size * size].view(f"u{size}").byteswap(inplace=True)
