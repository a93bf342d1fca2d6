"""Sums, means, products and truth over dims."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dims
from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import empty, widened
from oarlock.ops.logical import truth
from oarlock.ops.promotion import (
    BFLOAT16,
    BOOL,
    COMPLEX,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT64,
    UINT8,
    cast,
    category,
    filled,
    floating_dtype,
)


def dims_of(x: Any, dim: Any) -> list[int]:
    """The dims a reduction runs over, counted from the front; all for None and ().

    Raises:
        IndexError: there is no such dim.
        RuntimeError: a dim is named twice.
    """
    rank = x.ndim
    if dim is None:
        return list(range(rank))
    normal = normal_dims(dim, rank)
    if not normal:
        return list(range(rank))
    return normal if rank else []


def reduced_shape(x: Any, dims: list[int], keepdim: bool) -> list[int]:
    """The shape that is left of x."""
    if keepdim:
        return [1 if d in dims else n for d, n in enumerate(x.shape)]
    return [n for d, n in enumerate(x.shape) if d not in dims]


def count_of(x: Any, dims: list[int]) -> int:
    """How many elements make one of the result's."""
    return math.prod(x.shape[d] for d in dims)


@autocasts
def sum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over dims, all by default; bool and integers are summed as int64.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: a dim is named twice.
    """
    own = input.dtype
    if dtype is None:
        if own is FLOAT32 or own is FLOAT64:
            if dim is None:
                return _C_ops.sum(input, [], None, keepdim)
            if dim.__class__ is int and -(rank := len(input.shape)) <= dim < rank:
                return _C_ops.sum(input, [dim], None, keepdim)
            return _sum(input, dims_of(input, dim), keepdim)
        dtype = INT64 if category(own) < 2 else own
    if dtype is FLOAT16 or dtype is BFLOAT16:
        if category(own) < 2 or own is FLOAT64:
            input = cast(input, dtype)
        wide = _C_ops.cast(input, FLOAT32)
        return _C_ops.cast(_sum(wide, dims_of(input, dim), keepdim), dtype)
    if category(dtype) < 2 and dtype is not INT64:
        # Integer sums wrap: adding as int64 and casting gives the same bits.
        return cast(_sum(cast(cast(input, dtype), INT64), dims_of(input, dim), keepdim), dtype)
    return _sum(cast(input, dtype), dims_of(input, dim), keepdim)


def _sum(x: Any, dims: list[int], keepdim: bool) -> Any:
    if not dims:
        return _C_ops.assign(x)
    return _C_ops.sum(x, dims, None, keepdim)


def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over dims, all by default.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: bool or integers without a floating-point dtype; a dim is named twice.
    """
    if dtype is None:
        dtype = input.dtype
        if (
            dim is None
            and (dtype is FLOAT32 or dtype is FLOAT64)
            and (shape := input.shape)
            and 0 not in shape
        ):
            return _C_ops.mean(input, [], keepdim)
    else:
        input = cast(input, dtype)
    if category(dtype) < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point "
            "or complex dtype."
        )
    dims = dims_of(input, dim)
    wide = widened(input)
    if wide.dtype is FLOAT16 or wide.dtype is BFLOAT16:
        wide = _C_ops.cast(wide, FLOAT32)
    if empty(input):
        return cast(true_quotient(_sum(wide, dims, keepdim), count_of(input, dims)), dtype)
    if not dims:
        return _C_ops.assign(input)
    return cast(_C_ops.mean(wide, dims, keepdim), dtype)


def true_quotient(x: Any, count: Any) -> Any:
    """The quotient x / count, nan or infinite where count is 0."""
    return _C_ops.divide(x, filled(float(count), x.dtype, x.place))


@autocasts
def prod(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product over one dim, all by default; bool and integers are multiplied as int64.

    Raises:
        IndexError: there is no such dim.
    """
    if dtype is None:
        dtype = INT64 if category(input.dtype) < 2 else input.dtype
    x = widened(cast(input, dtype))
    if x.dtype is FLOAT16 or x.dtype is BFLOAT16:
        x = _C_ops.cast(x, FLOAT32)
    if category(dtype) < 2:
        x = cast(x, INT64)
    dims = dims_of(x, dim)
    if empty(x):
        shape = reduced_shape(x, dims, keepdim)
        one = _C_ops.full(shape, 1, dtype, x.place)
        return one if x.stop_gradient else one + cast(_C_ops.sum(x, [], None, False), dtype)
    if not dims:
        return cast(_C_ops.assign(x), dtype)
    if x.stop_gradient or (x.dtype not in COMPLEX and _C_ops.all(truth(x), [], False).item()):
        return cast(_C_ops.prod(x, dims, keepdim, len(dims) == x.ndim), dtype)
    # Paddle's gradient divides by the element and forgets to conjugate; the running product's is right.
    along = dims[0]
    if dim is None:
        x, along = _C_ops.reshape(x, [-1]), 0
    running = _C_ops.cumprod(x, along, False, False)
    last = _C_ops.slice(running, [along], [x.shape[along] - 1], [x.shape[along]], [1], [])
    return cast(_C_ops.reshape(last, reduced_shape(input, dims, keepdim)), dtype)


def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over dims with nan as 0.

    Raises:
        RuntimeError: input is complex.
    """
    if input.dtype in COMPLEX:
        raise RuntimeError("nansum does not support complex inputs")
    if category(input.dtype) < 2:
        return sum(input, dim, keepdim, dtype=dtype)
    return sum(_without_nan(input), dim, keepdim, dtype=dtype)


def _without_nan(x: Any) -> Any:
    wide = widened(x)
    zero = _C_ops.full_like(wide, 0.0, wide.dtype, wide.place)
    return cast(_C_ops.where(_C_ops.isnan(wide), zero, wide), x.dtype)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over dims of what is not nan.

    Raises:
        RuntimeError: bool or integers without a floating-point dtype.
    """
    if category(input.dtype) < 2 and dtype is None:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype")
    total = nansum(input, dim, keepdim, dtype=dtype)
    present = _C_ops.logical_not(_C_ops.isnan(widened(input)))
    count = cast(sum(present, dim, keepdim), total.dtype)
    return cast(_C_ops.divide(widened(total), widened(count)), total.dtype)


def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether all elements along dims are not zero; uint8 gives uint8, the others bool."""
    return _quantified(_C_ops.all, True, input, dim, keepdim)


def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether an element along dims is not zero; uint8 gives uint8, the others bool."""
    return _quantified(_C_ops.any, False, input, dim, keepdim)


def _quantified(kernel: Any, neutral: bool, x: Any, dim: Any, keepdim: bool) -> Any:
    true = truth(x)
    # An empty tuple of dims names none here, unlike in the other reductions.
    none = isinstance(dim, (tuple, list)) and not dim
    dims = [] if none else dims_of(x, dim)
    if empty(x):
        result = _C_ops.full(reduced_shape(x, dims, keepdim), neutral, BOOL, x.place)
    else:
        result = kernel(true, dims, keepdim) if dims else _C_ops.assign(true)
    return cast(result, UINT8) if x.dtype is UINT8 else result


def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements along dims are not zero, int64."""
    return _sum(_C_ops.cast(truth(input), INT64), dims_of(input, dim), False)


@autocasts
def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log(sum(exp(input))) over dims, without overflow.

    Raises:
        IndexError: there is no such dim.
    """
    if dim is None:
        raise TypeError("logsumexp(): argument 'dim' must be tuple of ints, not NoneType")
    dtype = floating_dtype(input.dtype)
    x = widened(cast(input, dtype))
    dims = dims_of(x, dim)
    if empty(x):
        return cast(_C_ops.log(_sum(_C_ops.exp(x), dims, keepdim)), dtype)
    with paddle.no_grad():
        part = _C_ops.real(x) if dtype in COMPLEX else x
        top = _C_ops.amax(part, dims, True) if dims else part
        zero = _C_ops.full_like(top, 0.0, top.dtype, top.place)
        top = cast(_C_ops.where(_C_ops.isinf(top), zero, top), x.dtype)
    result = _C_ops.log(_sum(_C_ops.exp(_C_ops.subtract(x, top)), dims, True))
    result = _C_ops.add(result, top)
    if not keepdim:
        result = _C_ops.reshape(result, reduced_shape(x, dims, False))
    return cast(result, dtype)
