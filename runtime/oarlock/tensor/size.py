"""torch.Size: the tuple of ints that is a shape."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import prod
from operator import index
from typing import Any, SupportsIndex


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that prints as ``torch.Size([2, 3])``.

    Slices, concatenations and repetitions of a Size are Sizes.

    Args:
        sizes: an iterable of ints (or of what converts to one by ``__index__``).

    Raises:
        TypeError: an item is no integer.
    """

    __slots__ = ()

    def __new__(cls, sizes: Iterable[Any] = (), /) -> Size:  # noqa: D102
        items = tuple(sizes)
        for item in items:
            if type(item) is not int:
                return tuple.__new__(cls, map(_integer, items, range(len(items))))
        return tuple.__new__(cls, items)

    def __repr__(self) -> str:
        return f"torch.Size({[*self]})"

    def __getitem__(self, key: Any) -> Any:
        item = _item(self, key)
        # Nearly every key is one int; a slice makes a tuple.
        return item if item.__class__ is not tuple else of(item)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            raise TypeError(
                f"can only concatenate tuple (not {type(other).__name__}) to torch.Size"
            )
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return Size(other + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> Any:
        return of(tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __reduce__(self) -> tuple[Any, ...]:
        return Size, (tuple(self),)

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return prod(self)


def count(x: Any) -> int:
    """The number of a tensor's elements; Paddle's own ``size`` takes several microseconds."""
    return prod(x.shape)


_item = tuple.__getitem__
# From ints that need no look: a tensor's shape is asked for all the time.
of = partial(tuple.__new__, Size)


def _integer(item: Any, position: int) -> int:
    try:
        return index(item)
    except TypeError:
        raise TypeError(
            f"torch.Size() takes an iterable of 'int' (item {position} is '{type(item).__name__}')"
        ) from None
