"""Choosing among the overloads of a torch-side function by what was passed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Integral, Number
from typing import Any

import paddle

from oarlock.errors import ArgumentTypeError
from oarlock.spellings import REQUIRED, SPELLINGS, torch_spelled

# What a torch annotation admits. Anything not listed admits everything, so that the first
# overload whose names fit is taken.
_ADMITS: dict[str, Callable[[Any], bool]] = {
    "Tensor": lambda value: isinstance(value, paddle.Tensor),
    # NumPy's integers count as Integral; Python's bool does too.
    "int": lambda value: isinstance(value, Integral) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "Number": lambda value: isinstance(value, Number),
    "complex": lambda value: isinstance(value, Number),
    "None": lambda value: value is None,
}


class Overloads:
    """A function with several signatures: the first that the arguments fit is called.

    Args:
        api: the torch-side name, for messages.
        *functions: one function per overload; their annotations say what each admits.
    """

    def __init__(self, api: str, *functions: Callable[..., Any]):
        self.api = api
        self.candidates = [(function, inspect.signature(function)) for function in functions]
        self.known: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the overload that fits.

        Raises:
            ArgumentTypeError: none fits; the message lists the signatures.
        """
        # What fits depends on the number, names and types of the arguments alone.
        key = (*map(type, args), *kwargs, *map(type, kwargs.values()))
        function = self.known.get(key)
        if function is None:
            function = self.known[key] = self._fitting(args, kwargs)
        return function(*args, **kwargs)

    def _fitting(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
        """The overload that fits, under NumPy's spellings where torch's do not."""
        try:
            return self.find(args, kwargs)
        except ArgumentTypeError:
            if SPELLINGS.keys().isdisjoint(kwargs):
                raise
        function = self.find(args, torch_spelled(kwargs))
        return lambda *args, **kwargs: function(*args, **torch_spelled(kwargs))

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[..., Any]:
        """Return the overload that fits, or raise as a call would."""
        for function, signature in self.candidates:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                continue
            if all(
                _admits(signature.parameters[n].annotation, v) for n, v in bound.arguments.items()
            ):
                return function
        given = [type(v).__name__ for v in args] + [
            f"{k}={type(v).__name__}" for k, v in kwargs.items()
        ]
        accepted = " or ".join(str(signature) for _, signature in self.candidates)
        raise ArgumentTypeError(api=self.api, given=f"({', '.join(given)})", accepted=accepted)


def _admits(annotation: Any, value: Any) -> bool:
    if annotation is inspect.Parameter.empty:
        return True
    kinds = [kind.strip() for kind in annotation.split("|")]
    return any(_ADMITS.get(kind, lambda _: True)(value) for kind in kinds)


def variadic(
    api: str,
    name: str,
    given: tuple[Any, ...],
    named: dict[str, Any],
    absent: Any = REQUIRED,
) -> Any:
    """The value of a parameter that torch takes one by one, as one sequence, or by name.

    Args:
        api: the torch-side name, for messages.
        name: the parameter's name.
        given: the positional arguments: ``(0, 2, 1)``, or ``((0, 2, 1),)``.
        named: the keyword arguments that no other parameter took.
        absent: the value where nothing is given; without it that is an error.

    Returns:
        The sequence; of a single argument that is no sequence, itself where the parameter may be
        absent (an optional ``dim`` is one number too), else a tuple of it.

    Raises:
        ArgumentTypeError: it is given twice or not at all, or there are other keyword arguments.
    """
    if named:
        named = torch_spelled(named)
        value = named.pop(name, REQUIRED)
        if named or given or value is REQUIRED:
            words = ", ".join(map(repr, named)) or name
            raise ArgumentTypeError(
                api=api, given=f"the keywords {words}", accepted=f"{name} once, and no other"
            )
        return value
    if len(given) == 1 and isinstance(given[0], tuple | list):
        return given[0]
    if given:
        return given[0] if len(given) == 1 and absent is not REQUIRED else given
    if absent is REQUIRED:
        raise ArgumentTypeError(api=api, parameter=name, given="nothing", accepted="a value")
    return absent
