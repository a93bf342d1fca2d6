"""Dimensions and sizes as callers write them, made into Paddle's."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any

from oarlock.tensor.size import Size


def dim_of(dim: Any, ndim: int) -> int:
    """Return a dimension between 0 and ``ndim`` - 1; a tensor without dimensions has dimension 0.

    Raises:
        IndexError: there is no such dimension.
        TypeError: it is no integer.
    """
    given = index(dim)
    ends = max(ndim, 1)
    if not -ends <= given < ends:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ends}, {ends - 1}], "
            f"but got {given})"
        )
    return given + ends if given < 0 else given


def dims_of(dims: Any, ndim: int) -> list[int]:
    """Return each of some dimensions as `dim_of` does.

    Raises:
        RuntimeError: one appears twice.
    """
    found = [dim_of(dim, ndim) for dim in (dims if isinstance(dims, Sequence) else (dims,))]
    if len(set(found)) < len(found):
        twice = next(dim for dim in found if found.count(dim) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims")
    return found


def sizes_of(sizes: tuple[Any, ...]) -> list[int]:
    """Return the sizes of ``f(2, 3)``, ``f((2, 3))`` or ``f(torch.Size([2, 3]))`` as ints."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = tuple(sizes[0])
    return [size if size.__class__ is int else index(size) for size in sizes]


def inferred(sizes: list[int], numel: int) -> list[int]:
    """Return the sizes with -1 replaced by what ``numel`` elements leave for it.

    Raises:
        RuntimeError: the sizes do not hold ``numel`` elements.
    """
    if -1 not in sizes:
        if prod(sizes) != numel or (sizes and min(sizes) < 0):
            raise RuntimeError(f"shape '{sizes}' is invalid for input of size {numel}")
        return sizes
    place = sizes.index(-1)
    rest = prod(sizes[:place]) * prod(sizes[place + 1 :])
    if -1 in sizes[place + 1 :]:
        raise RuntimeError("only one dimension can be inferred")
    if rest == 0 and numel == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {sizes} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
        )
    if rest <= 0 or numel % rest:
        raise RuntimeError(f"shape '{sizes}' is invalid for input of size {numel}")
    return [*sizes[:place], numel // rest, *sizes[place + 1 :]]


def view_strides(
    shape: Sequence[int], strides: Sequence[int], sizes: Sequence[int]
) -> list[int] | None:
    """Return the strides of ``sizes`` over the same memory, or None where only a copy can be.

    Runs of dimensions that lie in memory like one are split anew; each run must hold a whole
    number of the new dimensions.
    """
    if 0 in shape:
        return _contiguous(sizes)
    runs: list[tuple[int, int]] = []
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == size * stride:
            runs[-1] = (runs[-1][0] * size, stride)
        else:
            runs.append((size, stride))
    found = [0] * len(sizes)
    place = len(sizes) - 1
    for count, stride in reversed(runs):
        inner = 1
        while inner < count:
            if place < 0 or count % (inner * sizes[place]):
                return None
            found[place] = inner * stride
            inner *= sizes[place]
            place -= 1
    while place >= 0:
        found[place] = found[place + 1] * sizes[place + 1] if place + 1 < len(sizes) else 1
        place -= 1
    return found


def _contiguous(sizes: Sequence[int]) -> list[int]:
    strides = [1] * len(sizes)
    for place in range(len(sizes) - 2, -1, -1):
        strides[place] = strides[place + 1] * max(sizes[place + 1], 1)
    return strides


def broadcast_shapes(*shapes: Any) -> Any:
    """Return the torch.Size that shapes broadcast to; an int is a shape of one dimension.

    Raises:
        RuntimeError: they do not broadcast.
    """
    sizes = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    result = [1] * max(map(len, sizes), default=0)
    for shape in sizes:
        for place in range(-1, -1 - len(shape), -1):
            size = shape[place]
            if size < 0:
                raise RuntimeError(
                    f"Trying to create tensor with negative dimension ({size}): ({size})"
                )
            if size not in (1, result[place]):
                if result[place] != 1:
                    raise RuntimeError(
                        "Shape mismatch: objects cannot be broadcast to a single shape: "
                        f"{', '.join(map(str, sizes))}"
                    )
                result[place] = size
    return Size(result)
