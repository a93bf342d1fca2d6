"""Order: sort, argsort, topk, kthvalue, searchsorted, bucketize, isin, one_hot."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import (
    COMPLEX,
    HALF,
    INTEGRAL,
    ORDINARY,
    carrier,
    filled_like,
    places_up_to,
)
from oarlock.ops.gathering import gather
from oarlock.ops.promotion import promoted

_SORTED = ORDINARY | HALF | {paddle.int16, paddle.uint8}


def sort(
    input: paddle.Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Sort along a dim; equal elements keep their order, NaN counts as the greatest.

    Args:
        input: any shape; not complex.
        dim: the dim.
        descending: from the greatest down.
        stable: whether equal elements must keep their order; they always do.

    Returns:
        The values, and the places they had, as int64.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: ``input`` is complex.
    """
    dim = normal_dim(dim, input.ndim)
    if input.dtype in COMPLEX:
        raise RuntimeError("Sort does not support complex dtypes on CPU")
    if input.ndim == 0:
        return input.clone(), paddle.zeros([], "int64")
    wide = carrier(input, _SORTED)
    if wide is not None:
        values, places = _C_ops.argsort(input.cast(wide), dim, descending, True)
        return values.cast(input.dtype), places.detach()
    values, places = _C_ops.argsort(input, dim, descending, True)
    # Paddle's integers can carry history, and give it to the floats made of them.
    return values, places.detach()


def argsort(
    input: paddle.Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None
) -> paddle.Tensor:
    """Return the places that sort a tensor along a dim, as int64; equal elements keep their order."""
    return sort(input, dim, descending)[1]


def msort(input: paddle.Tensor) -> paddle.Tensor:
    """Sort along dim 0."""
    return sort(input, 0)[0]


def topk(
    input: paddle.Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the ``k`` greatest elements along a dim, or the least, and their places.

    Args:
        input: any shape; not complex.
        k: how many.
        dim: the dim.
        largest: whether the greatest are meant; NaN counts as the greatest.
        sorted: whether they must come in order; they always do.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: ``k`` is negative or greater than the dim.
    """
    dim = normal_dim(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError("selected index k out of range")
    if k and input.ndim and input.size and input.dtype not in COMPLEX:
        wide = carrier(input, ORDINARY)
        if wide is None:
            values, places = _C_ops.topk(input, k, dim, largest, True)
            return values, places.detach()
        values, places = _C_ops.topk(input.cast(wide), k, dim, largest, True)
        return values.cast(input.dtype), places.detach()
    values, places = sort(input, dim, largest)
    if input.ndim == 0:
        return (values, places) if k else (values.reshape([1])[0:0], places.reshape([1])[0:0])
    taken = (slice(None),) * dim + (slice(0, k),)
    return values[taken], places[taken]


def kthvalue(
    input: paddle.Tensor, k: int, dim: int = -1, keepdim: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return the ``k``-th least element along a dim, counted from 1, and its place.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: there is no such element.
    """
    dim = normal_dim(dim, input.ndim)
    size = input.shape[dim] if input.ndim else 1
    if input.ndim and size == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {dim} to have non-zero size.")
    if not 0 < k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}")
    values, places = sort(input, dim)
    if input.ndim == 0:
        return values, places
    at = slice(k - 1, k) if keepdim else k - 1
    taken = (slice(None),) * dim + (at,)
    return values[taken], places[taken]


def searchsorted(
    sorted_sequence: paddle.Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return where elements would go into sorted rows to keep them sorted.

    Args:
        sorted_sequence: (n,), or (…, n) with the leading dims of ``input``.
        input: (…, m) of the same dtype, or a number.
        out_int32: int32 instead of int64.
        right: behind equal elements instead of before them.
        side: "left" or "right", the same in words.
        sorter: the places that sort ``sorted_sequence``, where it is not sorted.

    Raises:
        RuntimeError: shapes or dtypes do not fit, or ``side`` is neither or contradicts ``right``.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if right and side == "left":
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, "
            "got side of left while right was True"
        )
    right = right or side == "right"
    if sorted_sequence.ndim == 0:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should have positive dimension")
    if not isinstance(input, paddle.Tensor):
        if sorted_sequence.ndim != 1:
            raise RuntimeError(
                "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1"
            )
        input = filled_like(input, sorted_sequence)
    elif input.dtype is not sorted_sequence.dtype:
        raise RuntimeError(
            "torch.searchsorted(): boundary tensor and input value tensor should have same dtype, "
            f"but got boundary tensor dtype {sorted_sequence.dtype} and input value tensor dtype {input.dtype}"
        )
    if sorted_sequence.ndim > 1 and sorted_sequence.shape[:-1] != input.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            f"boundaries tensor and input value tensor must match, but got boundaries tensor "
            f"{list(sorted_sequence.shape)} and input value tensor {list(input.shape)}"
        )
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape:
            raise RuntimeError(
                "torch.searchsorted(): boundary and sorter must have the same size, but got "
                f"{list(sorted_sequence.shape)} and {list(sorter.shape)}"
            )
        if sorter.dtype is not paddle.int64:
            raise RuntimeError("torch.searchsorted(): sorter must be a tensor of long dtype")
        sorted_sequence = gather(sorted_sequence, -1, sorter)
    dtype = "int32" if out_int32 else "int64"
    if 0 in input.shape or sorted_sequence.shape[-1] == 0:
        return paddle.zeros(input.shape, dtype)
    wide = carrier(input, ORDINARY)
    if wide is not None:
        sorted_sequence, input = sorted_sequence.cast(wide), input.cast(wide)
    sorted_sequence, input = sorted_sequence.detach(), input.detach()
    if input.ndim == 0:
        found = _C_ops.searchsorted(sorted_sequence, input.reshape([1]), out_int32, right)
        return found.reshape([])
    return _C_ops.searchsorted(sorted_sequence, input, out_int32, right)


def bucketize(
    input: Any, boundaries: paddle.Tensor, *, out_int32: bool = False, right: bool = False
) -> paddle.Tensor:
    """Return the bucket, between sorted boundaries, of each element or of a number.

    Raises:
        RuntimeError: the boundaries are no vector, or the dtypes differ.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> paddle.Tensor:
    """Return which elements are among others, as booleans.

    Args:
        elements: a tensor or a number.
        test_elements: a tensor or a number; not both numbers.
        assume_unique: allows torch a faster way; the result is the same.
        invert: which are not.
    """
    x, tests = promoted(elements, test_elements)
    shape, line = x.shape, tests.reshape([-1])
    count = line.shape[0]
    if count == 0 or 0 in x.shape:
        found = paddle.zeros(shape, "bool")
    elif count < 10 * max(x.size, 1) ** 0.145 or x.dtype in COMPLEX or x.dtype is paddle.bool:
        found = (x.reshape([-1, 1]) == line).any(-1).reshape(shape)
    else:
        flat, rows = x.reshape([-1]), sort(line)[0]
        places = searchsorted(rows, flat).clip(max=count - 1)
        found = (gather(rows, 0, places) == flat).reshape(shape)
    return paddle.logical_not(found) if invert else found


def one_hot(tensor: paddle.Tensor, num_classes: int = -1) -> paddle.Tensor:
    """Return 1 at each element's class along a new last dim, 0 elsewhere, as int64.

    Args:
        tensor: classes, int64.
        num_classes: how many there are; the greatest class and one where -1.

    Raises:
        RuntimeError: ``tensor`` is not of int64, a class is negative or too great, or there is none to count by.
    """
    if tensor.dtype is not paddle.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if 0 in tensor.shape:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return paddle.zeros([*tensor.shape, num_classes], "int64")
    if tensor.place.is_cpu_place() or num_classes == -1:
        values = tensor.numpy()
        if values.min() < 0:
            raise RuntimeError("Class values must be non-negative.")
        greatest = int(values.max())
        if num_classes == -1:
            num_classes = greatest + 1
        elif num_classes < 1:
            raise RuntimeError("num_classes should be positive")
        elif greatest >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    return (tensor.unsqueeze(-1) == places_up_to(num_classes, tensor)).cast("int64")


def unravel_index(indices: paddle.Tensor, shape: Any) -> tuple[paddle.Tensor, ...]:
    """Return the coordinates, in a shape, of places in the flattened tensor.

    Raises:
        ValueError: the shape has a negative size.
    """
    if indices.dtype not in INTEGRAL:
        raise ValueError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = [shape] if isinstance(shape, int) else [int(size) for size in shape]
    if any(size < 0 for size in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(sizes)}")
    coordinates = []
    for place, size in enumerate(sizes):
        stride = math.prod(sizes[place + 1 :])
        coordinates.append((indices.cast("int64") // stride % size).reshape(indices.shape))
    return tuple(coordinates)
