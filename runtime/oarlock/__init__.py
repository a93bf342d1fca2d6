"""Oarlock's runtime: the signatures of the PyTorch ecosystem on Paddle tensors.

``from oarlock.flash_attn import flash_attn_func`` gives one function; ``oarlock.explain`` says
which route a call takes and why; after ``oarlock.activate()``, unmodified ``import torch`` gives
Oarlock's. Importing this package imports neither Paddle nor anything
heavy: what needs Paddle loads when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oarlock.errors import (
    ArgumentError,
    ArgumentTypeError,
    CompilationWarning,
    OarlockError,
    SlowPathWarning,
    UnmappedError,
    UnmappedImportError,
    UnmappedModuleError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from oarlock import flash_attn as flash_attn
    from oarlock import torch as torch
    from oarlock.activation.switch import activate as activate
    from oarlock.activation.switch import activated as activated
    from oarlock.activation.switch import deactivate as deactivate
    from oarlock.explanation import Explanation as Explanation
    from oarlock.explanation import explain as explain
    from oarlock.kernels.attention.warmup import warmup as warmup

__version__ = "0.1.0"
__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CompilationWarning",
    "Explanation",
    "OarlockError",
    "SlowPathWarning",
    "UnmappedError",
    "UnmappedImportError",
    "UnmappedModuleError",
    "UnsupportedError",
    "__version__",
    "activate",
    "activated",
    "deactivate",
    "explain",
    "flash_attn",
    "torch",
    "warmup",
]


def __getattr__(name: str) -> Any:
    if name in ("Explanation", "explain"):
        return getattr(import_module("oarlock.explanation"), name)
    if name in ("activate", "activated", "deactivate"):
        return getattr(import_module("oarlock.activation.switch"), name)
    if name == "warmup":
        return import_module("oarlock.kernels.attention.warmup").warmup
    if name in ("flash_attn", "torch"):
        return import_module(f"oarlock.{name}")
    raise AttributeError(f"module 'oarlock' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
