"""What Paddle's decorators and argument parsers do with keywords before a function sees them.

Many Paddle functions accept torch's names, refuse keywords, or drop them, in wrappers that
``inspect`` sees through. Each wrapper is asked: it is rebuilt around a recorder in place of the
function it wraps and called with every word that occurs in it.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from oarlock_generator.introspect.source import value_text

# Spellings tried on functions whose arguments are parsed in C++: torch's own, for the functions
# that Paddle implements this way.
_TORCH_SPELLINGS = (
    "approximate", "beta", "descending", "dim", "dim0", "dim1", "dim2", "dims", "equal_nan",
    "grid", "indices", "input", "keepdim", "mat2", "other", "self", "shifts", "tensor", "threshold",
    "values", "vec2",
)  # fmt: skip

_NONSENSE = "no_such_keyword"


@dataclass
class Keywords:
    """What happens to keywords that the signature does not show."""

    aliases: dict[str, list[str]] = field(default_factory=dict)
    alias_defaults: dict[str, str] = field(default_factory=dict)
    forbids: set[str] = field(default_factory=set)
    ignores: set[str] = field(default_factory=set)


def unwrap_all(function: Any) -> Any:
    """The function inside all of its wrappers, those without ``__wrapped__`` included."""
    while (inner := _wrapped(function)) is not None:
        function = inner
    return function


def decorator_keywords(function: Any) -> Keywords:
    """Ask every wrapper of ``function`` what it does with the words that occur in it."""
    found = Keywords()
    while (inner := _wrapped(function)) is not None:
        layer = _ask(function, inner)
        for parameter, spellings in layer.aliases.items():
            reachable = [s for s in spellings if s not in found.forbids]
            if reachable:
                known = found.aliases.setdefault(parameter, [])
                known += [s for s in reachable if s not in known]
        found.alias_defaults.update(layer.alias_defaults)
        found.forbids |= layer.forbids
        found.ignores |= layer.ignores
        function = inner
    return found


def parsed_keywords(operator: Any, signature: inspect.Signature) -> Keywords:
    """The spellings that a function parsed in C++ accepts besides those of ``signature``.

    A spelling stands for a parameter if the parser refuses an object that is no argument value
    in the same words, and not in those it has for a keyword nobody knows. Flags get their default
    instead, since such an object in place of one ends the process in ``sum``; the operator then
    runs, on a tensor of one element.
    """
    import paddle

    found = Keywords()
    # The parser ends the process over a dtype it cannot read; name and out it does not look at.
    skipped = ("name", "out", "dtype")
    parameters = [p for p in signature.parameters.values() if p.name not in skipped]
    tensor = paddle.ones([1])
    for parameter in parameters:
        others = {
            p.name: tensor if "Tensor" in str(p.annotation) else 0
            for p in parameters
            if p.default is p.empty and p is not parameter
        }
        value = parameter.default if isinstance(parameter.default, bool) else object()
        expected = _refusal(operator, {**others, parameter.name: value})
        if expected == _refusal(operator, {**others, _NONSENSE: value}):
            continue
        taken = {*signature.parameters, *(s for known in found.aliases.values() for s in known)}
        spellings = [
            word
            for word in _TORCH_SPELLINGS
            if word not in taken and _refusal(operator, {**others, word: value}) == expected
        ]
        if spellings:
            found.aliases[parameter.name] = spellings
    return found


def _refusal(operator: Any, arguments: dict[str, Any]) -> str | None:
    try:
        operator(**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        return str(error)
    return None


def _wrapped(function: Any) -> Any:
    if not isinstance(function, types.FunctionType):
        return None
    inner = getattr(function, "__wrapped__", None)
    if isinstance(inner, types.FunctionType):
        return inner
    if not _takes_anything(function):
        return None
    inside = [v for v in _closure(function).values() if isinstance(v, types.FunctionType)]
    return inside[0] if len(inside) == 1 else None


def _takes_anything(function: types.FunctionType) -> bool:
    code = function.__code__
    both = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
    return code.co_argcount == 0 and code.co_flags & both == both


def _ask(wrapper: types.FunctionType, inner: Any) -> Keywords:
    found = Keywords()
    if not _takes_anything(wrapper):
        return found
    for word in sorted(_words(wrapper)):
        outcome = _call_with(wrapper, inner, word)
        if outcome is None:
            continue
        if isinstance(outcome, Exception):
            if word in str(outcome):
                found.forbids.add(word)
            continue
        received, value = outcome
        places = [name for name, given in received.items() if given is value]
        if places == [word]:
            continue
        if len(places) == 1:
            found.aliases.setdefault(places[0], []).append(word)
            changed = {k: value_text(v) for k, v in received.items() if v is not value}
            found.alias_defaults.update({k: text for k, text in changed.items() if text})
        elif not places:
            found.ignores.add(word)
    return found


def _call_with(
    wrapper: types.FunctionType, inner: Any, word: str
) -> tuple[dict[str, Any], object] | Exception | None:
    """What the wrapped function receives for ``wrapper(word=value)``, or the wrapper's error."""
    calls: list[dict[str, Any]] = []

    @functools.wraps(inner)
    def recorder(*args: Any, **kwargs: Any) -> None:
        calls.append(kwargs)

    contents = {
        name: recorder if value is inner else copy.copy(value) if _is_decorator(value) else value
        for name, value in _closure(wrapper).items()
    }
    if recorder not in contents.values():
        return None
    cells = tuple(types.CellType(contents[name]) for name in wrapper.__code__.co_freevars)
    rebuilt = types.FunctionType(
        wrapper.__code__, wrapper.__globals__, wrapper.__name__, wrapper.__defaults__, cells
    )
    rebuilt.__kwdefaults__ = wrapper.__kwdefaults__
    value = object()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rebuilt(**{word: value})
        except (TypeError, ValueError) as error:
            return error
        except Exception:
            # The wrapper looks at positional arguments that this call does not have.
            return None
    return (calls[0], value) if calls else None


def _words(wrapper: types.FunctionType) -> set[str]:
    """Every identifier that occurs as a string in the wrapper or in what it closes over."""
    words = set(_strings(wrapper.__code__.co_consts))
    for name in wrapper.__code__.co_names:
        helper = wrapper.__globals__.get(name)
        if (
            isinstance(helper, types.FunctionType)
            and helper.__module__ == wrapper.__globals__["__name__"]
        ):
            words.update(_strings(helper.__code__.co_consts))
    for value in _closure(wrapper).values():
        words.update(_strings(value))
        if _is_decorator(value):
            words.update(_strings(vars(value)))
            for cls in type(value).__mro__:
                process = vars(cls).get("process")
                words.update(_strings(process.__code__.co_consts) if process else ())
    return {word for word in words if word.isidentifier()}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _strings([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _strings(item)


def _closure(function: types.FunctionType) -> dict[str, Any]:
    contents = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):
            contents[name] = cell.cell_contents
    return contents


def _is_decorator(value: Any) -> bool:
    return hasattr(value, "process") and type(value).__module__.startswith("paddle.")
