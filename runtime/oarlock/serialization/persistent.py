"""The persistent ids of a checkpoint: what its pickle says of each storage it refers to."""

from __future__ import annotations

from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any, NamedTuple

from oarlock.serialization.locations import restorer
from oarlock.serialization.storage import UNTYPED, StorageType, TypedStorage, UntypedStorage


class StorageId(NamedTuple):
    """One reference to a storage, checked."""

    kind: StorageType
    key: str
    location: str
    numel: int
    view: tuple[str, int, int] | None

    @property
    def nbytes(self) -> int:
        """Bytes of the storage."""
        return self.numel * self.kind.itemsize


def parse(given: Any) -> StorageId:
    """Check a persistent id.

    Raises:
        UnpicklingError: it is none of a storage.
    """
    if type(given) is not tuple or not given or _text(given[0]) != "storage":
        raise UnpicklingError("Only persistent_load of storage is allowed")
    if len(given) not in (5, 6):
        raise UnpicklingError("a storage's persistent id must have five or six parts")
    kind, key, location, numel = given[1:5]
    key = str(key) if type(key) is int else _text(key)
    location = _text(location)
    if not isinstance(kind, StorageType) or type(numel) is not int or numel < 0:
        raise UnpicklingError("a storage's persistent id must have a storage type and a size")
    return StorageId(kind, key, location, numel, _view(given[5] if len(given) == 6 else None))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    if type(value) is not str:
        raise UnpicklingError(f"expected a string in a persistent id, got {type(value).__name__}")
    return value


def _view(given: Any) -> tuple[str, int, int] | None:
    if given is None:
        return None
    if type(given) is not tuple or len(given) != 3:
        raise UnpicklingError("a view of a storage must have three parts")
    key, offset, size = given
    if type(offset) is not int or type(size) is not int or offset < 0 or size < 0:
        raise UnpicklingError("a view of a storage must have an offset and a size")
    return _text(key), offset, size


class Storages:
    """The storages of one file, each read once and put where map_location says.

    Args:
        read: gives a storage's bytes in the CPU's memory.
        map_location: as torch.load takes it.
    """

    def __init__(self, read: Callable[[StorageId], UntypedStorage], map_location: Any):
        self._read = read
        self._restore = restorer(map_location)
        self._found: dict[str, UntypedStorage] = {}

    def persistent_load(self, given: Any) -> Any:
        """The storage of a persistent id."""
        wanted = parse(given)
        found = self._found.get(wanted.key)
        if found is None:
            found = self._restore(self._read(wanted), wanted.location)
            self._found[wanted.key] = found
        if wanted.kind is UNTYPED:
            return found
        return TypedStorage(found, wanted.kind, wanted.view[1] if wanted.view else 0)
