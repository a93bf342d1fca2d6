"""Dims counted from the front, and torch's errors for those that do not exist."""

from __future__ import annotations


def normal_dim(dim: int, rank: int) -> int:
    """Return ``dim`` counted from the front.

    Raises:
        IndexError: there is no such dim; a 0-dim tensor has dims 0 and -1, as in torch.
    """
    rank = rank or 1
    if -rank <= dim < rank:
        return dim + rank if dim < 0 else dim
    raise IndexError(
        f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})"
    )


def normal_dims(dims: int | tuple[int, ...] | list[int], rank: int) -> list[int]:
    """Return several dims counted from the front, in the order given.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: a dim is named twice.
    """
    given = [dims] if isinstance(dims, int) else dims
    normal = [normal_dim(dim, rank) for dim in given]
    if len(set(normal)) != len(normal):
        twice = next(dim for dim in normal if normal.count(dim) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return normal
