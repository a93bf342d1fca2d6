"""torch.compiler and what of torch.jit needs a compiled program: nothing is compiled here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from oarlock.errors import UnsupportedError


def is_compiling() -> bool:
    """False: nothing is ever compiled."""
    return False


def reset() -> None:
    """Do nothing: nothing was compiled."""


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Return ``fn`` itself, or a decorator that does: it runs eagerly in any case."""
    return (lambda function: function) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """Return ``fn`` itself: there is no graph."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """Return ``fn`` itself: there is no graph."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Do nothing: operations are not captured."""


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """No backends: nothing is compiled."""
    return []


class ScriptModule:
    """The class of compiled modules, of which there are none.

    Raises:
        UnsupportedError: one is made.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        raise _refused("ScriptModule")


class ScriptFunction:
    """The class of compiled functions, of which there are none.

    Raises:
        UnsupportedError: one is made.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        raise _refused("ScriptFunction")


def _refused(name: str) -> UnsupportedError:
    return UnsupportedError(
        api=f"torch.jit.{name}",
        reason="Oarlock runs functions and modules eagerly, and has no compiled program to keep",
        advice="Leave the call out; save a state_dict, or export with paddle.jit",
    )


def trace(
    func: Callable[..., Any], example_inputs: Any = None, *args: Any, **kwargs: Any
) -> NoReturn:
    """Refuse: a traced program would do what was done for the example, whatever it is given.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("trace")


def trace_module(mod: Any, inputs: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Refuse, as `trace` does.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("trace_module")


def save(m: Any, f: Any, _extra_files: Any = None) -> NoReturn:
    """Refuse: there is no compiled program.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("save")


def load(
    f: Any, map_location: Any = None, _extra_files: Any = None, _restore_shapes: bool = False
) -> NoReturn:
    """Refuse: a compiled program is torch's bytecode.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("load")


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> NoReturn:
    """Refuse: there is no compiled program.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("freeze")
