"""torch's format of before 1.6: pickles one after another, then the bytes of each storage."""

from __future__ import annotations

import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from typing import Any

from oarlock.errors import UnsupportedError
from oarlock.serialization.archive import read_into
from oarlock.serialization.persistent import StorageId, parse
from oarlock.serialization.storage import UntypedStorage, empty, memory
from oarlock.serialization.trusting import scan

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
_count = struct.Struct("<q")


class LegacyFile:
    """A checkpoint in the older format, open for reading.

    The pickle of the object comes before the storages it refers to, so it is read twice: once for
    the storages' sizes, with nothing run, and once, in `pickled`, for the object.

    Args:
        file: a binary file that can seek, at the start of the checkpoint.

    Raises:
        UnpicklingError: it is no checkpoint.
        RuntimeError: it is damaged.
        UnsupportedError: it is in the still older tar format.
    """

    def __init__(self, file: Any):
        start = file.tell()
        file.seek(0, os.SEEK_END)
        self._end = file.tell()
        file.seek(start)
        if start == self._end:
            raise EOFError("Ran out of input")
        self._refuse_tar(file, start)
        if _value(file) != MAGIC:
            raise RuntimeError("Invalid magic number; corrupt file?")
        protocol = _value(file)
        if protocol != PROTOCOL:
            raise RuntimeError(f"Invalid protocol version: {protocol}")
        _value(file)
        begin = file.tell()
        wanted: dict[str, StorageId] = {}
        _guarded(lambda: scan(file, lambda given: _keep(wanted, given)))
        self._pickle = _between(file, begin, file.tell())
        keys = _value(file)
        self._storages: dict[str, UntypedStorage] = {}
        for key in keys if isinstance(keys, list) else []:
            self._read(file, str(key), wanted)

    @staticmethod
    def _refuse_tar(file: Any, start: int) -> None:
        head = file.read(512)
        file.seek(start)
        try:
            tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            return
        raise UnsupportedError(
            api="torch.load",
            given="a file in the tar format that torch wrote before version 0.1.10",
            reason="Oarlock reads the formats that came after it",
            advice="Load it with torch and save it again",
        )

    def _read(self, file: Any, key: str, wanted: dict[str, StorageId]) -> None:
        head = file.read(_count.size)
        numel = _count.unpack(head)[0] if len(head) == _count.size else -1
        known = wanted.get(key)
        nbytes = numel * (known.kind.itemsize if known else 1)
        if not 0 <= nbytes <= self._end - file.tell():
            raise RuntimeError(
                f"torch.load: the storage {key!r} claims {nbytes} bytes, more than the file holds"
            )
        storage = empty(nbytes)
        read_into(file, memory(storage._p))
        self._storages[key] = storage

    def pickled(self) -> bytes:
        """The pickle of the object."""
        return self._pickle

    def storage(self, wanted: StorageId) -> UntypedStorage:
        """The bytes of a storage."""
        found = self._storages.get(wanted.key)
        if found is None or found.nbytes() < wanted.nbytes:
            raise RuntimeError(
                f"torch.load: the file has not the {wanted.nbytes} bytes of the storage "
                f"{wanted.key!r}"
            )
        return found


def _keep(wanted: dict[str, StorageId], given: Any) -> None:
    # Containers that torch kept the source code of are referred to in the same way.
    if isinstance(given, tuple) and given and given[0] in ("storage", b"storage"):
        found = parse(given)
        wanted.setdefault(found.key, found)


def _value(file: Any) -> Any:
    """A number, dict or list that is pickled in front of the object."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            raise pickle.UnpicklingError(
                f"the header of the file asks for GLOBAL {module}.{name}; it may hold no globals"
            )

    return _guarded(Unpickler(file).load)


def _guarded(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except pickle.UnpicklingError:
        raise
    except Exception as problem:
        raise pickle.UnpicklingError(
            f"the pickle is damaged or forged: {type(problem).__name__}: {problem}"
        ) from None


def _between(file: Any, begin: int, end: int) -> bytes:
    file.seek(begin)
    return file.read(end - begin)


def persistent_load(load: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A loader of persistent ids that also knows those of containers with their source code."""

    def found(given: Any) -> Any:
        if isinstance(given, tuple) and given and given[0] in ("module", b"module"):
            return given[1]
        return load(given)

    return found
