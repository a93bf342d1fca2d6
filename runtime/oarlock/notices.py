"""Warnings that are said once in a process, at the line of the user's that led to them."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)
_said: set[str] = set()


def say_once(message: str, category: type[Warning]) -> None:
    """Warn, unless the same was said before in this process."""
    if message in _said:
        return
    _said.add(message)
    warnings.warn(message, category, stacklevel=_level_of_user())


def forget() -> None:
    """Let everything be said again."""
    _said.clear()


def _level_of_user() -> int:
    """The ``stacklevel`` for `say_once` at which the first frame outside of Oarlock stands."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
