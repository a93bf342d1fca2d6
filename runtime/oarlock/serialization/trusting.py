"""Unpickling of files that the user trusts: whole modules and optimizers, as Oarlock's classes."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

from oarlock.serialization.names import find


def unpickler(
    file: Any,
    persistent_load: Callable[[Any], Any],
    pickle_module: Any = None,
    **options: Any,
) -> Any:
    """An unpickler that gives Oarlock's objects for torch's globals, and runs what the file says.

    Args:
        file: a binary file at the start of the pickle.
        persistent_load: gives the storage for a persistent id.
        pickle_module: has the class Unpickler to build on.
        options: for the Unpickler.
    """
    base: Any = (pickle_module or pickle).Unpickler

    class Unpickler(base):
        def find_class(self, module: str, name: str) -> Any:
            if module == "torch" or module.startswith("torch."):
                return find(module, name)
            return super().find_class(module, name)

        def persistent_load(self, pid: Any) -> Any:
            return persistent_load(pid)

    return Unpickler(file, **options)


def scan(file: io.BytesIO | Any, found: Callable[[Any], None]) -> None:
    """Read one pickle to its end, and give its persistent ids to ``found``; nothing is run.

    Every global is an inert stand-in, but for storage types, which tell how much follows.
    """

    class Inert:
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            return object.__new__(cls)

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            pass

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self

        def __setstate__(self, state: Any) -> None:
            pass

        def __setitem__(self, key: Any, value: Any) -> None:
            pass

        def append(self, item: Any) -> None:
            pass

        def extend(self, items: Any) -> None:
            pass

        def add(self, item: Any) -> None:
            pass

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            from oarlock.serialization.names import constant
            from oarlock.serialization.storage import StorageType

            value = constant(f"{module}.{name}")
            return value if isinstance(value, StorageType) else Inert

        def persistent_load(self, pid: Any) -> Any:
            found(pid)
            return Inert

    Unpickler(file, encoding="latin1").load()
