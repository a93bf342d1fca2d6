"""Where no real torch is loaded: a finder that puts Oarlock's modules into ``sys.modules``.

``sys.modules["torch"]`` is then the module ``oarlock.torch`` itself, and so below it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from oarlock.activation.modules import ROOTS, is_ours, is_served, load, unmapped

# What sys.modules had under these names before: None, where someone had blocked the import.
_blocked: dict[str, None] = {}


_EVERY = DistributionFinder.Context()


class _Loader:
    """Gives a module that exists already."""

    def __init__(self, name: str):
        self.name = name
        self.spec: Any = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = load(self.name)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just set the spec of the other name.
        module.__spec__ = self.spec


class Finder(DistributionFinder):
    """Finds ``torch`` and ``flash_attn``, their modules, and their distributions' metadata."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module that Oarlock has; its origin is Oarlock's file.

        Raises:
            UnmappedModuleError: it has none, and an import asks. ``importlib.util.find_spec``
                gets None.
        """
        if not is_served(fullname):
            return None
        try:
            found = importlib.util.find_spec(f"oarlock.{fullname}")
        except ModuleNotFoundError:
            found = None
        if found is None:
            if sys._getframe(2).f_globals.get("__name__") == "importlib.util":
                return None
            raise unmapped(fullname)
        spec = ModuleSpec(fullname, _Loader(fullname), origin=found.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = found.submodule_search_locations
        return spec

    def find_distributions(
        self, context: DistributionFinder.Context = _EVERY
    ) -> Iterator[Distribution]:
        """Metadata for ``importlib.metadata.version("torch")``, asked for by name alone."""
        name = (context.name or "").lower().replace("-", "_")
        return iter([_Metadata(name)] if name in ROOTS else [])

    def invalidate_caches(self) -> None:
        """There are none."""


class _Metadata(Distribution):
    """The metadata of a package that Oarlock stands in for: its name and version."""

    def __init__(self, name: str):
        self._name = name

    def read_text(self, filename: str) -> str | None:
        from oarlock.torch_version import version

        if filename in ("METADATA", "PKG-INFO"):
            return f"Metadata-Version: 2.1\nName: {self._name}\nVersion: {version(self._name)}\n"
        return f"{self._name}\n" if filename == "top_level.txt" else None

    def locate_file(self, path: Any) -> Any:
        return Path(__file__).parent.parent / path


_finder = Finder()


def install() -> None:
    """Serve imports from now on."""
    _blocked.update({name: None for name in ROOTS if sys.modules.get(name, ...) is None})
    for name in _blocked:
        del sys.modules[name]
    sys.meta_path.insert(0, _finder)


def remove() -> None:
    """Serve no more, and take what was served out of ``sys.modules``."""
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if is_served(name) and is_ours(sys.modules[name])]:
        del sys.modules[name]
    sys.modules.update(_blocked)  # type: ignore[arg-type]
    _blocked.clear()
