"""Oarlock's runtime: the signatures of the PyTorch ecosystem on Paddle tensors.

``from oarlock.flash_attn import flash_attn_func`` gives one function; ``oarlock.explain`` says
which route a call takes and why. Importing this package imports neither Paddle nor anything
heavy: what needs Paddle loads when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from oarlock.errors import (
    ArgumentError,
    ArgumentTypeError,
    OarlockError,
    SlowPathWarning,
    UnmappedError,
    UnmappedImportError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from oarlock import flash_attn as flash_attn
    from oarlock.explanation import Explanation as Explanation
    from oarlock.explanation import explain as explain

__version__ = "0.1.0"
__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "Explanation",
    "OarlockError",
    "SlowPathWarning",
    "UnmappedError",
    "UnmappedImportError",
    "UnsupportedError",
    "__version__",
    "explain",
    "flash_attn",
]


def __getattr__(name: str) -> Any:
    if name in ("Explanation", "explain"):
        return getattr(import_module("oarlock.explanation"), name)
    if name == "flash_attn":
        return import_module("oarlock.flash_attn")
    raise AttributeError(f"module 'oarlock' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
