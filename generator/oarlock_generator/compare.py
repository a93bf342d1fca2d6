"""What two frameworks returned, compared: structure exactly, values within a derived tolerance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from oarlock_generator.examples import COMPLEX, FLOATS
from oarlock_generator.frameworks import Framework

# Rounding in another order than torch's, in units of the epsilon a dtype is summed in times the
# largest expected magnitude. It decides alone in float64, where torch is its own expectation; 3 to
# 6 were seen there.
FLOOR = 16

# A difference beyond this share of the largest value of a place is no rounding, unless it is below
# the other share of the largest value of all.
_NOT_ROUNDING = 2.0**-6
_NOISE = 2.0**-12

# Half precision is summed in float32 and rounded once: what that costs shows in torch's own error.
_EPSILON = {
    "float16": 2.0**-23,
    "bfloat16": 2.0**-23,
    "float32": 2.0**-23,
    "float64": 2.0**-52,
    "complex64": 2.0**-23,
    "complex128": 2.0**-52,
}


@dataclass(frozen=True)
class Part:
    """One place of a result (or one gradient): what it is, and its values where it has any."""

    place: str
    what: str
    values: np.ndarray | None = None
    dtype: str = ""
    tensor: Any = None


@dataclass(frozen=True)
class Finding:
    """How far one place is off, and what to say where that is too far."""

    place: str
    error: float = 0.0
    tolerance: float = 0.0
    fault: str | None = None

    @property
    def strain(self) -> float:
        """The error in units of its tolerance."""
        return self.error / self.tolerance if self.tolerance else float(self.error > 0)


def parts_of(
    value: Any, framework: Framework, inputs: dict[str, Any], place: str = "result"
) -> Iterator[Part]:
    """Every place of a result, containers first: ``result``, ``result[0]``, ``result['key']``.

    A tensor is described by shape, dtype, whether it wants a gradient, and which of ``inputs`` it
    is, if it is one of them.
    """
    if framework.is_tensor(value):
        what = f"a {framework.dtype_name(value)} tensor of shape {list(value.shape)}"
        what += framework.strangeness(value)
        what += " with a gradient" if framework.wants_grad(value) else " without a gradient"
        same = [name for name, tensor in inputs.items() if tensor is value]
        what += f", the very input {same[0]}" if same else ""
        dtype = framework.dtype_name(value) or ""
        yield Part(place, what, framework.read(value), dtype, value)
    elif isinstance(value, tuple | list):
        fields = getattr(type(value), "__match_args__", ()) if isinstance(value, tuple) else ()
        kind = f"named tuple ({', '.join(fields)})" if fields else _word(value)
        yield Part(place, f"a {kind} of {len(value)}")
        for index, element in enumerate(value):
            yield from parts_of(element, framework, inputs, f"{place}[{index}]")
    elif isinstance(value, dict):
        yield Part(place, f"a dict with the keys {list(value)}")
        for key, element in value.items():
            yield from parts_of(element, framework, inputs, f"{place}[{key!r}]")
    elif isinstance(value, float):
        yield Part(place, "a Python float", np.asarray(value), "float64")
    elif isinstance(value, complex):
        yield Part(place, "a Python complex number", np.asarray(value), "complex128")
    elif (dtype := framework.dtype_name(value)) is not None:
        yield Part(place, f"the dtype {dtype}")
    else:
        is_exact = isinstance(value, _EXACT) or type(value).__name__ in _SHOWN
        yield Part(place, repr(value) if is_exact else f"a {type(value).__name__}")


_EXACT = (type(None), bool, int, str)
# Types of torch's whose values are told by their text.
_SHOWN = ("device", "layout", "memory_format", "finfo", "iinfo")


def _word(value: tuple[Any, ...] | list[Any]) -> str:
    if type(value).__name__ == "Size":
        return "Size"
    return "tuple" if isinstance(value, tuple) else "list"


def is_another_computation(own: list[Part], wide: list[Part], inputs: list[np.ndarray]) -> bool:
    """Whether torch's float64 run computed something else, from other draws for example."""
    pairs = [
        (a.values, b.values)
        for a, b in zip(own, wide, strict=False)
        if a.values is not None and b.values is not None and a.dtype in _WIDE_ENOUGH
    ]
    sizes = [_largest(values) for values in [*inputs, *(a for a, _ in pairs)]]
    for narrow, exact in pairs:
        if narrow.shape != exact.shape:
            return True
        finite = np.isfinite(narrow) & np.isfinite(exact)
        error = _largest(np.where(finite, narrow, 0) - np.where(finite, exact, 0))
        if error > max(_NOT_ROUNDING * _largest(exact), _NOISE * max(sizes)):
            return True
    return False


# Half precision may well be far from float64.
_WIDE_ENOUGH = ("float32", "float64", "complex64", "complex128")


def _largest(values: np.ndarray) -> float:
    if values.dtype.kind not in "fc":
        return 0.0
    return float(np.abs(np.where(np.isfinite(values), values, 0)).max(initial=0.0))


def compare_structure(got: list[Part], own: list[Part]) -> list[str]:
    """Say where two results differ in anything but values; torch's is the second."""
    places = {part.place: part.what for part in own}
    faults = [
        f"{part.place}: got {part.what}, expected {places[part.place]}"
        for part in got
        if part.place in places and part.what != places[part.place]
    ]
    if not faults and len(got) != len(own):
        faults.append(f"{got[0].place}: got {len(got)} parts, expected {len(own)}")
    return faults


def compare_values(place: str, got: Any, own: Any, expected: Any, dtype: str) -> Finding:
    """Judge values against the float64 expectation.

    Args:
        place: what they are, for the report.
        got: Oarlock's values.
        own: torch's values in the same dtype.
        expected: torch's values in float64 (complex128).
        dtype: the dtype of ``got`` and ``own``.

    The tolerance is twice the largest error of ``own`` plus ``FLOOR`` epsilons of what the dtype
    is summed in, times the largest expected magnitude. Integers and booleans must be equal;
    infinities and NaN must stand where torch has them.
    """
    if got.shape != own.shape or own.shape != expected.shape:
        return Finding(place, fault=f"{place}: got shape {got.shape}, expected {own.shape}")
    if dtype not in FLOATS and dtype not in COMPLEX:
        return _exactly(place, got, own, "differs")
    finite = np.isfinite(own)
    unlike = ~finite & ~((got == own) | (np.isnan(got) & np.isnan(own)))
    unlike |= finite & ~np.isfinite(got)
    if unlike.any():
        return _different(place, got, own, unlike, "differs")
    if (finite & ~np.isfinite(expected)).any():
        fault = f"{place}: torch is finite in {dtype} and not in float64; change the inputs"
        return Finding(place, fault=fault)
    wide = np.complex128 if dtype in COMPLEX else np.float64

    def error_of(values: Any) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.where(finite, np.abs(values.astype(wide) - expected), 0.0)

    largest = np.abs(np.where(finite, expected, 0)).max(initial=0.0)
    tolerance = 2 * error_of(own).max(initial=0.0) + FLOOR * _EPSILON[dtype] * largest
    errors = error_of(got)
    error = float(errors.max(initial=0.0))
    finding = Finding(place, error, float(tolerance))
    if error <= tolerance:
        return finding
    at = np.unravel_index(int(errors.argmax()), errors.shape)
    fault = (
        f"{place}: largest error {error:.1e} at {_index(at)} "
        f"(got {got[at]:.6g}, expected {expected[at]:.6g}), tolerance {tolerance:.1e}; "
        f"beyond it in {int((errors > tolerance).sum()):,} of {errors.size:,} places"
    )
    return Finding(place, error, float(tolerance), fault)


def compare_bits(place: str, got: Any, again: Any, how: str) -> Finding:
    """Judge whether two arrays are equal bit for bit."""
    same = got.shape == again.shape and got.dtype == again.dtype
    if same and got.tobytes() == again.tobytes():
        return Finding(place)
    if not same:
        return Finding(place, fault=f"{place}: {how}: {got.dtype} {got.shape}")
    unlike = ~((got == again) & (np.signbit(got) == np.signbit(again)))
    return _different(place, got, again, unlike, how)


def _exactly(place: str, got: Any, expected: Any, how: str) -> Finding:
    unlike = got != expected
    return _different(place, got, expected, unlike, how) if unlike.any() else Finding(place)


def _different(place: str, got: Any, expected: Any, unlike: Any, how: str) -> Finding:
    at = tuple(int(i) for i in np.argwhere(unlike)[0]) if unlike.any() else (0,) * got.ndim
    fault = (
        f"{place}: {how} in {int(unlike.sum()):,} of {unlike.size:,} places, first at {_index(at)} "
        f"(got {got[at]}, expected {expected[at]})"
    )
    return Finding(place, float("inf"), 0.0, fault)


def _index(at: Any) -> str:
    return str([int(i) for i in at])
