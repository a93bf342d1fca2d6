"""Errors raised in Python code that backward() runs, which Paddle would turn into an OSError's text."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

_local = threading.local()


def remembering(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a PyLayer's backward so that `taken` finds the error it raises."""

    @functools.wraps(backward)
    def run(*args: Any) -> Any:
        try:
            return backward(*args)
        except Exception as error:
            _local.error = error
            raise

    return run


def taken() -> Exception | None:
    """Return the error that was remembered last, and forget it."""
    error = getattr(_local, "error", None)
    _local.error = None
    return error
