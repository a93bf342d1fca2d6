"""torch.testing.make_tensor: a tensor of drawn numbers, to test with."""

from __future__ import annotations

import math
from typing import Any

import oarlock.torch as torch

_INTEGERS = ("torch.uint8", "torch.int8", "torch.int16", "torch.int32", "torch.int64")


def make_tensor(
    *shape: Any,
    dtype: Any,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Any:
    """Draw a tensor from [low, high), with the numbers that torch draws for the seed.

    Args:
        *shape: the sizes, or one sequence of them.
        dtype: boolean, an integer dtype, a floating-point or a complex one.
        device: where it lies.
        low: where None, 0 for boolean, -9 for integers (0 if unsigned), -9 for others.
        high: where None, 2 for boolean, 10 for integers, 9 for others.
        requires_grad: whether it is a leaf that gets a gradient.
        noncontiguous: give it gaps in memory.
        exclude_zero: replace zeros by the smallest positive number, or by 1 for integers.
        memory_format: what its memory is ordered in.

    Raises:
        ValueError: the bounds are nan or in the wrong order, the dtype can't require a gradient, or
            both ``noncontiguous`` and ``memory_format`` are given.
        TypeError: another dtype.
    """
    if len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = tuple(shape[0])
    sizes = tuple(shape)
    if noncontiguous and memory_format is not None:
        raise ValueError(
            f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, "
            f"but got noncontiguous={noncontiguous!r} and memory_format={memory_format!r}"
        )
    floating = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype}"
        )
    doubled = noncontiguous and math.prod(sizes) > 1 and bool(sizes)
    drawn = (*sizes[:-1], 2 * sizes[-1]) if doubled else sizes
    if dtype == torch.bool:
        lowest, highest = _bounds(dtype, low, high, 0, 2, 0, 2)
        result: Any = torch.randint(lowest, highest, drawn, device=device, dtype=dtype)
    elif str(dtype) in _INTEGERS:
        limits = torch.iinfo(dtype)
        # torch.int64's upper end can't be exceeded by a draw.
        most = limits.max + (0 if dtype == torch.int64 else 1)
        least = 0 if dtype == torch.uint8 else -9
        lowest, highest = _bounds(dtype, low, high, limits.min, most, least, 10)
        result = torch.randint(lowest, highest, drawn, device=device, dtype=dtype)
    elif floating:
        real = {"torch.complex64": torch.float32, "torch.complex128": torch.float64}.get(
            str(dtype), dtype
        )
        limits = torch.finfo(real)
        lowest, highest = _bounds(dtype, low, high, limits.min, limits.max, -9, 9)
        pairs = (2,) if dtype.is_complex else ()
        result = torch.empty((*drawn, *pairs), device=device, dtype=real)
        result.uniform_(lowest, highest)
        if dtype.is_complex:
            result = torch.view_as_complex(result)
    else:
        raise TypeError(
            f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor()."
        )
    if doubled:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        smallest = torch.finfo(dtype).tiny if floating else 1
        result[result == 0] = smallest
    return result.requires_grad_() if requires_grad else result


def _bounds(dtype: Any, low: Any, high: Any, least: Any, most: Any, from_: Any, to: Any) -> Any:
    low, high = from_ if low is None else low, to if high is None else high
    if any(isinstance(x, float) and math.isnan(x) for x in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    if high < least or low > most:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), "
            f"but {dtype} only supports [{least}, {most})"
        )
    low, high = max(low, least), min(high, most)
    if dtype.is_floating_point or dtype.is_complex:
        return float(low), float(high)
    return math.ceil(low), math.ceil(high)
