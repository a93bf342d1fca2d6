"""torch.jit's decorators, under which functions and modules stay what they are."""

from __future__ import annotations

from typing import Any, TypeVar

_T = TypeVar("_T")


def script(
    obj: _T,
    optimize: Any = None,
    _frames_up: int = 0,
    _rcb: Any = None,
    example_inputs: Any = None,
) -> _T:
    """Return ``obj`` itself, a function, class or module: it runs eagerly, with the same results."""
    return obj


def script_if_tracing(fn: _T) -> _T:
    """Return ``fn`` itself: nothing is ever traced."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return the function that is decorated, with or without settings in between."""
    return drop if callable(drop) else lambda fn: fn


def unused(fn: _T) -> _T:
    """Return ``fn`` itself."""
    return fn


def export(fn: _T) -> _T:
    """Return ``fn`` itself."""
    return fn


def annotate(the_type: Any, the_value: _T) -> _T:
    """Return ``the_value``, whatever the type that it is said to have."""
    return the_value


def is_scripting() -> bool:
    """False: nothing is ever compiled."""
    return False


def is_tracing() -> bool:
    """False: nothing is ever traced."""
    return False
