"""Elements written by index: scatter, scatter_add, scatter_reduce and their index_* relatives."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import COMPLEX, HALF, ORDINARY, carrier, filled_like, places_up_to
from oarlock.ops.fitting import fitting
from oarlock.ops.gathering import (
    check_bounds,
    check_fit,
    check_index,
    check_not_negative,
    picked,
    where,
)
from oarlock.ops.indexing import parse, placed
from oarlock.ops.promotion import cast, scalar_of
from oarlock.ops.repeating import common_shape, spread

_PUT = ORDINARY | {paddle.int16, paddle.uint8}
_REDUCTIONS = {"sum": "add", "prod": "mul", "mean": "mean", "amax": "amax", "amin": "amin"}


def scatter(
    input: paddle.Tensor,
    dim: int,
    index: paddle.Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> paddle.Tensor:
    """Write elements at the places along ``dim`` that ``index`` names.

    Where a place is named twice, one of the values stays, and the gradient of ``src`` is that of each, as in torch.

    Args:
        input: any shape.
        dim: the dim that the indices count along.
        index: int64 or int32, no larger than ``input`` except along ``dim``, and no larger than ``src``.
        src: a tensor of the dtype of ``input``, or a number.
        value: the number, by torch's other name.
        reduce: "add" or "multiply" to combine with what is there; torch has no gradient for it with a tensor.

    Raises:
        RuntimeError: shapes or dtypes do not fit, an index is out of range, or ``reduce`` is neither.
    """
    if src is None:
        src = scalar_of(value)
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if not isinstance(src, paddle.Tensor):
        number = filled_like(fitting(src, input.dtype), input)
        src = spread(number.reshape([1] * index.ndim), index.shape)
    how = {None: "assign", "add": "add", "multiply": "mul"}[reduce]
    return _scattered("scatter", input, dim, index, src, how)


def scatter_add(
    input: paddle.Tensor, dim: int, index: paddle.Tensor, src: paddle.Tensor
) -> paddle.Tensor:
    """Add elements at the places along ``dim`` that ``index`` names; a place named twice gets both.

    Raises:
        RuntimeError: shapes or dtypes do not fit, or an index is out of range.
    """
    return _scattered("scatter", input, dim, index, src, "add")


def scatter_reduce(
    input: paddle.Tensor,
    dim: int,
    index: paddle.Tensor,
    src: paddle.Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> paddle.Tensor:
    """Combine elements at the places along ``dim`` that ``index`` names.

    Args:
        input: any shape.
        dim: the dim that the indices count along.
        index: int64 or int32.
        src: of the dtype of ``input``.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether the element already there takes part.

    Raises:
        RuntimeError: shapes or dtypes do not fit, an index is out of range, or ``reduce`` is none of these.
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}."
        )
    return _scattered("scatter", input, dim, index, src, _REDUCTIONS[reduce], include_self)


def _scattered(
    name: str,
    input: paddle.Tensor,
    dim: int,
    index: paddle.Tensor,
    src: paddle.Tensor,
    how: str,
    include_self: bool = True,
) -> paddle.Tensor:
    dim = normal_dim(dim, input.ndim)
    if src.dtype is not input.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype")
    check_index(name, index)
    if 0 in index.shape:
        return input.clone()
    shape = input.shape
    if input.ndim == 0 or index.ndim == 0 or src.ndim == 0:
        input, index, src = (_row(x) for x in (input, index, src))
    check_fit(name, index, input, dim)
    check_fit(name, index, src, None, "src")
    check_not_negative(index, dim, input.shape[dim])
    if src.shape != index.shape:
        src = src[tuple(slice(size) for size in index.shape)]
    try:
        result = _put_along(input, dim, index, src, how, include_self)
    except IndexError as error:
        check_bounds(index, input.shape[dim], dim)
        raise RuntimeError(str(error)) from error
    return result if result.shape == shape else result.reshape(shape)


def _row(x: paddle.Tensor) -> paddle.Tensor:
    return x.reshape([1]) if x.ndim == 0 else x


def _put_along(
    input: paddle.Tensor,
    dim: int,
    index: paddle.Tensor,
    src: paddle.Tensor,
    how: str,
    include_self: bool,
) -> paddle.Tensor:
    dtype = input.dtype
    if how == "assign" and (not src.stop_gradient or dtype in COMPLEX | HALF | {paddle.bool}):
        # put_along_axis gives no gradient to a value that another one overwrote; torch does.
        return put_flat(input, dim, index, src)
    if dtype in COMPLEX:
        if how != "add":
            raise NotImplementedError(f"scatter with {how} is not implemented for complex dtypes")
        pair = spread(index.unsqueeze(-1), [*index.shape, 2])
        parts = paddle.as_real(input), paddle.as_real(src)
        return paddle.as_complex(_C_ops.put_along_axis(parts[0], pair, parts[1], dim, how, True))
    if dtype is paddle.bool and how in ("mean", "mul", "amin"):
        how = "amin"
    elif dtype is paddle.bool:
        how = "amax"
    wide = carrier(input, _PUT)
    if how == "mul" and not (input.stop_gradient and src.stop_gradient):
        if wide is not None:
            input, src = input.cast(wide), src.cast(wide)
        return _product(input, dim, index, src, include_self).cast(dtype)
    if wide is not None:
        input, src = input.cast(wide), src.cast(wide)
    result = _C_ops.put_along_axis(input, index, src, dim, how, include_self)
    return result if wide is None else result.cast(dtype)


def _product(
    input: paddle.Tensor, dim: int, index: paddle.Tensor, src: paddle.Tensor, include_self: bool
) -> paddle.Tensor:
    """Products whose gradient holds where factors are zero, which Paddle's makes NaN.

    The product of the other factors times the sum of the zeros: where there is one zero, its gradient is
    that product; where there are more, all gradients are zero.
    """
    zero, one = filled_like(0, input), filled_like(1, input)

    def parts(x: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
        none = x == 0
        return paddle.where(none, one, x), paddle.where(none, x, zero), none.cast(x.dtype)

    put = _C_ops.put_along_axis
    own, own_zeros, own_count = parts(input)
    factors, zeros, count = parts(src)
    product = put(own, index, factors, dim, "mul", include_self)
    total = put(own_zeros, index, zeros, dim, "add", include_self)
    zeros_in = put(own_count, index, count, dim, "add", include_self)
    single = paddle.where(zeros_in == 1, product * total, zero)
    return paddle.where(zeros_in == 0, product, single)


def put_flat(
    input: paddle.Tensor, dim: int, index: paddle.Tensor, src: paddle.Tensor
) -> paddle.Tensor:
    """Write ``src`` along ``dim`` by the places in the flattened input; every value gets a gradient."""
    check_bounds(index, input.shape[dim], dim)
    stride, place = 1, places_up_to(1, index)
    for d in range(input.ndim - 1, -1, -1):
        if d == dim:
            steps = index.cast("int64")
        else:
            line = [-1 if other == d else 1 for other in range(input.ndim)]
            steps = places_up_to(index.shape[d], index).reshape(line)
        place = place + steps * stride
        stride *= input.shape[d]
    flat = _C_ops.index_put(
        input.reshape([-1]), [spread(place, index.shape).reshape([-1])], src.reshape([-1]), False
    )
    return flat.reshape(input.shape)


def index_add(
    input: paddle.Tensor,
    dim: int,
    index: paddle.Tensor,
    source: paddle.Tensor,
    *,
    alpha: float = 1,
) -> paddle.Tensor:
    """Add the slices of ``source``, times ``alpha``, to those along ``dim`` that ``index`` names.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        IndexError: an index is out of range, there is no such dim, or ``index`` has 2 dims or more.
    """
    dim, line, source = _slices("index_add", input, dim, index, source)
    if alpha != 1:
        source = _scaled(source, scalar_of(alpha))
    return _by_slice(input, dim, line, source, True)


def _scaled(x: paddle.Tensor, alpha: float) -> paddle.Tensor:
    wide = carrier(x, ORDINARY | COMPLEX)
    if wide is None:
        return x * alpha
    return (x.cast(wide) * alpha).cast(x.dtype)


def index_copy(
    input: paddle.Tensor, dim: int, index: paddle.Tensor, source: paddle.Tensor
) -> paddle.Tensor:
    """Write the slices of ``source`` over those along ``dim`` that ``index`` names.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        IndexError: an index is out of range, or the sizes along ``dim`` differ.
    """
    dim, line, source = _slices("index_copy", input, dim, index, source)
    return _by_slice(input, dim, line, source, False)


def index_fill(input: paddle.Tensor, dim: int, index: paddle.Tensor, value: Any) -> paddle.Tensor:
    """Fill the slices along ``dim`` that ``index`` names with one number, or a 0-dim tensor.

    Raises:
        RuntimeError: ``value`` has dims, or ``index`` is not of whole numbers.
        IndexError: an index is out of range, or there is no such dim.
    """
    dim = normal_dim(dim, input.ndim)
    if isinstance(value, paddle.Tensor):
        if value.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, "
                f"but got tensor with {value.ndim} dimension(s)."
            )
        value = _cast_value(value, input)
    else:
        value = filled_like(fitting(value, input.dtype), input)
    if index.dtype is not paddle.int64 and index.dtype is not paddle.int32:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise IndexError("Index has to be a vector/scalar")
    line = index.reshape([-1])
    size = input.shape[dim] if input.ndim else 1
    check_index_range(line, size, -size)
    named = paddle.zeros([size], "int32")
    if line.shape[0]:
        named = _C_ops.index_put(named, [line], paddle.ones_like(line, dtype="int32"), False)
    mask = named.cast(paddle.bool).reshape([-1 if d == dim else 1 for d in range(input.ndim)])
    return _filled(input, mask, value)


def _slices(
    name: str, input: paddle.Tensor, dim: int, index: paddle.Tensor, source: paddle.Tensor
) -> tuple[int, paddle.Tensor, paddle.Tensor]:
    dim = normal_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index should have dimension 1 or 0 (got {index.ndim})")
    if index.dtype is not paddle.int64 and (
        name == "index_copy" or index.dtype is not paddle.int32
    ):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"{name}(): self and source expected to have the same dtype")
    line = index.reshape([-1])
    count = line.shape[0]
    if source.ndim == 0 and count != 1:
        raise IndexError(f"{name}(): When source is scalar, index should have one element")
    if source.ndim and source.ndim != input.ndim and input.ndim:
        raise RuntimeError(
            f"{name}(): source and destination must have the same number of dimensions"
        )
    if source.ndim and source.shape[min(dim, source.ndim - 1)] != count:
        error = IndexError if name == "index_copy" else RuntimeError
        raise error(
            f"{name}(): Number of indices ({count}) should be equal to source.size(dim): "
            f"({source.shape[min(dim, source.ndim - 1)]}), for dim: {dim}"
        )
    shape = [count if d == dim else size for d, size in enumerate(input.shape)] or [count]
    if source.ndim == 0:
        source = source.reshape([1] * len(shape))
    if list(source.shape) != shape:
        raise RuntimeError(
            f"{name}(): source {list(source.shape)} does not match {shape}, "
            "the slices of the destination"
        )
    size = input.shape[dim] if input.ndim else 1
    check_index_range(line, size)
    return dim, line, source


def check_index_range(line: paddle.Tensor, size: int, lowest: int | None = None) -> None:
    """Raise IndexError where an index is below ``lowest`` (minus the size) or not below the size."""
    if not line.place.is_cpu_place() or 0 in line.shape:
        return
    values = line.numpy()
    least, most = int(values.min()), int(values.max())
    if least < (0 if lowest is None else lowest) or most >= size:
        wrong = most if most >= size else least
        raise IndexError(f"index {wrong} is out of range for dimension with size {size}")


def _by_slice(
    input: paddle.Tensor, dim: int, line: paddle.Tensor, source: paddle.Tensor, add: bool
) -> paddle.Tensor:
    """Write or add slices along ``dim``: the dim goes to the front, where index_put reaches it."""
    if input.ndim == 0:
        return _put(input.reshape([1]), [line], source, add).reshape([])
    if dim == 0:
        return _put(input, [line], source, add)
    order = [dim, *(d for d in range(input.ndim) if d != dim)]
    back = [order.index(d) for d in range(input.ndim)]
    put = _put(input.transpose(order), [line], source.transpose(order), add)
    return put.transpose(back)


def _put(
    input: paddle.Tensor, indices: list[paddle.Tensor], values: paddle.Tensor, add: bool
) -> paddle.Tensor:
    if 0 in values.shape:
        return input.clone()
    if add and input.dtype is paddle.bool:
        return _put(input.cast("int32"), indices, values.cast("int32"), True).cast("bool")
    return _C_ops.index_put(input, indices, values, add)


def index_put(
    input: paddle.Tensor,
    indices: Sequence[paddle.Tensor | None],
    values: paddle.Tensor,
    accumulate: bool = False,
) -> paddle.Tensor:
    """Write values at the places that tensors of indices name, as ``input[indices] = values`` would.

    Args:
        input: any shape.
        indices: one tensor of int64, bool or uint8 for each leading dim; None takes the whole dim.
        values: broadcast to the shape of the places; of the dtype of ``input``.
        accumulate: add instead, every value counting where places repeat.

    Raises:
        RuntimeError: dtypes or shapes do not fit.
        IndexError: an index is out of range, or there are more indices than dims.
    """
    if values.dtype is not input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, "
            f"got {input.dtype} for the destination and {values.dtype} for the source."
        )
    steps, advanced = parse(tuple(slice(None) if i is None else i for i in indices), input)
    return placed(input, steps, advanced, values, accumulate)


def index_reduce(
    input: paddle.Tensor,
    dim: int,
    index: paddle.Tensor,
    source: paddle.Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> paddle.Tensor:
    """Combine the slices of ``source`` with those along ``dim`` that ``index`` names.

    Args:
        input: any shape.
        dim: the dim.
        index: (n,) or (), int64 or int32.
        source: of the dtype of ``input``.
        reduce: "prod", "mean", "amax" or "amin".
        include_self: whether the slice already there takes part.

    Raises:
        RuntimeError: shapes or dtypes do not fit, or ``reduce`` is none of these.
        IndexError: an index is out of range, or there is no such dim.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    warnings.warn(
        "index_reduce() is in beta and the API may change at any time.", UserWarning, stacklevel=2
    )
    dim, line, source = _slices("index_reduce", input, dim, index, source)
    if 0 in source.shape:
        return input.clone()
    if input.ndim == 0:
        row = _put_along(input.reshape([1]), 0, line, source, _REDUCTIONS[reduce], include_self)
        return row.reshape([])
    places = spread(line.reshape([-1 if d == dim else 1 for d in range(input.ndim)]), source.shape)
    return _put_along(input, dim, places, source, _REDUCTIONS[reduce], include_self)


def put(
    input: paddle.Tensor, index: paddle.Tensor, source: paddle.Tensor, accumulate: bool = False
) -> paddle.Tensor:
    """Write elements at places of the flattened input; indices may be negative.

    Raises:
        RuntimeError: dtypes differ, or there are not as many indices as elements.
        IndexError: an index is out of range.
    """
    if index.dtype is not paddle.int64:
        raise RuntimeError("put_(): Expected a long tensor for index")
    if source.dtype is not input.dtype:
        raise RuntimeError("put_(): self and source expected to have the same dtype")
    if index.size != source.size:
        raise RuntimeError(
            "put_(): Expected source and index to have the same number of elements, "
            f"but got source.numel() = {source.size}, index.numel() = {index.size}"
        )
    line = index.reshape([-1])
    check_index_range(line, input.size, -input.size)
    flat = _put(input.reshape([-1]), [line], source.reshape([-1]), accumulate)
    return flat.reshape(input.shape)


def masked_fill(input: paddle.Tensor, mask: paddle.Tensor, value: Any) -> paddle.Tensor:
    """Fill with one number, or a 0-dim tensor, where a mask is true; input and mask broadcast.

    Raises:
        RuntimeError: the mask is not of booleans, or ``value`` has dims or does not fit the dtype.
    """
    if mask.dtype is not paddle.bool:
        raise RuntimeError(
            f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    shape = common_shape(input.shape, mask.shape)
    if isinstance(value, paddle.Tensor):
        if value.ndim:
            raise RuntimeError(
                "masked_fill only supports a 0-dimensional value tensor, "
                f"but got tensor with {value.ndim} dimension(s)."
            )
        value = _cast_value(value, input)
    else:
        value = filled_like(fitting(value, input.dtype), input)
    return _filled(spread(input, shape), mask, value)


def _cast_value(value: paddle.Tensor, into: paddle.Tensor) -> paddle.Tensor:
    if value.dtype in COMPLEX and into.dtype not in COMPLEX and into.dtype is not paddle.bool:
        raise RuntimeError("value cannot be converted to the dtype of the tensor without overflow")
    return cast(value, into.dtype)


def _filled(input: paddle.Tensor, mask: paddle.Tensor, value: paddle.Tensor) -> paddle.Tensor:
    if 0 in input.shape:
        return input.clone()
    if not value.stop_gradient:
        # Paddle's masked_fill gives the value no gradient.
        chosen = where(mask, value, input)
        assert isinstance(chosen, paddle.Tensor)
        return chosen
    return _C_ops.masked_fill(input, spread(mask, input.shape), value)


def masked_scatter(
    input: paddle.Tensor, mask: paddle.Tensor, source: paddle.Tensor
) -> paddle.Tensor:
    """Write the leading elements of ``source``, in order, where a mask is true; input and mask broadcast.

    Raises:
        RuntimeError: dtypes differ, the mask is not of booleans, or ``source`` has too few elements.
    """
    if mask.dtype is not paddle.bool:
        raise RuntimeError("masked_scatter_ only supports boolean masks")
    if source.dtype is not input.dtype:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes")
    shape = common_shape(input.shape, mask.shape)
    input, mask = spread(input, shape), spread(mask, shape)
    wanted = int(mask.sum())
    if wanted == 0:
        return input.clone()
    if source.size < wanted:
        raise RuntimeError(
            "masked_scatter: expected the source to have at least as many elements as the mask has true ones"
        )
    order = (paddle.cumsum(mask.reshape([-1]).cast("int64")) - 1).clip(min=0)
    taken = picked(source.reshape([-1]), order, 0).reshape(shape)
    result = where(mask, taken, input)
    assert isinstance(result, paddle.Tensor)
    return result
