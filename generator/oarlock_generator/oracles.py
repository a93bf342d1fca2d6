"""Where the names of a call are found on either side: the oracle's functions, and the shim's."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, reduce
from pathlib import Path
from types import ModuleType
from typing import Any

ORACLES = Path("tests") / "oracles"

Resolver = Callable[[str], Callable[..., Any]]


class Oracle:
    """The real framework; or, for a package that can't run here, ``tests/oracles/<package>.py``."""

    def __init__(self, package: str, folder: Path):
        file = folder / f"{package}.py"
        self.module = _load(file) if file.exists() else importlib.import_module(package)

    def function(self, api: str) -> Callable[..., Any]:
        """The function of a dotted name."""
        return reduce(_member, api.split(".")[1:], self.module)

    def find(self, api: str) -> Any:
        """What ``function`` finds, or None."""
        try:
            return self.function(api)
        except AttributeError:
            return None

    def replaying(self, result: Any) -> AbstractContextManager[Any]:
        """Repeat, inside the context, the random choices that a result of the shim's shows.

        A package without ``replay`` is expected to draw the same numbers from the same seed.
        """
        return self.module.replay(result) if self.replays else nullcontext()

    @property
    def replays(self) -> bool:
        """Whether it repeats the shim's random choices, instead of drawing the same numbers."""
        return hasattr(self.module, "replay")


def _member(owner: Any, name: str) -> Any:
    """An attribute, or the submodule of that name, which the package need not have imported."""
    try:
        return getattr(owner, name)
    except AttributeError:
        if not isinstance(owner, ModuleType):
            raise
        path = f"{owner.__name__}.{name}"
        if hasattr(owner, "__path__") and importlib.util.find_spec(path) is not None:
            return importlib.import_module(path)
        raise


@cache
def _load(file: Path) -> ModuleType:
    # Not under its own name, which is that of the package it stands for.
    spec = importlib.util.spec_from_file_location(f"oarlock_oracle_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def shim_function(api: str) -> Callable[..., Any]:
    """Oarlock's function for a torch-side name: the one under ``oarlock.`` and that name."""
    path, _, name = f"oarlock.{api}".rpartition(".")
    try:
        owner = importlib.import_module(path)
    except ModuleNotFoundError as error:
        # The method of a class.
        if error.name != path:
            raise
        owner = shim_function(path.partition(".")[2])
    return getattr(owner, name)
