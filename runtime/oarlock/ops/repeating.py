"""Tensors repeated and spread over grids: tile, repeat, repeat_interleave, meshgrid, combinations."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import COMPLEX, INTEGRAL, ORDINARY, carried, places_up_to
from oarlock.tensor.core import plain_all

_TILED = ORDINARY | COMPLEX | INTEGRAL | {paddle.bool}
_EXPANDED = ORDINARY | {paddle.bool}


def tile(input: paddle.Tensor, *dims: Any) -> paddle.Tensor:
    """Repeat a tensor along its last ``len(dims)`` dims, with new dims in front where there are more."""
    counts = _sizes(dims)
    return repeat(input, [1] * (input.ndim - len(counts)) + counts)


def repeat(input: paddle.Tensor, *repeats: Any) -> paddle.Tensor:
    """Repeat a tensor along each dim; more counts than dims add dims in front.

    Raises:
        RuntimeError: there are fewer counts than dims, or a count is negative.
    """
    counts = _sizes(repeats)
    if len(counts) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    if any(count < 0 for count in counts):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {counts}")
    if not counts:
        return input.clone()
    if len(counts) <= 6:
        return carried(lambda x: _C_ops.tile(x, counts), input, _TILED)
    result = input.reshape([1] * (len(counts) - input.ndim) + list(input.shape))
    for dim, count in enumerate(counts):
        if count == 0:
            result = result[(slice(None),) * dim + (slice(0, 0),)]
        elif count > 1:
            result = _C_ops.concat([result] * count, dim)
    return result if any(count != 1 for count in counts) else result.clone()


def repeat_interleave(
    input: paddle.Tensor,
    repeats: int | paddle.Tensor | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> paddle.Tensor:
    """Repeat each element, or each slice along ``dim``, in place.

    Args:
        input: a tensor, flattened where ``dim`` is None; with ``repeats`` None it holds the counts
            themselves, and the indices are returned.
        repeats: one count, or one for each index along ``dim``, int32 or int64.
        dim: the dim to repeat along.
        output_size: the size along ``dim`` of the result, where known.

    Raises:
        RuntimeError: a count is negative, or there are not as many counts as indices.
        IndexError: there is no such dim.
    """
    if repeats is None:
        return _places(_counts(input))
    if dim is None:
        input, dim = input.reshape([-1]), 0
    elif input.ndim == 0:
        input = input.reshape([1])
    dim = normal_dim(dim, input.ndim)
    size = input.shape[dim]
    if isinstance(repeats, paddle.Tensor):
        counts = _counts(repeats)
        if counts.shape[0] == 1 and size != 1:
            counts = counts.expand([size])
        if counts.shape[0] != size:
            raise RuntimeError("repeats must have the same size as input along dim")
        places = _places(counts)
    else:
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        places = places_up_to(size * repeats, input) // max(repeats, 1)
    if output_size is not None and places.shape[0] != output_size:
        raise RuntimeError(f"allocated size {output_size} does not match {places.shape[0]}")
    return carried(lambda x: _C_ops.gather(x, places, dim), input, _GATHERED)


# In bfloat16 the kernel's gradient rounds each sum.
_GATHERED = ORDINARY | COMPLEX | INTEGRAL | {paddle.bool}


def _counts(repeats: paddle.Tensor) -> paddle.Tensor:
    if repeats.dtype not in (paddle.int32, paddle.int64):
        raise RuntimeError("repeats has to be Long or Int tensor")
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    counts = repeats.reshape([-1])
    if counts.size and bool((counts < 0).any()):
        raise RuntimeError("repeats can not be negative")
    return counts


def _places(counts: paddle.Tensor) -> paddle.Tensor:
    ends = paddle.cumsum(counts, dtype="int64")
    total = int(ends[-1]) if counts.shape[0] else 0
    return paddle.searchsorted(ends, places_up_to(total, counts), right=True)


def meshgrid(
    *tensors: paddle.Tensor | Sequence[paddle.Tensor], indexing: str | None = None
) -> tuple[paddle.Tensor, ...]:
    """Spread vectors over the grid they span.

    Args:
        *tensors: of at most one dim and one dtype; or one list of them.
        indexing: "ij", or "xy" for the first two dims exchanged; None is "ij".

    Raises:
        RuntimeError: dtypes differ, a tensor has two dims or more, or ``indexing`` is neither.
    """
    axes: list[Any] = (
        plain_all(tensors[0]) if len(tensors) == 1 and not _is_tensor(tensors[0]) else list(tensors)
    )
    if not axes:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if any(axis.dtype != axes[0].dtype for axis in axes):
        raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if any(axis.ndim > 1 for axis in axes):
        raise RuntimeError("torch.meshgrid: expected scalar or 1D tensors")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    swapped = indexing == "xy" and len(axes) > 1
    if swapped:
        axes[:2] = axes[1::-1]
    shape = [axis.size for axis in axes]
    grids = [
        axis.reshape([-1 if d == place else 1 for d in range(len(axes))]).expand(shape)
        if axis.size
        else paddle.empty(shape, axis.dtype)
        for place, axis in enumerate(axes)
    ]
    if swapped:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def broadcast_tensors(
    *tensors: paddle.Tensor | Sequence[paddle.Tensor],
) -> tuple[paddle.Tensor, ...]:
    """Spread tensors to the shape they broadcast to.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    listed: Any = tensors[0] if len(tensors) == 1 and not _is_tensor(tensors[0]) else tensors
    shape = common_shape(*(tensor.shape for tensor in listed))
    return tuple(spread(tensor, shape) for tensor in listed)


def common_shape(*shapes: Sequence[int]) -> list[int]:
    """Return the shape that shapes broadcast to.

    Raises:
        RuntimeError: they do not.
    """
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return list(shapes[0])
    rank = max((len(shape) for shape in shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for place, size in enumerate(shape, rank - len(shape)):
            if size != 1 and size != result[place]:
                if result[place] != 1:
                    raise RuntimeError(
                        f"The size of tensor a ({result[place]}) must match the size of tensor b "
                        f"({size}) at non-singleton dimension {place}"
                    )
                result[place] = size
    return result


def spread(x: paddle.Tensor, shape: Sequence[int]) -> paddle.Tensor:
    """Expand a tensor to a shape it broadcasts to; itself where it has that shape."""
    if list(x.shape) == list(shape):
        return x
    return carried(lambda v: _C_ops.expand(v, list(shape)), x, _EXPANDED | COMPLEX)


def combinations(input: paddle.Tensor, r: int = 2, with_replacement: bool = False) -> paddle.Tensor:
    """Return all combinations of ``r`` elements of a vector, one a row, in itertools' order.

    Raises:
        RuntimeError: ``input`` is no vector, or ``r`` is negative.
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return paddle.empty([0], input.dtype)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(input.shape[0]), r)), dtype=np.int64).reshape(-1)
    places = paddle.to_tensor(rows, place=input.place)
    picked = carried(lambda x: _C_ops.gather(x, places, 0), input, _GATHERED)
    return picked.reshape([-1, r]) if rows.size else picked.reshape([0, r])


def cartesian_prod(*tensors: paddle.Tensor) -> paddle.Tensor:
    """Return the cartesian product of vectors, one tuple a row; a single vector comes back as it is.

    Raises:
        RuntimeError: a tensor has not exactly one dim.
    """
    if any(tensor.ndim != 1 for tensor in tensors):
        raise RuntimeError("Expect a 1D vector")
    if len(tensors) == 1:
        return tensors[0]
    grids = meshgrid(*tensors, indexing="ij")
    return _C_ops.stack([grid.reshape([-1]) for grid in grids], 1)


def _sizes(given: Sequence[Any]) -> list[int]:
    if len(given) == 1 and isinstance(given[0], list | tuple):
        given = given[0]
    return [int(size) for size in given]


def _is_tensor(value: object) -> bool:
    return isinstance(value, paddle.Tensor)
