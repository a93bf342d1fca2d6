"""Named ranges for profilers, which affect no results."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


class record_function:
    """A block, or a decorated function, that has a name in a profile; it affects no results.

    Args:
        name: what it is called.
        args: further text.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args

    def __enter__(self) -> record_function:
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        """Do nothing: there is no profile to end a range in."""

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function."""

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return decorated


class emit_nvtx:
    """A block whose operations torch would name in NVTX; Paddle's name themselves.

    Args:
        enabled: of no effect.
        record_shapes: of no effect.
    """

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self) -> emit_nvtx:
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        """Do nothing."""
