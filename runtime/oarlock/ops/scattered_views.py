"""A copy of a tensor with a slice, a row or a diagonal replaced: what torch's *_scatter functions of views give."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.ops.axes import normal_dim
from oarlock.ops.composition import composition


@composition
def select_scatter(input: paddle.Tensor, src: paddle.Tensor, dim: int, index: int) -> paddle.Tensor:
    """Return ``input`` with ``src`` in the place of its part at ``index`` of ``dim``.

    Raises:
        RuntimeError: ``src`` has another shape than that part.
        IndexError: there is no such dim or index.
    """
    dim = normal_dim(dim, input.ndim)
    size = input.shape[dim]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
            f"dimension {dim}"
        )
    place = index % size
    return _replaced(input, src, dim, [place], [*input.shape[:dim], *input.shape[dim + 1 :]], True)


@composition
def slice_scatter(
    input: paddle.Tensor,
    src: paddle.Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> paddle.Tensor:
    """Return ``input`` with ``src`` in the place of its slice start:end:step along ``dim``.

    Raises:
        RuntimeError: ``src`` has another shape than the slice, or the step is not positive.
    """
    dim = normal_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    places = list(range(*slice(start, end, step).indices(input.shape[dim])))
    shape = list(input.shape)
    shape[dim] = len(places)
    return _replaced(input, src, dim, places, shape, False)


def _replaced(
    input: paddle.Tensor,
    src: paddle.Tensor,
    dim: int,
    places: list[int],
    shape: list[int],
    drops: bool,
) -> paddle.Tensor:
    if list(src.shape) != shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, "
            f"slice size = {shape}"
        )
    if not places:
        return input.clone()
    values: Any = src.cast(input.dtype) if src.dtype is not input.dtype else src
    if drops:
        values = values.unsqueeze(dim)
    # Each position along ``dim`` takes its part of the one or of the other.
    size = input.shape[dim]
    source = {place: n for n, place in enumerate(places)}
    order = paddle.to_tensor([source.get(n, len(places) + n) for n in range(size)], "int64")
    return paddle.index_select(paddle.concat([values, input], dim), order, dim)
