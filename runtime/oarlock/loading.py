"""Imports that may bring Paddle in, without what Paddle does to the program's logging."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from types import ModuleType


def load_module(name: str) -> ModuleType:
    """Import a module of Oarlock's; where that imports Paddle, leave the root logger as it was.

    Paddle gives the root logger a handler and a level, and a program's ``logging.basicConfig``
    does nothing once there is a handler.
    """
    if "paddle" in sys.modules:
        return import_module(name)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return import_module(name)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
