"""The one function of these tests that another process is sent, of a module that imports nothing."""

from __future__ import annotations

from typing import Any


def call_interpreted(function: str, *arguments: Any) -> Any:
    """Call a function of module `interpreted`, which makes its process interpret kernels."""
    import interpreted

    return getattr(interpreted, function)(*arguments)
