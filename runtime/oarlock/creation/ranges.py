"""Tensors of evenly spaced numbers: arange, range, linspace, logspace and the frequencies of a transform, with torch's roundings."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

import warnings
from math import ceil
from typing import Any

import numpy as np
import paddle

from oarlock.creation.arguments import finished, into, moved, place
from oarlock.random.results import to_paddle
from oarlock.random.rounding import multiply_add, narrow
from oarlock.tensor import dtypes
from oarlock.tensor.core import plain
from oarlock.tensor.layouts import strided

# torch computes this many numbers of a range at a time, from the first of them, which it has rounded.
_LANES = {"float32": 8, "float64": 4, "float16": 16, "bfloat16": 16}


def arange(
    *bounds: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """The numbers start, start + step, … below end: ``arange(end)``, ``arange(start, end)``, ``arange(start, end, step)``.

    Args:
        *bounds: end; or start and end; or start, end and step.
        out: a tensor to write to.
        dtype: where None, int64 for integers, and otherwise the default floating-point dtype.
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        **named: ``start``, ``end`` and ``step``, where they are given by name.

    Raises:
        RuntimeError: the step is 0, or leads away from end.
        TypeError: no end.
    """
    start, end, step = _bounds("arange", bounds, named)
    name = _dtype(dtype, out, (start, end, step))
    _check_direction(start, end, step)
    if name.startswith(("int", "uint")):
        start, end, step = (int(x) for x in (start, end, step))
        if step == 0:
            raise ValueError("step must be nonzero")
        count = max(0, -((start - end) // step))
        values = (np.arange(count, dtype=np.int64) * step + start).astype(name)
    else:
        count = ceil((end - start) / step)
        values = _spaced(start, step, count, name)
    return _given("torch.arange", values, name, out, layout, device, pin_memory, requires_grad)


def range(
    *bounds: Any,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """The numbers start, start + step, … up to and including end; deprecated in torch, which warns as this does.

    Args:
        *bounds: start and end; or start, end and step.
        out, layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        dtype: the default floating-point dtype where None.
        **named: ``start``, ``end`` and ``step``, where they are given by name.

    Raises:
        RuntimeError: the step is 0, or leads away from end.
    """
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values "
        "in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    start, end, step = _bounds("range", bounds, named)
    name = _dtype(dtype, out, (0.0,))
    _check_direction(start, end, step)
    count = int((end - start) / step + 1)
    if name.startswith(("int", "uint")):
        values = (np.arange(count, dtype=np.int64) * int(step) + int(start)).astype(name)
    else:
        wide = np.float64(start) + np.float64(step) * np.arange(count)
        values = narrow(wide, name)
    return _given("torch.range", values, name, out, layout, device, pin_memory, requires_grad)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """``steps`` numbers from start up to and including end; the second half is counted back from end.

    Args:
        start, end: numbers, or tensors without dimensions.
        steps: how many.
        out, layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        dtype: the default floating-point dtype where None.

    Raises:
        RuntimeError: ``steps`` is negative.
    """
    name = _dtype(dtype, out, (0.0,))
    values = _between("linspace", _number(start), _number(end), steps, name)
    return _given("torch.linspace", values, name, out, layout, device, pin_memory, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """``steps`` powers of ``base``, with exponents from start up to and including end, to float rounding.

    Args:
        start, end: numbers, or tensors without dimensions.
        steps: how many.
        base: of the powers.
        out, layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        dtype: the default floating-point dtype where None.

    Raises:
        RuntimeError: ``steps`` is negative.
    """
    name = _dtype(dtype, out, (0.0,))
    start, end = _number(start), _number(end)
    if name.startswith(("int", "uint")):
        values = np.float64(base) ** _between("logspace", start, end, steps, "float64")
        values = values.astype(np.int64).astype(name)
    else:
        wide = "float64" if name == "float64" else "float32"
        exponents = _between("logspace", start, end, steps, wide).astype(np.float64)
        values = narrow(np.float64(base) ** exponents, name)
    return _given("torch.logspace", values, name, out, layout, device, pin_memory, requires_grad)


def _bounds(name: str, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any, Any]:
    order = ("end",) if len(given) == 1 and "end" not in named else ("start", "end", "step")
    values: dict[str, Any] = dict(zip(order, given, strict=False))
    for key, value in named.items():
        if key not in ("start", "end", "step") or key in values:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        values[key] = value
    if len(given) > 3 or "end" not in values or (name == "range" and "start" not in values):
        raise TypeError(f"{name}() received an invalid combination of arguments")
    start, end, step = (
        _number(values.get(k, d)) for k, d in (("start", 0), ("end", 0), ("step", 1))
    )
    return start, end, 1 if step is None else step


def _number(value: Any) -> Any:
    if isinstance(value, paddle.Tensor):
        if value.ndim:
            raise RuntimeError(
                f"only tensors without dimensions are numbers, but got one with {value.ndim}"
            )
        return plain(value).item()
    return value.item() if isinstance(value, np.generic) else value


def fft_fftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """The frequencies of ``torch.fft.fft``'s ``n`` elements, for samples that lie ``d`` apart: 0 first, negative ones last.

    Args:
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        dtype: the default floating-point dtype where None.
        **named: ``out``, a tensor to write to.

    Raises:
        RuntimeError: ``dtype`` is not a floating-point one, or ``n`` is negative.
        TypeError: ``n`` is no integer.
    """
    steps = np.arange(_count("fftfreq", n))
    steps[(n + 1) // 2 :] -= n
    return _frequencies(
        "fftfreq", steps, n, d, dtype, layout, device, pin_memory, requires_grad, **named
    )


def fft_rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """The frequencies of ``torch.fft.rfft``'s ``n // 2 + 1`` elements; arguments and errors are those of fftfreq."""
    steps = np.arange(_count("rfftfreq", n) // 2 + 1)
    return _frequencies(
        "rfftfreq", steps, n, d, dtype, layout, device, pin_memory, requires_grad, **named
    )


def _count(name: str, n: Any) -> int:
    if isinstance(n, float):
        raise TypeError(f"fft_{name}(): argument 'n' (position 1) must be int, not float")
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    return int(n)


def _frequencies(
    name: str,
    steps: np.ndarray,
    n: int,
    d: float,
    dtype: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
    *,
    out: Any = None,
) -> Any:
    kind = _dtype(dtype, out, (0.0,))
    if not kind.startswith(("float", "bfloat", "complex")):
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    if kind.startswith("complex"):
        raise NotImplementedError(f'"arange_cpu" not implemented for {kind!r}')
    # torch multiplies by 1 / (n d), which it has rounded to the dtype it computes in.
    width = np.float64 if kind == "float64" else np.float32
    with np.errstate(all="ignore"):
        unit = width(np.float64(1.0) / (np.float64(n) * d))
        exact = steps.astype(width) * unit
    values = exact if kind in ("float32", "float64") else narrow(exact.astype(np.float64), kind)
    return _given(f"torch.fft.{name}", values, kind, out, layout, device, pin_memory, requires_grad)


def _dtype(dtype: Any, out: Any, numbers: tuple[Any, ...]) -> str:
    if dtype is not None:
        return dtypes.from_paddle[dtypes.paddle_dtype(dtype)].name
    if out is not None:
        return out.dtype.name
    if all(isinstance(x, int) for x in numbers):
        return "int64"
    return dtypes.get_default_dtype().name


def _check_direction(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not np.isfinite(float(start)) or not np.isfinite(float(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (step > 0) != (end >= start) and end != start:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")


def _spaced(start: float, step: float, count: int, name: str) -> np.ndarray:
    """``start + step * i``, with the roundings of torch's vectors of `_LANES` numbers, taken two at a time."""
    i = np.arange(count)
    exact = multiply_add(i.astype(np.float64), float(step), float(start))
    lanes = _LANES[name]
    whole = count - count % (2 * lanes)
    first = narrow(exact[:whole:lanes], name).astype(np.float64)
    values = narrow(exact, name)
    for lane in np.arange(1, lanes):
        inside = multiply_add(np.full(len(first), float(lane)), float(step), first)
        values[lane:whole:lanes] = narrow(inside, name)
    return values


def _between(api: str, start: float, end: float, steps: int, name: str) -> np.ndarray:
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if name.startswith(("int", "uint")):
        step = (np.float32(end) - np.float32(start)) / np.float32(max(steps - 1, 1))
        i = np.arange(steps, dtype=np.float32)
        back = np.float32(steps - 1) - i
        values = np.where(i < steps // 2, int(start) + step * i, int(end) - step * back)
        return (
            values.astype(np.int64).astype(name) if steps > 1 else np.full(steps, int(start), name)
        )
    if name in ("float16", "bfloat16"):
        return _half_between(start, end, steps, name)
    wide = np.float64 if name == "float64" else np.float32
    first, last = wide(start), wide(end)
    if steps < 2:
        return narrow(np.full(steps, first), name)
    step = (last - first) / wide(steps - 1)
    i = np.arange(steps).astype(wide)
    half = steps // 2
    values = np.empty(steps, wide)
    values[:half] = multiply_add(i[:half], float(step), float(first))
    values[half:] = multiply_add(wide(steps - 1) - i[half:], -float(step), float(last))
    return narrow(values, name)


def _half_between(start: float, end: float, steps: int, name: str) -> np.ndarray:
    """`_between` for half types, which round after every operation."""

    def rounded(x: Any) -> np.ndarray:
        return narrow(np.asarray(x, np.float32), name).astype(np.float32)

    first, last = rounded(start), rounded(end)
    step = rounded(rounded(last - first) / rounded(max(steps - 1, 1)))
    i = np.arange(steps)
    forward = first + rounded(step * rounded(i))
    backward = last - rounded(step * rounded(steps - 1 - i))
    values = np.where((i < steps // 2) | (steps == 1), forward, backward)
    return narrow(values.astype(np.float32), name)


def _given(
    api: str,
    values: np.ndarray,
    name: str,
    out: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
) -> Any:
    result = moved(to_paddle(values, name), place(api, device))
    if out is not None:
        return into(out, result)
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)
