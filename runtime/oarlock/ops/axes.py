"""Dims counted from the front, and torch's errors for those that do not exist."""

from __future__ import annotations

from operator import index
from typing import Any


def one_or_more(value: Any) -> list[Any]:
    """Return a sequence as a list, and a single number of any kind as a list of it."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def normal_dim(dim: Any, rank: int) -> int:
    """Return ``dim``, an integer of Python's, NumPy's or a tensor's, counted from the front.

    Raises:
        IndexError: there is no such dim; a 0-dim tensor has dims 0 and -1, as in torch.
        TypeError: it is no integer.
    """
    rank = rank or 1
    if dim.__class__ is not int:
        dim = index(dim)
    if -rank <= dim < rank:
        return dim + rank if dim < 0 else dim
    raise IndexError(
        f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})"
    )


def normal_dims(dims: Any, rank: int) -> list[int]:
    """Return several dims counted from the front, in the order given.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: a dim is named twice.
    """
    normal = [normal_dim(dim, rank) for dim in one_or_more(dims)]
    if len(set(normal)) != len(normal):
        twice = next(dim for dim in normal if normal.count(dim) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return normal
