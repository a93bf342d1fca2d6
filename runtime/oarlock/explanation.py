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

_PREDICATE = re.compile(r"\w+\((?:[\w, ]|plain\(\w+\))*\)")
_UNWRAPPED = re.compile(r"\bplain\((\w+)\)")


@dataclass(frozen=True)
class Explanation:
    """The route of one call.

    Attributes:
        api: the torch-side name.
        route: "native" (Paddle's own function), "fallback", "reference", "own" for an object of
            Oarlock's own, or "none" where the call raises whatever its arguments are.
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
    if api in record["own"]:
        return Explanation(api, "own", record["apis"][api].replace(":", "."), (), (), link(api))
    bound = _bind(record, api, args, kwargs)
    route = _route(record, api, bound)
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
    route = _route(record, api, arguments)
    if not route["paddle"]:
        return ("Paddle has no function for it",)
    names = route["names"][api]
    holds = _scope(_in_row_names(names, arguments))
    found = [
        f"{parameter} is not at its default, and Paddle's function has nothing that means the same"
        for parameter, condition in route["neutral"].items()
        if parameter in names and not eval(condition, holds)
    ]
    for condition in route["native_when"]:
        if not eval(condition, holds):
            fails = {**holds, **conditions.REASONS}
            reason = eval(condition, fails) if _PREDICATE.fullmatch(condition) else None
            shown = _UNWRAPPED.sub(r"\1", condition)
            found.append(reason or f"{shown} does not hold")
    return tuple(found)


def _bind(record: Any, api: str, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments by name, defaults included, of the overload that the call takes."""
    from oarlock.spellings import torch_spelled

    path, _, name = record["apis"][api].partition(":")
    module = import_module(path)
    function = getattr(module, name)
    if (overloads := getattr(module, f"_{name}", None)) is not None:
        function = overloads.find(args, kwargs)
    signature = inspect.signature(function)
    if "numpy" in signature.parameters:
        kwargs = torch_spelled(kwargs)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _route(record: Any, api: str, arguments: Mapping[str, Any]) -> Any:
    """The route whose parameters these are, and whose ``when`` holds."""
    own = [route for route in record["routes"] if api in route["names"]]
    # Besides its parameters there may be locals of the generated function.
    fitting = [r for r in own if arguments.keys() >= set(r["names"][api].values())]
    fitting.sort(key=lambda route: -len(route["names"][api]))
    for route in fitting:
        scope = _scope(_in_row_names(route["names"][api], arguments))
        if route["when"] is None or eval(route["when"], scope):
            return route
    raise LookupError(f"{api} has no route for these arguments")


def _in_row_names(names: Mapping[str, str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by the names that conditions have for them: ``input`` for ``self``."""
    return {row: arguments[own] for row, own in names.items() if own in arguments}


def _scope(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What conditions may name.

    They come from this package's own data, and were parsed and restricted before they were
    written there.
    """
    from oarlock import conditions
    from oarlock.tensor import plain

    return {**vars(conditions), **arguments, "plain": plain, "__builtins__": {}}
