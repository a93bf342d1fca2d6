"""torch's zip files: an uncompressed archive of data.pkl and one record for each storage."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from typing import Any

import numpy as np

from oarlock.errors import UnsupportedError
from oarlock.serialization.persistent import StorageId
from oarlock.serialization.storage import UntypedStorage, empty, mapped, memory, swap_bytes

_LOCAL = struct.Struct("<4s5H3L2H")
# The most that deflate can gain, so that a small record can't claim a huge size.
_GAIN = 1100


class Archive:
    """A checkpoint's zip file, open for reading.

    Args:
        file: a binary file that can seek.
        path: where it lies, to map its storages into memory instead of reading them.

    Raises:
        RuntimeError: it is damaged.
        UnsupportedError: it holds a TorchScript program.
    """

    def __init__(self, file: Any, path: str | os.PathLike[str] | None = None):
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
            names = self._zip.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as problem:
            raise _damaged(str(problem)) from None
        if not names:
            raise _damaged("it has no records")
        self._top = names[0].partition("/")[0]
        if f"{self._top}/constants.pkl" in names:
            raise UnsupportedError(
                api="torch.load",
                given="a TorchScript archive",
                reason="Oarlock runs no TorchScript",
                advice="Save the module's state_dict() with torch.save",
            )
        file.seek(0, os.SEEK_END)
        self._size = file.tell()
        # What records may claim together: the file can't hold more.
        self._left = self._size
        self._mapped = None if path is None else np.memmap(path, dtype="uint8", mode="c")
        order = self.text("byteorder") or "little"
        if order not in ("little", "big"):
            raise ValueError("Unknown endianness type: " + order)
        self._swapped = order == "big"

    def text(self, name: str) -> str | None:
        """A small record as text; None where there is none."""
        if f"{self._top}/{name}" not in self._zip.NameToInfo:
            return None
        return self.record(name).decode("utf-8", "replace").strip()

    def record(self, name: str) -> bytes:
        """The bytes of a record."""
        info = self._info(name)
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as problem:
            raise _damaged(f"{info.filename!r}: {problem}") from None

    def _info(self, name: str) -> zipfile.ZipInfo:
        full = f"{self._top}/{name}"
        info = self._zip.NameToInfo.get(full)
        if info is None:
            raise _damaged(f"it has no record {full!r}")
        stored = info.compress_type == zipfile.ZIP_STORED
        if info.compress_size > self._left or (
            info.file_size != info.compress_size
            if stored
            else info.file_size > _GAIN * max(info.compress_size, 1)
        ):
            raise _damaged(
                f"the record {full!r} claims {info.file_size} bytes, more than the file can hold"
            )
        return info

    def storage(self, wanted: StorageId) -> UntypedStorage:
        """The bytes of a storage, read once."""
        info = self._info(f"data/{wanted.key}")
        if info.file_size < wanted.nbytes:
            raise _damaged(
                f"the storage {wanted.key!r} has {info.file_size} bytes where its tensors need "
                f"{wanted.nbytes}"
            )
        self._left -= info.compress_size
        if info.compress_type != zipfile.ZIP_STORED:
            storage = self._inflated(info)
        else:
            storage = self._stored(info)
        if self._swapped:
            swap_bytes(storage, wanted.kind.dtype)
        return storage

    def _inflated(self, info: zipfile.ZipInfo) -> UntypedStorage:
        storage = empty(info.file_size)
        with self._zip.open(info) as record:
            self._fill(record, storage, info)
        return storage

    def _stored(self, info: zipfile.ZipInfo) -> UntypedStorage:
        start = self._start(info)
        whole = self._mapped
        if whole is not None and info.file_size:
            part = whole[start : start + info.file_size]
            # Complex double is the widest element that needs an address of its own multiple.
            if part.ctypes.data % 16 == 0:
                return mapped(part)
        storage = empty(info.file_size)
        self._file.seek(start)
        self._fill(self._file, storage, info)
        return storage

    def _start(self, info: zipfile.ZipInfo) -> int:
        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL.size)
        if len(header) != _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise _damaged(f"the record {info.filename!r} has no header")
        name, extra = _LOCAL.unpack(header)[-2:]
        start = info.header_offset + _LOCAL.size + name + extra
        if start + info.file_size > self._size:
            raise _damaged(f"the record {info.filename!r} ends beyond the file")
        return start

    def _fill(self, source: Any, storage: UntypedStorage, info: zipfile.ZipInfo) -> None:
        try:
            read_into(source, memory(storage._p))
        except (EOFError, zipfile.BadZipFile) as problem:
            raise _damaged(f"the record {info.filename!r}: {problem}") from None


def read_into(source: Any, target: np.ndarray) -> None:
    """Fill a uint8 array from a file.

    Raises:
        EOFError: the file ends before.
    """
    view, done = memoryview(target), 0  # type: ignore[arg-type]
    readinto = getattr(source, "readinto", None)
    while done < len(view):
        if readinto is not None:
            count = readinto(view[done:])
        else:
            chunk = source.read(min(len(view) - done, 1 << 24))
            count = len(chunk)
            view[done : done + count] = chunk
        if not count:
            raise EOFError("it ends too early")
        done += count


def is_zip(file: Any) -> bool:
    """Whether a zip file starts where a binary file stands; it stays there."""
    here = file.tell()
    start = file.read(4)
    file.seek(here)
    return start == b"PK\x03\x04"


def _damaged(reason: str) -> RuntimeError:
    return RuntimeError(f"torch.load: failed reading the zip archive: {reason}")


def from_here(file: Any) -> Any:
    """The rest of a file as one that starts at 0, for an archive within a larger file."""
    return file if file.tell() == 0 else io.BytesIO(file.read())
