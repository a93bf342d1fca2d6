"""torch.save: checkpoints that PyTorch and Oarlock read."""

from __future__ import annotations

import io
import os
import pickle
import secrets
import shutil
import struct
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oarlock.serialization.legacy import MAGIC, PROTOCOL
from oarlock.serialization.pickling import StoredMemory, pickler

DEFAULT_PROTOCOL = 2
_ALIGNMENT = 64
# The local header of a record, and the head of an extra field in it.
_HEADER, _FIELD = 30, struct.Struct("<2sH")
# Above this size zipfile adds a field of its own to the header.
_LARGE = 0x7FFFFFFF
_LARGE_FIELD = 20


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write an object to a file that ``torch.load`` reads, PyTorch's or Oarlock's.

    Tensors that share a storage share it in the file, and each storage is written once and whole.
    A path appears only when all is written; until then what was there before stays.

    Args:
        obj: tensors, plain values, containers of them, modules, optimizers.
        f: a path, or a binary file with ``write``.
        pickle_module: the module whose Pickler is used.
        pickle_protocol: the pickle protocol; torch loads protocol 2 with ``weights_only=True``.
        _use_new_zipfile_serialization: False writes the format of before torch 1.6.
        _disable_byteorder_record: leave out of a zip file which order its bytes have.

    Raises:
        RuntimeError: the folder does not exist; tensors view one storage as different dtypes.
        UnsupportedError: torch has no counterpart of an object of Oarlock's.
    """
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    legacy = not _use_new_zipfile_serialization
    pickled = io.BytesIO()
    writer = pickler(pickled, pickle_protocol, pickle_module, legacy)
    writer.dump(obj)
    storages = list(writer.storages.values())

    def write(file: Any, top: str) -> None:
        if legacy:
            _write_legacy(file, pickled.getvalue(), storages, pickle_protocol)
        else:
            _write_zip(file, top, pickled.getvalue(), storages, not _disable_byteorder_record)

    if not isinstance(f, (str, os.PathLike)):
        write(f, "archive")
        return
    path = os.fspath(f)
    with _replacing(path) as file:
        write(file, os.path.basename(path).split(".")[0] or "archive")


@contextmanager
def _replacing(path: str) -> Iterator[Any]:
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(path) or folder} does not exist.")
    if os.path.exists(target) and not os.path.isfile(target):
        # A pipe or device has nothing to keep; a directory is refused here.
        with open(target, "wb") as file:
            yield file
        return
    beside = f"{target}.{secrets.token_hex(8)}.tmp"
    try:
        with open(beside, "xb") as file:
            yield file
        if os.path.exists(target):
            shutil.copymode(target, beside)
        os.replace(beside, target)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def _write_zip(
    file: Any, top: str, pickled: bytes, storages: list[StoredMemory], order: bool
) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _record(archive, f"{top}/data.pkl", pickled)
        _record(archive, f"{top}/.format_version", b"1")
        _record(archive, f"{top}/.storage_alignment", str(_ALIGNMENT).encode())
        if order:
            _record(archive, f"{top}/byteorder", sys.byteorder.encode())
        for stored in storages:
            _record(archive, f"{top}/data/{stored.key}", stored.bytes())
        _record(archive, f"{top}/version", b"3\n")


def _record(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    view = memoryview(data)
    info = zipfile.ZipInfo(name)
    info.file_size = view.nbytes
    # zipfile's own rule, with its margin for data that grows while it is written.
    large = view.nbytes * 1.05 > _LARGE
    head = archive.fp.tell() + _HEADER + len(name.encode()) + (_LARGE_FIELD if large else 0)  # type: ignore[union-attr]
    padding = -(head + _FIELD.size) % _ALIGNMENT
    info.extra = _FIELD.pack(b"FB", padding) + b"Z" * padding
    with archive.open(info, "w", force_zip64=large) as record:
        record.write(view)


def _write_legacy(file: Any, pickled: bytes, storages: list[StoredMemory], protocol: int) -> None:
    sizes = {"short": 2, "int": 4, "long": 4}
    system = {
        "protocol_version": PROTOCOL,
        "little_endian": sys.byteorder == "little",
        "type_sizes": sizes,
    }
    for value in (MAGIC, PROTOCOL, system):
        file.write(pickle.dumps(value, protocol))
    file.write(pickled)
    file.write(pickle.dumps([stored.key for stored in storages], protocol))
    for stored in storages:
        file.write(struct.pack("<q", stored.nbytes // stored.kind.itemsize))
        file.write(memoryview(stored.bytes()))  # type: ignore[arg-type]
