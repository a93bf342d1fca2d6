"""Sizes given as one number or one per dimension."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def per_dimension(value: Any, count: int) -> tuple[Any, ...]:
    """Return a tuple: the items of an iterable whatever their number, or ``count`` times a scalar."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * count


def both_ends_reversed(sizes: Iterable[int]) -> list[int]:
    """Return sizes in the order of ``pad``: the last dimension first, each for both ends."""
    return [size for size in reversed(list(sizes)) for _ in range(2)]


def ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """Return a function, called ``name``, that makes a size one per each of ``n`` dimensions."""

    def parse(x: Any) -> tuple[Any, ...]:
        return per_dimension(x, n)

    parse.__name__ = name
    return parse


pair = ntuple(2, "_pair")
