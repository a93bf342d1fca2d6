"""torch.testing.assert_close: results held against what is expected, in torch's tolerances and words."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import oarlock.torch as torch
from oarlock.tensor import Tensor

# By dtype: relative and absolute tolerance; every other dtype is compared exactly.
_TOLERANCES: dict[str, tuple[float, float]] = {
    "torch.float16": (1e-3, 1e-5),
    "torch.bfloat16": (1.6e-2, 1e-5),
    "torch.float32": (1.3e-6, 1e-5),
    "torch.float64": (1e-7, 1e-7),
    "torch.complex64": (1.3e-6, 1e-5),
    "torch.complex128": (1e-7, 1e-7),
}
_OF_NUMBERS = {int: "torch.int64", float: "torch.float64", complex: "torch.complex128"}


class _MismatchError(Exception):
    """Two values differ; ``kind`` is the error that the caller sees."""

    def __init__(self, kind: type[Exception], message: str, place: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.place = place


@dataclass(frozen=True)
class _Options:
    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool
    msg: str | Callable[[str], str] | None

    def tolerances(self, *dtypes: str) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in dtypes]
        return max(rtol for rtol, _ in found), max(atol for _, atol in found)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Assert that ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Args:
        actual: a tensor, an array, a number, None, or a sequence or mapping of these.
        expected: what it should be, of the same structure.
        allow_subclasses: where False, the two have to be of exactly one type.
        rtol: the relative tolerance; where None, that of the dtype.
        atol: the absolute tolerance; given if and only if ``rtol`` is.
        equal_nan: two nan are equal.
        check_device: tensors have to lie on one device.
        check_dtype: tensors have to be of one dtype.
        check_layout: accepted; all tensors are strided.
        check_stride: tensors have to have the same strides.
        msg: the message of the error, or what makes it from the one that would be given.

    Raises:
        AssertionError: they differ.
        ValueError: only one tolerance is given, or a value can't be made a tensor.
        TypeError: values of these types are not compared.
    """
    __tracebackhide__ = True
    if (rtol is None) != (atol is None):
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
            f"{'rtol' if rtol is None else 'atol'}."
        )
    options = _Options(
        allow_subclasses,
        rtol,
        atol,
        equal_nan,
        check_device,
        check_dtype,
        check_layout,
        check_stride,
        msg,
    )
    try:
        # What can't be compared at all is said before any difference.
        pairs = list(_pairs(actual, expected, (), options))
        for one, other, place in pairs:
            _compare(one, other, place, options)
    except _MismatchError as found:
        text = found.message
        if found.place:
            text += (
                f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in found.place)}"
            )
        if found.kind is AssertionError and msg is not None:
            text = msg(text) if callable(msg) else msg
        raise found.kind(text) from None


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """`assert_close` without a look at device, dtype and strides: torch's older name.

    Raises:
        AssertionError: they differ.
    """
    actual, expected = (x if isinstance(x, Tensor) else torch.tensor(x) for x in (actual, expected))
    if rtol is None and atol is None:
        names = (str(actual.dtype), str(expected.dtype))
        found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        rtol, atol = max(r for r, _ in found), max(a for _, a in found)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=True,
        check_dtype=False,
        check_stride=False,
        msg=msg or None,
    )


def _pairs(actual: Any, expected: Any, place: tuple[Any, ...], options: _Options) -> Iterator[Any]:
    if _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise _MismatchError(
                AssertionError,
                f"The length of the sequences mismatch: {len(actual)} != {len(expected)}",
                place,
            )
        for key, (one, other) in enumerate(zip(actual, expected, strict=True)):
            yield from _pairs(one, other, (*place, key), options)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing = _ordered(set(expected) - set(actual))
        additional = _ordered(set(actual) - set(expected))
        if missing or additional:
            raise _MismatchError(
                AssertionError,
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\n"
                f"Additional keys in the actual mapping: {additional}",
                place,
            )
        for key in _ordered(actual):
            yield from _pairs(actual[key], expected[key], (*place, key), options)
    else:
        yield _ready(actual, expected, place, options)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, (str, bytes))


def _ordered(keys: Any) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:
        return list(keys)


def _ready(actual: Any, expected: Any, place: tuple[Any, ...], options: _Options) -> Any:
    """Both values as they are compared: None, bool, numbers, or tensors."""
    values = (actual, expected)
    if any(x is None for x in values) or (
        any(isinstance(x, (bool, np.bool_)) for x in values)
        and all(isinstance(x, (bool, np.bool_)) for x in values)
    ):
        return actual, expected, place
    if all(_is_number(x) for x in values):
        return actual, expected, place
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if not related or (not options.allow_subclasses and type(actual) is not type(expected)):
        raise _not_compared(actual, expected, place)
    if isinstance(actual, Tensor) and isinstance(expected, Tensor):
        return actual, expected, place
    try:
        return torch.as_tensor(actual), torch.as_tensor(expected), place
    except Exception:
        raise _not_compared(actual, expected, place) from None


def _is_number(x: Any) -> bool:
    return isinstance(x, (int, float, complex, np.number)) and not isinstance(x, bool)


def _not_compared(actual: Any, expected: Any, place: tuple[Any, ...]) -> _MismatchError:
    return _MismatchError(
        TypeError,
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.",
        place,
    )


def _compare(actual: Any, expected: Any, place: tuple[Any, ...], options: _Options) -> None:
    if actual is None or expected is None:
        if actual is not expected:
            raise _MismatchError(
                AssertionError, f"None mismatch: {actual} is not {expected}", place
            )
    elif isinstance(actual, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_)):
        if bool(actual) is not bool(expected):
            raise _MismatchError(
                AssertionError, f"Booleans mismatch: {bool(actual)} is not {bool(expected)}", place
            )
    elif isinstance(actual, Tensor):
        _compare_tensors(actual, expected, place, options)
    else:
        _compare_numbers(actual, expected, place, options)


def _python_number(x: Any) -> Any:
    return x.item() if isinstance(x, np.number) else x


def _compare_numbers(actual: Any, expected: Any, place: tuple[Any, ...], options: _Options) -> None:
    actual, expected = _python_number(actual), _python_number(expected)
    if options.check_dtype and type(actual) is not type(expected):
        raise _MismatchError(
            AssertionError,
            f"The (d)types do not match: {type(actual)} != {type(expected)}.",
            place,
        )
    rtol, atol = options.tolerances(*(_OF_NUMBERS[type(x)] for x in (actual, expected)))
    if actual == expected or (options.equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return
    difference = abs(actual - expected)
    if cmath.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return
    raise _MismatchError(AssertionError, _of_scalars(actual, expected, rtol, atol), place)


def _of_scalars(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    if rtol == 0 and atol == 0:
        return (
            f"Scalars are not equal!\n\nExpected {expected} but got {actual}.\n"
            f"Absolute difference: {difference}\nRelative difference: {relative}"
        )
    return (
        f"Scalars are not close!\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {difference} (up to {atol} allowed)\n"
        f"Relative difference: {relative} (up to {rtol} allowed)"
    )


def _compare_tensors(actual: Any, expected: Any, place: tuple[Any, ...], options: _Options) -> None:
    for name, checked in (
        ("shape", True),
        ("device", options.check_device),
        ("dtype", options.check_dtype),
        ("layout", options.check_layout),
    ):
        one, other = getattr(actual, name), getattr(expected, name)
        if checked and one != other:
            raise _MismatchError(
                AssertionError,
                f"The values for attribute '{name}' do not match: {one} != {other}.",
                place,
            )
    if options.check_stride and actual.stride() != expected.stride():
        raise _MismatchError(
            AssertionError,
            f"The values for attribute 'stride()' do not match: {actual.stride()} != "
            f"{expected.stride()}.",
            place,
        )
    rtol, atol = options.tolerances(str(actual.dtype), str(expected.dtype))
    with torch.no_grad():
        actual, expected = actual.detach().cpu(), expected.detach().cpu()
        if actual.dtype != expected.dtype:
            dtype = torch.promote_types(actual.dtype, expected.dtype)
            actual, expected = actual.to(dtype), expected.to(dtype)
        close = torch.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
        if bool(close.all()):
            return
        if not actual.dim():
            text = _of_scalars(actual.item(), expected.item(), rtol, atol)
        else:
            text = _of_tensors(actual, expected, close, rtol, atol)
    raise _MismatchError(AssertionError, text, place)


def _of_tensors(actual: Any, expected: Any, close: Any, rtol: float, atol: float) -> str:
    count = actual.numel()
    wrong = int((~close).sum())
    if not (actual.is_floating_point() or actual.is_complex()):
        actual, expected = actual.to(torch.int64), expected.to(torch.int64)
    difference = (actual - expected).abs().masked_fill(close, 0)
    relative = (difference / expected.abs()).masked_fill(close, 0)
    largest = [_largest(x) for x in (difference, relative)]
    exact = rtol == 0 and atol == 0
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!",
        "",
        f"Mismatched elements: {wrong} / {count} ({wrong / count:.1%})",
    ]
    for kind, (value, where), limit in zip(
        ("absolute", "relative"), largest, (atol, rtol), strict=True
    ):
        allowed = "" if exact else f" (up to {limit} allowed)"
        lines.append(f"Greatest {kind} difference: {value} at index {where}{allowed}")
    return "\n".join(lines)


def _largest(x: Any) -> tuple[Any, tuple[int, ...]]:
    flat = x.flatten()
    place = int(flat.argmax())
    where = np.unravel_index(place, tuple(x.shape))
    return flat[place].item(), tuple(int(i) for i in where)
