"""Choosing among the overloads of a torch-side function by what was passed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from numbers import Number
from typing import Any

import paddle

from oarlock.errors import ArgumentTypeError

# What a torch annotation admits. Anything not listed admits everything, so that the first
# overload whose names fit is taken.
_ADMITS: dict[str, Callable[[Any], bool]] = {
    "Tensor": lambda value: isinstance(value, paddle.Tensor),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the overload that fits.

        Raises:
            ArgumentTypeError: none fits; the message lists the signatures.
        """
        return self.find(args, kwargs)(*args, **kwargs)

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
