"""Elements picked by index or mask: gather, index_select, take, masked_select, nonzero, where."""

from __future__ import annotations

import warnings
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import COMPLEX, INTEGRAL, ORDINARY, carried
from oarlock.ops.promotion import cast, filled, result_dtype
from oarlock.ops.repeating import common_shape, spread

# In bfloat16 the kernel's gradient rounds each sum.
_PICKED = ORDINARY | COMPLEX | INTEGRAL | {paddle.bool}
_ALONG = ORDINARY | {paddle.int16, paddle.uint8}
_CHOSEN = ORDINARY | COMPLEX | {paddle.bool}


def picked(x: paddle.Tensor, index: paddle.Tensor, dim: int) -> paddle.Tensor:
    """Return the slices of ``x`` along ``dim`` that a vector of indices names.

    Indices may be negative. Gradients of a slice named twice add up.

    Raises:
        IndexError: an index is out of range.
    """
    return carried(lambda v: _C_ops.gather(v, index, dim), x, _PICKED)


def gather(
    input: paddle.Tensor, dim: int, index: paddle.Tensor, *, sparse_grad: bool = False
) -> paddle.Tensor:
    """Pick, for each element of ``index``, the element of ``input`` at that place along ``dim``.

    Args:
        input: any shape.
        dim: the dim that the indices count along.
        index: int64 or int32, with as many dims as ``input`` and no larger, except along ``dim``.
        sparse_grad: whether torch makes a sparse gradient; the values are the same.

    Raises:
        RuntimeError: shapes do not fit, an index is out of range, or ``index`` is not of whole numbers.
        IndexError: there is no such dim.
    """
    dim = normal_dim(dim, input.ndim)
    if 0 in index.shape:
        return nothing_of(input, index.shape)
    check_index("gather", index)
    if input.ndim == 0 or index.ndim == 0:
        shape = index.shape
        return gather(_row(input), dim, _row(index)).reshape(shape)
    check_fit("gather", index, input, dim)
    check_not_negative(index, dim, input.shape[dim])
    try:
        return along(input, dim, index)
    except IndexError as error:
        check_bounds(index, input.shape[dim], dim)
        raise RuntimeError(str(error)) from error


def along(input: paddle.Tensor, dim: int, index: paddle.Tensor) -> paddle.Tensor:
    """Gather without checks: ``index`` fits, has dims and elements, and may count from the end."""
    if input.dtype in _ALONG:
        return _C_ops.take_along_axis(input, index, dim)

    def taken(v: paddle.Tensor) -> paddle.Tensor:
        if v.dtype in COMPLEX:
            parts = paddle.as_real(v)
            pair = spread(index.unsqueeze(-1), [*index.shape, 2])
            return paddle.as_complex(_C_ops.take_along_axis(parts, pair, dim))
        return _C_ops.take_along_axis(v, index, dim)

    return carried(taken, input, _ALONG | COMPLEX)


def nothing_of(x: paddle.Tensor, shape: Any) -> paddle.Tensor:
    """Return an empty tensor of a shape that is recorded as taken from ``x``."""
    return x.reshape([-1])[0:0].reshape(shape)


def check_index(name: str, index: paddle.Tensor) -> None:
    """Raise RuntimeError unless ``index`` holds int64 or int32."""
    if index.dtype is not paddle.int64 and index.dtype is not paddle.int32:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def check_not_negative(index: paddle.Tensor, dim: int, size: int) -> None:
    """Raise RuntimeError where an index is negative, which Paddle's kernels would count from the end."""
    if index.place.is_cpu_place():
        least = index.numpy().min()
        if least < 0:
            raise RuntimeError(
                f"index {least} is out of bounds for dimension {dim} with size {size}"
            )


def check_bounds(index: paddle.Tensor, size: int, dim: int) -> None:
    """Raise RuntimeError where an index is out of range; on a GPU the kernels do it themselves.

    Args:
        index: not empty.
        size: the size of the dim.
        dim: the dim, for the message.
    """
    if not index.place.is_cpu_place():
        return
    values = index.numpy()
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest >= size:
        wrong = highest if highest >= size else lowest
        raise RuntimeError(f"index {wrong} is out of bounds for dimension {dim} with size {size}")


def check_fit(
    name: str, index: paddle.Tensor, input: paddle.Tensor, dim: int | None, what: str = "self"
) -> None:
    """Raise RuntimeError where an index is larger than a tensor in a dim other than ``dim``."""
    if index.ndim != input.ndim:
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {what} tensor")
    first, second = index.shape, input.shape
    if first == second:
        return
    for place, (mine, its) in enumerate(zip(first, second, strict=True)):
        if place != dim and mine > its:
            raise RuntimeError(
                f"{name}(): Expected index {list(index.shape)} to be no larger than {what} "
                f"{list(input.shape)} apart from dimension {dim}"
            )


def _row(x: paddle.Tensor) -> paddle.Tensor:
    return x.reshape([1]) if x.ndim == 0 else x


def index_select(input: paddle.Tensor, dim: int, index: paddle.Tensor) -> paddle.Tensor:
    """Pick the slices along ``dim`` that a vector of indices names.

    Args:
        input: any shape.
        dim: the dim.
        index: (n,) or (), int64 or int32, none negative.

    Raises:
        IndexError: an index is out of range, there is no such dim, or ``index`` has 2 dims or more.
        RuntimeError: ``index`` is not of whole numbers.
    """
    dim = normal_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype is not paddle.int64 and index.dtype is not paddle.int32:
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    index = _row(index)
    if index.place.is_cpu_place() and index.shape[0] and int(index.numpy().min()) < 0:
        raise IndexError("index out of range in self")
    if input.ndim == 0:
        if index.shape[0] != 1:
            raise RuntimeError(
                "index_select(): Index to scalar can have only 1 value, "
                f"got {index.shape[0]} value(s)"
            )
        return picked(input.reshape([1]), index, 0).reshape([])
    return picked(input, index, dim)


def take(input: paddle.Tensor, index: paddle.Tensor) -> paddle.Tensor:
    """Pick elements of the flattened input; indices may be negative.

    Raises:
        IndexError: an index is out of range.
        RuntimeError: ``index`` is not of int64.
    """
    if index.dtype is not paddle.int64:
        raise RuntimeError("take(): Expected a long tensor for index")
    if index.size and 0 in input.shape:
        raise IndexError("take(): tried to take from an empty tensor")
    if 0 in index.shape:
        return nothing_of(input, index.shape)
    return picked(input.reshape([-1]), index.reshape([-1]), 0).reshape(index.shape)


def take_along_dim(
    input: paddle.Tensor, indices: paddle.Tensor, dim: int | None = None
) -> paddle.Tensor:
    """Gather along ``dim``, the other dims broadcast and indices wrapped around; along the flattened input without.

    Raises:
        RuntimeError: the ranks differ, the shapes do not broadcast, or, without a dim, an index is out of range.
        IndexError: there is no such dim.
    """
    if indices.dtype is not paddle.int64:
        raise RuntimeError("torch.take_along_dim(): dtype of indices should be Long")
    if dim is None:
        return gather(input.reshape([-1]), 0, indices.reshape([-1]))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    dim = normal_dim(dim, input.ndim)
    mine, its = list(input.shape), list(indices.shape)
    if input.ndim:
        shape = common_shape([*mine[:dim], 1, *mine[dim + 1 :]], [*its[:dim], 1, *its[dim + 1 :]])
        input = spread(input, [*shape[:dim], mine[dim], *shape[dim + 1 :]])
        indices = spread(indices, [*shape[:dim], its[dim], *shape[dim + 1 :]])
    if 0 in indices.shape or input.ndim == 0:
        return gather(input, dim, indices)
    # torch wraps indices around, those out of range too.
    indices = paddle.remainder(
        indices, _C_ops.full([], input.shape[dim], indices.dtype, indices.place)
    )
    return along(input, dim, indices)


def masked_select(input: paddle.Tensor, mask: paddle.Tensor) -> paddle.Tensor:
    """Return the elements where a mask is true, as a vector; input and mask broadcast.

    Raises:
        RuntimeError: the mask is not of booleans, or the shapes do not broadcast.
    """
    if mask.dtype is not paddle.bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = common_shape(input.shape, mask.shape)
    input, mask = spread(input, shape), spread(mask, shape)
    if not shape:
        input, mask = input.reshape([1]), mask.reshape([1])
    return _C_ops.masked_select(input, mask)


_LOOKED_AT = ORDINARY | {paddle.complex64, paddle.bool, paddle.bfloat16}


def nonzero(
    input: paddle.Tensor, *, as_tuple: bool = False
) -> paddle.Tensor | tuple[paddle.Tensor, ...]:
    """Return the places of the elements that are not zero, in row-major order.

    Args:
        input: any shape.
        as_tuple: one vector for each dim, as for indexing, instead of one row for each place.

    Returns:
        int64, (n, input.ndim); or input.ndim vectors of n elements, where a 0-dim input counts as (1,).
    """
    if input.dtype not in _LOOKED_AT:
        input = input != 0 if input.dtype in COMPLEX else input.cast(paddle.bool)
    if input.ndim == 0:
        places = paddle.nonzero(input.reshape([1]))
        return (places.reshape([-1]),) if as_tuple else places[:, 0:0]
    empty = 0 in input.shape
    places = paddle.empty([0, input.ndim], "int64") if empty else _C_ops.nonzero(input)
    if not as_tuple:
        return places
    return tuple(paddle.unbind(places, 1)) if input.ndim > 1 else (places.reshape([-1]),)


def argwhere(input: paddle.Tensor) -> paddle.Tensor:
    """Return the places of the elements that are not zero, one row each: int64, (n, input.ndim)."""
    places = nonzero(input)
    assert isinstance(places, paddle.Tensor)
    return places


def where(
    condition: paddle.Tensor, input: Any = None, other: Any = None
) -> paddle.Tensor | tuple[paddle.Tensor, ...]:
    """Choose from ``input`` where a condition holds and from ``other`` elsewhere, in their promoted dtype.

    Args:
        condition: booleans; alone, the places where it holds are returned as by nonzero(as_tuple=True).
        input: a tensor or a number.
        other: a tensor or a number.

    Raises:
        RuntimeError: the condition is of neither bool nor uint8, or the shapes do not broadcast.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if condition.dtype is paddle.uint8:
        condition = condition.cast(paddle.bool)
        warnings.warn(
            "where received a uint8 condition tensor; use a boolean condition instead.",
            UserWarning,
            stacklevel=2,
        )
    elif condition.dtype is not paddle.bool:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}"
        )
    dtype = result_dtype(input, other)
    if isinstance(input, paddle.Tensor) and input.dtype is dtype and input.shape == condition.shape:
        if not isinstance(other, paddle.Tensor):
            return _C_ops.masked_fill(
                input, _C_ops.logical_not(condition), filled(other, dtype, input.place)
            )
        if other.dtype is dtype and other.shape == input.shape and dtype in _CHOSEN:
            return _C_ops.where(condition, input, other)
    if (
        isinstance(other, paddle.Tensor)
        and not isinstance(input, paddle.Tensor)
        and other.dtype is dtype
        and other.shape == condition.shape
    ):
        return _C_ops.masked_fill(other, condition, filled(input, dtype, other.place))
    first, second = (_as_tensor(value, dtype, condition.place) for value in (input, other))
    shape = common_shape(condition.shape, first.shape, second.shape)
    condition = spread(condition, shape)

    def choose(x: paddle.Tensor) -> paddle.Tensor:
        return _C_ops.where(condition, spread(x, shape), spread(second.cast(x.dtype), shape))

    return carried(choose, first, _CHOSEN)


def _as_tensor(value: Any, dtype: Any, place: Any) -> paddle.Tensor:
    if isinstance(value, paddle.Tensor):
        return cast(value, dtype)
    return _C_ops.full([], value, dtype, place)
