"""Libraries that choose what to do by a tensor's type, and would take Oarlock's for Paddle's.

einops asks its backends in turn whether a tensor is theirs, Paddle's before torch's, and a Tensor is a
paddle.Tensor too. So its torch backend is asked about Oarlock's Tensors first of all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from oarlock.activation.modules import is_ours, real_modules

_BACKENDS = "einops._backends"
_NAME = "oarlock"


class _Finder:
    """Finds einops' backends as Python does, and registers Oarlock's as soon as they are loaded."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _BACKENDS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register(backends: Any) -> None:
    from oarlock import torch

    class OarlockBackend(backends.TorchBackend):
        """einops' torch backend on Oarlock's torch."""

        framework_name = _NAME

        def __init__(self) -> None:
            self.torch = torch

    loaded = backends._loaded_backends
    others = {name: backend for name, backend in loaded.items() if name != _NAME}
    if "torch" not in others and "torch" in real_modules():
        # Made by einops itself while Oarlock is active, it would ask for Oarlock's torch.
        others["torch"] = object.__new__(backends.TorchBackend)
        others["torch"].torch = sys.modules["torch"]
    loaded.clear()
    loaded.update({_NAME: OarlockBackend(), **others})
    # What it remembers of types was decided without this backend.
    backends._type2backend.clear()


def install() -> None:
    """Register with einops now, or when it is imported."""
    if _BACKENDS in sys.modules:
        _register(sys.modules[_BACKENDS])
    sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]


def remove() -> None:
    """Register no more. A registration stays: it concerns Oarlock's Tensors alone."""
    sys.meta_path.remove(_Finder)  # type: ignore[arg-type]
    if (backends := sys.modules.get(_BACKENDS)) is not None:
        own = getattr(backends._loaded_backends.get("torch"), "torch", None)
        if is_ours(own):
            del backends._loaded_backends["torch"]
