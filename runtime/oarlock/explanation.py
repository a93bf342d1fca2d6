"""Which route a call takes and why, in words."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from oarlock import catalog, routing
from oarlock.errors import UnmappedError, link

_PREDICATE = re.compile(r"\w+\([\w, ]*\)")


@dataclass(frozen=True)
class Explanation:
    """The route of one call.

    Attributes:
        api: the torch-side name.
        route: "native" (Paddle's own function), "fallback", "reference", or "none" where the
            call raises whatever its arguments are.
        server: what computes the call: a Paddle function, or Oarlock's composition or kernel.
        reasons: why it is not native, one per parameter or condition; empty for native.
        notes: what else a user should know, such as that a path is slow.
        page: the address of the API's page.
    """

    api: str
    route: str
    server: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    page: str

    def __str__(self) -> str:
        lines = [f"{self.api}: {self.route} route, served by {self.server}"]
        lines += [f"  because {reason}" for reason in self.reasons]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join([*lines, f"  {self.page}"])


def explain(function: Any, *args: Any, **kwargs: Any) -> Explanation:
    """Say which route ``function(*args, **kwargs)`` would take, without computing it.

    Args:
        function: a function of Oarlock's, or its torch-side name as text.
        *args: the call's positional arguments.
        **kwargs: the call's keyword arguments.

    Returns:
        An Explanation; ``print`` it to read it.

    Raises:
        UnmappedError: Oarlock has no record of the function.
        TypeError: the arguments don't fit its signature.
    """
    api = function if isinstance(function, str) else catalog.api_of(function)
    record = catalog.record_of(api) if api else None
    if api is None or record is None:
        name = api or getattr(function, "__qualname__", repr(function))
        raise UnmappedError(
            api=name,
            reason="Oarlock has no record of this API",
            advice="Pass one of Oarlock's functions, or its torch-side name",
        )
    bound = _bind(record, api, args, kwargs)
    route = _route(record, bound)
    if route["paddle"] is None and route["fallback"] is None:
        return Explanation(api, "none", "nothing: the call raises", (), (), link(api))
    why = reasons(api, bound)
    # A forced route is about APIs that have both; generated functions ask it only there.
    choice = route["paddle"] and route["fallback"]
    native = not route["fallback"] or not why
    if choice and routing.forced is not None:
        native = routing.choose(api, native, bound)
        why = (f"OARLOCK_ROUTE={routing.forced}", *why)
    if native:
        return Explanation(api, "native", route["paddle"], (), (), link(api))
    taken = routing.forced if choice and routing.forced else "fallback"
    describe = getattr(import_module(route["fallback"]["module"]), "describe", None)
    server, notes = describe(**bound) if describe else (route["fallback"]["name"], ())
    return Explanation(api, taken, server, why, tuple(notes), link(api))


def reasons(api: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything that keeps a call from Paddle's own function; empty where nothing does.

    The conditions are those the generated function tests, kept with it in the same data.
    """
    from oarlock import conditions

    record = catalog.record_of(api)
    if record is None:
        return ("Oarlock has no record of this API",)
    route = _route(record, arguments)
    if not route["paddle"]:
        return ("Paddle has no function for it",)
    holds = _scope(arguments)
    found = [
        f"{parameter} is not at its default, and Paddle's function has nothing that means the same"
        for parameter, condition in route["neutral"].items()
        if not eval(condition, holds)
    ]
    for condition in route["native_when"]:
        if not eval(condition, holds):
            fails = {**holds, **conditions.REASONS}
            reason = eval(condition, fails) if _PREDICATE.fullmatch(condition) else None
            found.append(reason or f"{condition} does not hold")
    return tuple(found)


def _bind(record: Any, api: str, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments by name, defaults included, of the overload that the call takes."""
    module = import_module(record["module"])
    name = record["apis"][api]
    function = getattr(module, name)
    if (overloads := getattr(module, f"_{name}", None)) is not None:
        function = overloads.find(args, kwargs)
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _route(record: Any, arguments: Mapping[str, Any]) -> Any:
    """The route of a record whose parameters these are, and whose ``when`` holds."""
    # A method calls its first parameter self.
    fitting = [r for r in record["routes"] if set([*r["parameters"]][1:]) <= arguments.keys()]
    fitting.sort(key=lambda route: -len(route["parameters"]))
    scope = _scope(arguments)
    return next(r for r in fitting if r["when"] is None or eval(r["when"], scope))


def _scope(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What conditions may name.

    They come from this package's own data, and were parsed and restricted before they were
    written there.
    """
    from oarlock import conditions

    return {**vars(conditions), **arguments, "__builtins__": {}}
