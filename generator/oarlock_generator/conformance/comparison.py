"""Oarlock's result against torch's: structure, shapes, dtypes, values, gradients wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oarlock_generator.conformance.conversion import Conversion
from oarlock_generator.conformance.precision import Precise
from oarlock_generator.conformance.tolerances import Tolerance


class DifferenceError(Exception):
    """A result that is not torch's, in words."""


class Comparison:
    """Compares results of the two sides, place by place.

    Args:
        conversion: carries values from one side to the other.
        precise: judges again what is outside torch's tolerance.
    """

    def __init__(self, conversion: Conversion, precise: Precise | None = None):
        self.conversion = conversion
        self.precise = precise
        self.torch = conversion.torch

    def check(
        self, got: Any, expected: Any, tolerance: Tolerance, place: str = "", values: bool = True
    ) -> None:
        """Raise DifferenceError where two results differ.

        Args:
            got: Oarlock's result.
            expected: torch's.
            tolerance: how far values may be off.
            place: the name of the result in the message.
            values: whether values are compared, or structure, shapes and dtypes alone.
        """
        torch, place = self.torch, place or "result"
        if isinstance(expected, torch.Tensor):
            self._tensor(got, expected, tolerance, place, values)
        elif isinstance(expected, torch.Size):
            self._sequence(got, expected, tolerance, place, values, "Size")
        elif isinstance(expected, tuple | list):
            kind = "tuple" if isinstance(expected, tuple) else "list"
            self._sequence(got, expected, tolerance, place, values, kind)
        elif isinstance(expected, dict):
            if not isinstance(got, dict) or set(got) != set(expected):
                keys = f"keys {list(got)}" if isinstance(got, dict) else _told(got)
                raise DifferenceError(f"{place}: got {keys}, expected {list(expected)}")
            for key, item in expected.items():
                self.check(got[key], item, tolerance, f"{place}[{key!r}]", values)
        elif isinstance(expected, torch.dtype | torch.device | torch.layout):
            if str(got) != str(expected):
                raise DifferenceError(f"{place}: got {got}, expected {expected}")
        elif isinstance(expected, bool | int | float | complex):
            if type(got) is not type(expected):
                raise DifferenceError(f"{place}: got {_told(got)}, expected {_told(expected)}")
            if values:
                dtype = torch.complex64 if isinstance(expected, complex) else torch.float64
                exact = isinstance(expected, int)
                near = torch.tensor(got), torch.tensor(expected)
                self._values(*near, tolerance.of(torch.int64 if exact else dtype), place)
        elif (expected is None or isinstance(expected, str)) and got != expected:
            raise DifferenceError(f"{place}: got {_told(got)}, expected {expected!r}")

    def places(self, value: Any, place: str) -> Iterator[tuple[str, Any]]:
        """Every tensor of a result of torch's by its place, as `check` names it."""
        if isinstance(value, self.torch.Tensor):
            yield place, value
        elif isinstance(value, tuple | list):
            for index, item in enumerate(value):
                yield from self.places(item, f"{place}[{index}]")
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self.places(item, f"{place}[{key!r}]")

    def _sequence(
        self, got: Any, expected: Any, tolerance: Tolerance, place: str, values: bool, kind: str
    ) -> None:
        wanted = tuple if kind in ("tuple", "Size") else list
        if not isinstance(got, wanted) or len(got) != len(expected):
            what = f"a {kind} of {len(expected)}"
            raise DifferenceError(f"{place}: got {_told(got)}, expected {what}")
        if kind == "Size" and type(got).__name__ != "Size":
            raise DifferenceError(f"{place}: got {_told(got)}, expected a torch.Size")
        fields = _fields(expected)
        if fields and not all(hasattr(got, field) for field in fields):
            raise DifferenceError(f"{place}: got {_told(got)} without the fields {fields}")
        for index, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
            self.check(ours, theirs, tolerance, f"{place}[{index}]", values)

    def _tensor(
        self, got: Any, expected: Any, tolerance: Tolerance, place: str, values: bool
    ) -> None:
        conversion = self.conversion
        if not conversion.is_ours(got):
            raise DifferenceError(f"{place}: got {_told(got)}, expected a tensor")
        if tuple(got.shape) != tuple(expected.shape):
            shapes = f"{list(got.shape)}, expected {list(expected.shape)}"
            raise DifferenceError(f"{place}: got shape {shapes}")
        if str(got.dtype) != str(expected.dtype):
            raise DifferenceError(f"{place}: got {got.dtype}, expected {expected.dtype}")
        if got.requires_grad != expected.requires_grad:
            how = "requires" if got.requires_grad else "does not require"
            raise DifferenceError(f"{place}: {how} a gradient, unlike torch's")
        if not values:
            return
        expected = expected.detach().resolve_conj().resolve_neg()
        if expected.layout is not self.torch.strided:
            got, expected = got.to_dense(), expected.to_dense()
        self._values(conversion.to_torch(got), expected, tolerance.of(expected.dtype), place)

    def _values(self, got: Any, expected: Any, allowed: tuple[float, float], place: str) -> None:
        if got.numel() == expected.numel() == 0 or self.torch.equal(got, expected):
            return
        rtol, atol = allowed
        try:
            self.torch.testing.assert_close(
                got, expected, rtol=rtol, atol=atol, equal_nan=True, check_device=False
            )
        except AssertionError as error:
            if self.precise and self.precise.accepts(place, got, expected):
                return
            raise DifferenceError(f"{place}: {_summary(str(error))}") from None


def _fields(value: Any) -> tuple[str, ...]:
    names = getattr(type(value), "__match_args__", ()) if isinstance(value, tuple) else ()
    return tuple(name for name in names if isinstance(name, str))


def _told(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bool | int | float | complex | str | None):
        return repr(value)
    return f"a {type(value).__name__}"


def _summary(text: str) -> str:
    """What assert_close says, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(line for line in lines if not line.endswith("not close!"))
