"""torch.unique and torch.unique_consecutive on Tensors."""

from __future__ import annotations

from typing import Any

from oarlock.tensor.core import like, plain


def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements, or slices along dim, in ascending order.

    Returns:
        the elements, or a tuple of them and what else was asked for: where each element of input
        went, in input's shape (or the length of dim), and how often each occurs.

    Raises:
        IndexError: there is no such dim.
    """
    from oarlock.ops.counting import unique as distinct

    return like(input, distinct(plain(input), sorted, return_inverse, return_counts, dim))


def unique_consecutive(
    input: Any,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Each run of equal elements, or slices along dim, once.

    Returns:
        as unique.

    Raises:
        IndexError: there is no such dim.
    """
    from oarlock.ops.counting import unique_consecutive as runs

    return like(input, runs(plain(input), return_inverse, return_counts, dim))
