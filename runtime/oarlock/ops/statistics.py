"""Variance, median, quantiles, mode and histograms."""

# ruff: noqa: A004
from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.arithmetic import lerp
from oarlock.ops.axes import normal_dim
from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import empty, refuse_complex, same_value, widened
from oarlock.ops.norms import root
from oarlock.ops.promotion import (
    COMPLEX,
    FLOAT32,
    FLOAT64,
    INT64,
    cast,
    category,
    filled,
    real_dtype,
)
from oarlock.ops.reductions import count_of, dims_of, mean, reduced_shape, sum, true_quotient


def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """The mean squared distance from the mean over dims, divided by count - correction (1).

    Raises:
        IndexError: there is no such dim.
        RuntimeError: bool or integer input.
    """
    return _moments("var", input, dim, unbiased, keepdim, correction)[0]


def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """The square root of var, with the gradient 0 where it is 0.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: bool or integer input.
    """
    return _moments("std", input, dim, unbiased, keepdim, correction)[0]


def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Any, Any]:
    """(var, mean) over dims."""
    return _moments("var", input, dim, unbiased, keepdim, correction)


def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Any, Any]:
    """(std, mean) over dims."""
    return _moments("std", input, dim, unbiased, keepdim, correction)


def _moments(
    name: str, x: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: Any
) -> tuple[Any, Any]:
    if isinstance(dim, bool):
        # var(input, unbiased): torch's older overload without dims.
        dim, unbiased = None, dim
    if category(x.dtype) < 2:
        raise RuntimeError(f"{name} only support floating point and complex dtypes")
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    dims = dims_of(x, dim)
    dtype = x.dtype
    wide = widened(x)
    center = mean(wide, dims or None, True) if dims else _C_ops.assign(wide)
    apart = _C_ops.subtract(wide, center)
    if dtype in COMPLEX:
        squares = _C_ops.add(_C_ops.square(_C_ops.real(apart)), _C_ops.square(_C_ops.imag(apart)))
    else:
        squares = _C_ops.square(apart)
    total = sum(squares, dims or None, keepdim)
    count = max(count_of(x, dims) - correction, 0)
    spread = true_quotient(total, count)
    if name == "std":
        spread = root(spread)
    if not keepdim:
        center = _C_ops.reshape(center, reduced_shape(x, dims, False))
    return cast(spread, real_dtype(dtype)), cast(center, dtype)


def median_of_all(input: Any) -> Any:
    """torch.median(input): the lower median; nan where there is one; ties share the gradient evenly.

    Raises:
        RuntimeError: input is complex.
    """
    return _median_of_all(input, False)


def nanmedian_of_all(input: Any) -> Any:
    """torch.nanmedian(input): the lower median of what is not nan."""
    return _median_of_all(input, True)


def _median_of_all(x: Any, ignore_nan: bool) -> Any:
    refuse_complex("median", x)
    if empty(x):
        return _C_ops.full([], math.nan, x.dtype, x.place)
    flat = _C_ops.reshape(widened(x), [-1])
    value, _ = _middle(flat.detach(), 0, ignore_nan)
    if x.stop_gradient:
        return cast(_C_ops.reshape(value, []), x.dtype)
    equal = same_value(flat, value)
    if _C_ops.isnan(value).item():
        equal = _C_ops.isnan(flat)
        share = cast(equal, flat.dtype)
        share = _C_ops.divide(share, _C_ops.sum(share, [], None, False))
        return cast(_C_ops.sum(_C_ops.multiply(flat, share), [], None, False), x.dtype)
    lowest = _C_ops.full_like(flat, -math.inf, flat.dtype, flat.place)
    # amax shares the gradient evenly between equal elements, as torch does here.
    return cast(_C_ops.amax(_C_ops.where(equal, flat, lowest), [0], False), x.dtype)


def median_along(input: Any, dim: int = -1, keepdim: bool = False) -> tuple[Any, Any]:
    """torch.median(input, dim): (values, indices) of the lower median, or of the first nan.

    Raises:
        IndexError: there is no such dim, or it is empty.
    """
    return _median_along("median", input, dim, keepdim, False)


def nanmedian_along(input: Any, dim: int = -1, keepdim: bool = False) -> tuple[Any, Any]:
    """torch.nanmedian(input, dim): (values, indices) of the lower median of what is not nan.

    Raises:
        IndexError: there is no such dim, or it is empty.
    """
    return _median_along("nanmedian", input, dim, keepdim, True)


def _median_along(name: str, x: Any, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Any, Any]:
    refuse_complex(name, x)
    dim = normal_dim(dim, x.ndim)
    if not x.ndim:
        return _C_ops.assign(x), paddle.zeros([], INT64)
    if not x.shape[dim]:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
    shape = reduced_shape(x, [dim], keepdim)
    if empty(x):
        return _C_ops.full(shape, 0, x.dtype, x.place), paddle.zeros(shape, INT64)
    wide = widened(x)
    _, indices = _middle(wide.detach(), dim, ignore_nan)
    values = _C_ops.take_along_axis(wide, indices, dim)
    return cast(_C_ops.reshape(values, shape), x.dtype), _C_ops.reshape(indices, shape)


def _middle(x: Any, dim: int, ignore_nan: bool) -> tuple[Any, Any]:
    """(values, indices) of the lower median along a dim that is kept; nan sorts last."""
    length = x.shape[dim]
    order = paddle.argsort(x, dim, stable=True)
    shape = [1 if d == dim else n for d, n in enumerate(x.shape)]
    rank = _C_ops.full(shape, (length - 1) // 2, INT64, x.place)
    if category(x.dtype) == 2:
        nan = _C_ops.isnan(x)
        numbers = length - _C_ops.sum(_C_ops.cast(nan, INT64), [dim], None, True)
        if ignore_nan:
            rank = paddle.clip((numbers - 1) // 2, min=0)
        else:
            # The first nan follows the last number.
            rank = _C_ops.where(numbers < length, numbers, rank)
    indices = _C_ops.take_along_axis(order, rank, dim)
    return _C_ops.take_along_axis(x, indices, dim), indices


@autocasts
def quantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """The q-quantiles along dim, of the flat input for None; nan where there is one.

    A tensor q has at most one dim, which comes first in the result.

    Raises:
        RuntimeError: input or q are not of one floating-point dtype; q lies outside [0, 1].
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@autocasts
def nanquantile(
    input: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """The q-quantiles along dim of what is not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _quantile(
    name: str, x: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignore: bool
) -> Any:
    dtype = x.dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64:
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if not isinstance(q, paddle.Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = filled(float(q), dtype, x.place)
    elif q.dtype is not dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    elif q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    elif not empty(q) and not ((q >= 0) & (q <= 1)).all().item():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if empty(x):
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    rank = x.ndim
    if dim is None:
        moved, shape = _C_ops.reshape(x, [-1]), [1] * rank if keepdim else []
    else:
        dim = normal_dim(dim, rank)
        shape = reduced_shape(x, [dim] if rank else [], keepdim)
        others = [d for d in range(rank) if d != dim]
        moved = _C_ops.transpose(x, [*others, dim]) if rank else _C_ops.reshape(x, [1])
    order = paddle.sort(moved, -1)
    last = order.shape[-1] - 1
    flat_q = _C_ops.reshape(q, [-1])
    nan = _C_ops.isnan(order.detach())
    if ignore:
        numbers = last + 1 - _C_ops.sum(_C_ops.cast(nan, INT64), [-1], None, True)
        places = _C_ops.multiply(flat_q, _C_ops.cast(numbers - 1, dtype))
        places = _C_ops.clip(places, 0.0, float(max(last, 0)))
    else:
        places = _C_ops.scale(flat_q, float(last), 0.0, True)
        spoiled = _C_ops.any(nan, [-1], True)
        end = _C_ops.full_like(spoiled, float(last), dtype, x.place)
        target = [*order.shape[:-1], flat_q.shape[0]]
        places = _C_ops.where(
            _C_ops.expand(spoiled, target), _C_ops.expand(end, target), places.expand(target)
        )
    if interpolation == "lower":
        places = _C_ops.floor(places)
    elif interpolation == "higher":
        places = _C_ops.ceil(places)
    elif interpolation == "nearest":
        places = _C_ops.round(places, 0)
    below = _C_ops.cast(_C_ops.floor(places.detach()), INT64)
    result = _C_ops.take_along_axis(order, below, order.ndim - 1)
    if interpolation in ("linear", "midpoint"):
        weight = _C_ops.subtract(places, _C_ops.cast(below, dtype))
        if interpolation == "midpoint":
            weight = _C_ops.full_like(weight, 0.5, dtype, x.place)
        above = _C_ops.cast(_C_ops.ceil(places.detach()), INT64)
        result = lerp(result, _C_ops.take_along_axis(order, above, order.ndim - 1), weight)
    if not q.ndim:
        return _C_ops.reshape(result, shape)
    result = _C_ops.transpose(result, [result.ndim - 1, *range(result.ndim - 1)])
    return _C_ops.reshape(result, [flat_q.shape[0], *shape])


def mode(input: Any, dim: int = -1, keepdim: bool = False) -> tuple[Any, Any]:
    """(values, indices) of the most frequent element along dim, the smallest of several.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is complex.
    """
    refuse_complex("mode", input)
    dim = normal_dim(dim, input.ndim)
    if not input.ndim:
        return _C_ops.assign(input), paddle.zeros([], INT64)
    if not input.shape[dim]:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    if empty(input):
        shape = reduced_shape(input, [dim], keepdim)
        return _C_ops.full(shape, 0, input.dtype, input.place), paddle.zeros(shape, INT64)
    values, indices = paddle.mode(widened(input), dim, keepdim)
    return cast(values, input.dtype), indices.detach()
