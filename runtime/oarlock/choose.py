"""A torch-side word to Paddle's word for it, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from oarlock.errors import ArgumentError

T = TypeVar("T")


def choose(api: str, parameter: str, value: object, words: Mapping[object, T]) -> T:
    """Return ``words[value]``.

    Raises:
        ArgumentError: ``value`` is none of the words.
    """
    try:
        return words[value]
    except (KeyError, TypeError):
        accepted = "one of " + ", ".join(map(repr, words))
        raise ArgumentError(
            api=api, parameter=parameter, given=repr(value), accepted=accepted
        ) from None
