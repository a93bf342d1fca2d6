"""The attention kernels where there is no Paddle, as on machines that have a GPU and torch alone.

The kernels and what launches them need no framework; the package they are in imports Paddle for the
reference path and the checks of arguments.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"


def attention_kernels() -> Any:
    """Return `oarlock.kernels.attention.triton`; without Paddle, its parents stay empty."""
    if str(RUNTIME) not in sys.path:
        sys.path.insert(0, str(RUNTIME))
    parent = "oarlock.kernels.attention"
    if find_spec("paddle") is None and parent not in sys.modules:
        package = ModuleType(parent)
        package.__path__ = [str(RUNTIME.joinpath(*parent.split(".")))]
        sys.modules[parent] = package
    return import_module(f"{parent}.triton")
