"""torch's checks of what a distribution is asked for, with its errors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import paddle

from oarlock.random.draws import largest
from oarlock.random.generator import Generator
from oarlock.tensor.dtypes import dtype as torch_dtype
from oarlock.tensor.dtypes import from_paddle

_KINDS = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}
_C_NAMES = {
    "bool": "bool",
    "uint8": "unsigned char",
    "int8": "signed char",
    "int16": "short",
    "int32": "int",
    "int64": "long int",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
    "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
}
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def kind_of(x: Any) -> torch_dtype:
    """The torch dtype of a plain tensor or of Paddle's dtype."""
    return from_paddle[x.dtype if isinstance(x, paddle.Tensor) else x]


def floating(kernel: str, kind: torch_dtype) -> None:
    """Raise NotImplementedError unless the dtype is floating-point, as torch does for its kernel's name."""
    if not kind.is_floating_point:
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for '{_KINDS.get(kind.name, kind.name)}'"
        )


def wide(kernel: str, kind: torch_dtype) -> None:
    """Raise NotImplementedError unless the dtype is float32 or float64."""
    if kind.name not in ("float32", "float64"):
        raise NotImplementedError(
            f"\"{kernel}\" not implemented for '{_KINDS.get(kind.name, kind.name)}'"
        )


def real(kernel: str, kind: torch_dtype) -> None:
    """Raise NotImplementedError for bool and complex dtypes."""
    if kind.is_complex or kind.name == "bool":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{_KINDS[kind.name]}'")


def continuous(name: str, kind: torch_dtype) -> None:
    """Raise RuntimeError unless the dtype is floating-point."""
    if not kind.is_floating_point:
        shown = _KINDS[kind.name] if name == "Exponential" else _C_NAMES[kind.name]
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {shown}"
        )


def uniform_bounds(kind: torch_dtype, low: float, high: float) -> None:
    """Raise for bounds of a uniform distribution that are no range of the dtype."""
    floating("check_uniform_bounds", kind)
    reach = largest(kind.name)
    for name, bound in (("from", low), ("to", high)):
        if not -reach <= bound <= reach:
            raise RuntimeError(f"{name} is out of bounds for {_C_NAMES[kind.name]}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > reach:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{kind.name}>::max(), but found "
            f"to={high:g} and from={low:g} which result in to-from to exceed the limit"
        )


def deviation(std: float) -> None:
    """Raise RuntimeError for a negative standard deviation."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def integer_range(kind: torch_dtype, low: int, high: int | None) -> tuple[int, int]:
    """The bounds [low, high) of integers of a dtype, moved to those that a floating-point dtype holds.

    Args:
        kind: their dtype.
        low: the least.
        high: one above the greatest; None means as far as the dtype reaches.

    Raises:
        RuntimeError: no number lies between, or the dtype does not reach so far.
        NotImplementedError: the dtype is complex.
    """
    if kind.is_complex:
        raise NotImplementedError("random_ handles only integral, floating-point and boolean types")
    if high is None:
        if kind.is_floating_point:
            greatest = min(1 << _DIGITS[kind.name], 2**63 - 1)
            low = _moved_low(kind.name, low)
        else:
            greatest = 1 if kind.name == "bool" else int(np.iinfo(kind.name).max)
        _reachable(kind, low, greatest)
        return low, greatest + 1
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if kind.is_floating_point:
        low, high = _moved_low(kind.name, low), _moved_high(kind.name, high)
        if low >= high:
            raise RuntimeError(
                "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
                f"from={low} >= to={high}"
            )
    _reachable(kind, low, high - 1)
    return low, high


def _held(name: str, x: int) -> int:
    from oarlock.random.rounding import narrow

    with np.errstate(over="ignore"):
        held = float(narrow(np.asarray(float(x)), name))
    return int(held) if np.isfinite(held) else 2**63


def _moved_low(name: str, low: int) -> int:
    held = _held(name, low + 1)
    if held >= low:
        return low
    return held + (1 << (abs(low + 1).bit_length() - 1 - _DIGITS[name] + 1))


def _moved_high(name: str, high: int) -> int:
    held = _held(name, high - 1)
    if held < high:
        return high
    return held - (1 << (abs(high - 1).bit_length() - 1 - _DIGITS[name] + 1))


def _reachable(kind: torch_dtype, low: int, greatest: int) -> None:
    if kind.is_floating_point:
        lowest, highest = -largest(kind.name), largest(kind.name)
    elif kind.name == "bool":
        lowest, highest = 0, 1
    else:
        lowest, highest = int(np.iinfo(kind.name).min), int(np.iinfo(kind.name).max)
    for name, bound in (("from", low), ("to - 1", greatest)):
        if not lowest <= bound <= highest:
            raise RuntimeError(f"{name} is out of bounds for {_C_NAMES[kind.name]}")
        digits = _DIGITS.get(kind.name)
        if digits is not None and not -(1 << digits) <= bound <= 1 << digits:
            warnings.warn(
                f"{name} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations "
                f"{_C_NAMES[kind.name]} can support discrete uniform distribution only within this range.",
                UserWarning,
                stacklevel=4,
            )


def generator_argument(name: str, generator: Any) -> None:
    """Raise TypeError for a ``generator`` argument that is no generator."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(
            f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}"
        )
