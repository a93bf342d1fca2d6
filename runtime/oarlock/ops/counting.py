"""Distinct elements, counts of integers, and histograms."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.elementwise import empty, same_value, widened
from oarlock.ops.promotion import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, INT64, cast, category


def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements, or slices along dim, in ascending order.

    Returns:
        the elements, or a tuple of them and what else was asked for: where each element of
        input went, in input's shape (or the length of dim), and how often each occurs.
    """
    x = widened(input.detach())
    if dim is not None:
        dim = normal_dim(dim, input.ndim)
    if empty(x):
        values = _C_ops.assign(input.detach()) if dim is not None else _C_ops.reshape(x, [0])
        size = 0 if dim is None else input.shape[dim]
        inverse = paddle.zeros(input.shape if dim is None else [size], INT64)
        counts = paddle.zeros([size], INT64)
        return _asked(cast(values, input.dtype), inverse, counts, return_inverse, return_counts)
    if dim is None and category(x.dtype) == 2 and _C_ops.any(_C_ops.isnan(x), [], False).item():
        # No nan equals another, which Paddle's kernel does not see.
        flat = _C_ops.reshape(x, [-1])
        order = paddle.argsort(flat, stable=True)
        values, places, counts = unique_consecutive(_C_ops.gather(flat, order, 0), True, True)
        inverse = _C_ops.put_along_axis(order, order, places, 0, "assign", True)
    elif dim is None:
        values, inverse, counts = paddle.unique(
            x, return_index=False, return_inverse=True, return_counts=True, dtype="int64"
        )
    else:
        # Slices are ordered by their elements in the order of the remaining dims.
        rest = [d for d in range(x.ndim) if d != dim]
        moved = _C_ops.transpose(x, [dim, *rest])
        rows, inverse, counts = paddle.unique(
            _C_ops.reshape(moved, [x.shape[dim], -1]),
            return_index=False,
            return_inverse=True,
            return_counts=True,
            axis=0,
            dtype="int64",
        )
        order = [*range(1, dim + 1), 0, *range(dim + 1, x.ndim)]
        values = _C_ops.reshape(rows, [rows.shape[0], *moved.shape[1:]])
        values = _C_ops.transpose(values, order)
    inverse = _C_ops.reshape(inverse, input.shape if dim is None else [input.shape[dim]])
    return _asked(cast(values, input.dtype), inverse, counts, return_inverse, return_counts)


def _asked(values: Any, inverse: Any, counts: Any, with_inverse: bool, with_counts: bool) -> Any:
    result = [values]
    if with_inverse:
        result.append(inverse)
    if with_counts:
        result.append(counts)
    return tuple(result) if len(result) > 1 else values


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Each run of equal elements, or slices along dim, once.

    Returns:
        as unique.
    """
    x = widened(input.detach())
    if dim is not None:
        dim = normal_dim(dim, input.ndim)
    if empty(x):
        return unique(input, True, return_inverse, return_counts, dim)
    if dim is None:
        flat = _C_ops.reshape(x, [-1])
        differs = _C_ops.logical_not(same_value(flat[1:], flat[:-1]))
    else:
        rest = [d for d in range(x.ndim) if d != dim]
        flat = _C_ops.reshape(_C_ops.transpose(x, [dim, *rest]), [x.shape[dim], -1])
        differs = _C_ops.any(_C_ops.logical_not(same_value(flat[1:], flat[:-1])), [1], False)
    first = _C_ops.concat([paddle.ones([1], paddle.bool), differs], 0)
    starts = _C_ops.reshape(_C_ops.nonzero(first), [-1])
    values = _C_ops.gather(flat, starts, 0) if dim is None else paddle.index_select(x, starts, dim)
    inverse = _C_ops.cumsum(_C_ops.cast(first, INT64), 0, False, False, False) - 1
    if dim is None:
        inverse = _C_ops.reshape(inverse, input.shape)
    end = paddle.full([1], flat.shape[0], INT64)
    bounds = _C_ops.concat([starts, end], 0)
    counts = _C_ops.subtract(bounds[1:], bounds[:-1])
    return _asked(cast(values, input.dtype), inverse, counts, return_inverse, return_counts)


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, … occurs, or the sums of the weights there.

    Raises:
        RuntimeError: input is no vector of integers that are not negative; the lengths differ.
    """
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if category(input.dtype) != 1:
        raise RuntimeError('"bincount_cpu" not implemented for this dtype')
    if input.ndim != 1 or (not empty(input) and (input < 0).any().item()):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and (weights.ndim != 1 or weights.shape[0] != input.shape[0]):
        raise RuntimeError("weights should be 1-d and have the same length as input")
    index = cast(input, INT64)
    size = max(int(index.max()) + 1 if not empty(index) else 0, minlength)
    if weights is None:
        dtype, values = INT64, paddle.ones([input.shape[0]], INT64)
    else:
        dtype = weights.dtype if weights.dtype is FLOAT32 else FLOAT64
        values = cast(weights.detach(), dtype)
    return summed_at(index, values, size, dtype)


def summed_at(index: Any, values: Any, size: int, dtype: Any) -> Any:
    """A vector of the sums of the values that share an index."""
    result = paddle.zeros([size], dtype)
    if empty(index):
        return result
    return _C_ops.put_along_axis(result, index, values, 0, "add", True)


def histc(input: Any, bins: int = 100, min: Any = 0, max: Any = 0) -> Any:
    """Counts in bins of equal width over [min, max], of the data's range where both are equal.

    Raises:
        RuntimeError: bins < 1; min > max; a bound is not finite; bool or complex input.
    """
    dtype = input.dtype
    if category(dtype) in (0, 3):
        raise RuntimeError('"histogram_cpu" not implemented for this dtype')
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, but got {bins} for dimension 0")
    x = _C_ops.reshape(widened(input.detach()), [-1])
    low, high = min, max
    if low == high and not empty(x):
        low, high = x.min().item(), x.max().item()
    low, high = _range("histc", low, high)
    wide = cast(x, FLOAT64 if x.dtype is FLOAT64 or category(dtype) == 1 else FLOAT32)
    inside = _C_ops.logical_and(wide >= low, wide <= high)
    wide = wide[inside]
    position = _rounded(_C_ops.scale(wide, 1.0, -float(low), True), dtype)
    position = _rounded(_C_ops.scale(position, float(bins), 0.0, True), dtype)
    width = _rounded(paddle.full([], float(high - low), wide.dtype), dtype)
    position = _rounded(_C_ops.divide(position, width), dtype)
    index = paddle.clip(_C_ops.cast(_C_ops.floor(position), INT64), max=bins - 1)
    counts = summed_at(index, paddle.ones(index.shape, INT64), bins, INT64)
    return cast(counts, dtype)


def _rounded(x: Any, dtype: Any) -> Any:
    """Torch rounds every step to a half dtype."""
    if dtype is FLOAT16 or dtype is BFLOAT16:
        return _C_ops.cast(_C_ops.cast(x, dtype), x.dtype)
    return x


def _range(name: str, low: Any, high: Any) -> tuple[Any, Any]:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    if low == high:
        return low - 1, high + 1
    return low, high


def _extent(x: Any) -> Any:
    return (x.min().item(), x.max().item()) if not empty(x) else (0.0, 1.0)


def histogram(
    input: Any,
    bins: Any,
    *,
    range: Any = None,
    weight: Any = None,
    density: bool = False,
) -> tuple[Any, Any]:
    """(counts, edges) of a number of equal bins, or of bins with the given ascending edges.

    Raises:
        RuntimeError: input is not floating; weight has another shape or dtype.
    """
    dtype = input.dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        raise RuntimeError('"histogramdd" not implemented for this dtype')
    x = _C_ops.reshape(input.detach(), [-1])
    if weight is not None:
        if weight.dtype is not dtype or list(weight.shape) != list(input.shape):
            raise RuntimeError(
                "torch.histogram(): if weight tensor is provided, input tensor and weight tensor "
                "should have the same dtype and shape"
            )
        weight = _C_ops.reshape(weight.detach(), [-1])
    if isinstance(bins, paddle.Tensor):
        edges = bins.detach()
    else:
        low, high = range if range is not None else _extent(x)
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        edges = paddle.linspace(low, high, bins + 1, dtype)
    count = edges.shape[0] - 1
    inside = _C_ops.logical_and(x >= edges[0], x <= edges[count])
    values = paddle.ones(x.shape, dtype) if weight is None else weight
    index = paddle.searchsorted(edges, x[inside], right=True) - 1
    index = paddle.clip(index, max=count - 1)
    result = summed_at(index, values[inside], count, dtype)
    if density:
        width = _C_ops.subtract(edges[1:], edges[:-1])
        result = _C_ops.divide(_C_ops.divide(result, width), _C_ops.sum(result, [], None, False))
    return result, edges
