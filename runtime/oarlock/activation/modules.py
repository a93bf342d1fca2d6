"""The packages that Oarlock stands in for, and loading a module of theirs."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from oarlock.errors import UnmappedModuleError

ROOTS = ("flash_attn", "torch")


def is_served(name: str) -> bool:
    """Whether a module name belongs to a package that Oarlock stands in for."""
    return name.partition(".")[0] in ROOTS


def is_ours(module: object) -> bool:
    """Whether a module in ``sys.modules`` is Oarlock's, whatever name it is kept under."""
    return isinstance(module, ModuleType) and module.__name__.partition(".")[0] == "oarlock"


def real_modules() -> list[str]:
    """The names of ROOTS under which ``sys.modules`` has the package itself."""
    return [name for name in ROOTS if sys.modules.get(name) and not is_ours(sys.modules[name])]


def load(name: str) -> ModuleType:
    """Return Oarlock's module for ``name``, ``"torch.nn"`` for example.

    Raises:
        UnmappedModuleError: there is none.
    """
    ours = f"oarlock.{name}"
    try:
        return import_module(ours)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{ours}.".startswith(f"{error.name}."):
            raise
    raise unmapped(name)


def unmapped(name: str) -> UnmappedModuleError:
    """The error for a module that Oarlock has not."""
    error = UnmappedModuleError(
        api=name,
        reason="Oarlock has no such module yet",
        advice="The index lists what is mapped",
    )
    error.name = name
    return error
