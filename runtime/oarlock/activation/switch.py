"""activate, deactivate, activated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from types import ModuleType

from oarlock.activation import children, finder, importing, neighbours
from oarlock.activation.modules import real_modules

_lock = RLock()
# What serves imports: the finder, or the wrapped import functions where a real torch is loaded.
_server: ModuleType | None = None


def activate() -> None:
    """Make ``import torch`` and ``import flash_attn`` give Oarlock's modules, in this process.

    Call it before the imports that it is meant for: modules that are imported already keep what
    they have. A real torch that is loaded stays where it is, for those who use it. Activating
    twice is activating once.
    """
    global _server
    with _lock:
        if _server is None:
            _server = importing if real_modules() else finder
            _server.install()
            children.install()
            neighbours.install()


def deactivate() -> None:
    """Undo `activate`: imports give what is installed again.

    Modules that were imported meanwhile keep what they have.
    """
    global _server
    with _lock:
        if _server is not None:
            neighbours.remove()
            children.remove()
            _server.remove()
            _server = None


def is_active() -> bool:
    """Whether imports give Oarlock's modules."""
    return _server is not None


@contextmanager
def activated() -> Iterator[None]:
    """Activate for the duration of a block, and leave it afterwards as it was before."""
    before = is_active()
    activate()
    try:
        yield
    finally:
        if not before:
            deactivate()
        else:
            activate()
