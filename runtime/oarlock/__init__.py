"""Oarlock's runtime: the signatures of the PyTorch ecosystem on Paddle tensors.

``from oarlock.flash_attn import flash_attn_func`` gives one function; ``oarlock.explain`` says
which route a call takes and why. Importing this package imports neither Paddle nor anything
heavy: modules load when their names are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from oarlock import flash_attn as flash_attn
    from oarlock.errors import ArgumentError as ArgumentError
    from oarlock.errors import ArgumentTypeError as ArgumentTypeError
    from oarlock.errors import OarlockError as OarlockError
    from oarlock.errors import SlowPathWarning as SlowPathWarning
    from oarlock.errors import UnmappedError as UnmappedError
    from oarlock.errors import UnmappedImportError as UnmappedImportError
    from oarlock.errors import UnsupportedError as UnsupportedError
    from oarlock.explanation import Explanation as Explanation
    from oarlock.explanation import explain as explain

_HOMES = {
    "ArgumentError": "oarlock.errors",
    "ArgumentTypeError": "oarlock.errors",
    "Explanation": "oarlock.explanation",
    "OarlockError": "oarlock.errors",
    "SlowPathWarning": "oarlock.errors",
    "UnmappedError": "oarlock.errors",
    "UnmappedImportError": "oarlock.errors",
    "UnsupportedError": "oarlock.errors",
    "explain": "oarlock.explanation",
    "flash_attn": "oarlock.flash_attn",
}
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
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'oarlock' has no attribute {name!r}")
    from importlib import import_module

    module = import_module(home)
    value = (
        module if home == f"oarlock.{name}" and not hasattr(module, name) else getattr(module, name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
