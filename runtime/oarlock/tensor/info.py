"""torch.finfo and torch.iinfo: the limits of a dtype."""

from __future__ import annotations

from typing import Any, NamedTuple

from oarlock.tensor import dtypes


class _Format(NamedTuple):
    """A binary floating-point format (IEEE 754-2019, table 3.5; OCP FP8; bfloat16)."""

    bits: int
    fraction: int
    largest_exponent: int
    smallest_exponent: int
    # float8_e4m3fn spends no exponent on infinities: only its all-ones fraction is NaN.
    lost_at_the_top: int = 1


_FORMATS = {
    "float16": _Format(16, 10, 15, -14),
    "bfloat16": _Format(16, 7, 127, -126),
    "float32": _Format(32, 23, 127, -126),
    "float64": _Format(64, 52, 1023, -1022),
    "float8_e4m3fn": _Format(8, 3, 8, -6, lost_at_the_top=2),
    "float8_e5m2": _Format(8, 2, 15, -14),
}


class _Info:
    """What both have: fixed attributes, compared by the dtype they tell about, not hashable."""

    __slots__ = ("bits", "dtype", "max", "min")
    __hash__ = None  # type: ignore[assignment]
    bits: int
    dtype: str

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.dtype == other.dtype

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"attribute '{name}' of 'torch.{type(self).__name__}' objects is not writable"
        )

    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle 'torch.{type(self).__name__}' object")

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


class finfo(_Info):
    """The limits of a floating-point dtype, or of the parts of a complex one.

    Attributes:
        bits: the bits of one element.
        dtype: the dtype's name.
        eps: the distance from 1.0 to the next number.
        max: the largest number.
        min: its negative.
        tiny, smallest_normal: the smallest normal positive number.
        resolution: ten to minus the number of decimal digits that always survive.

    Args:
        type: the dtype; the default dtype where left out.

    Raises:
        TypeError: ``type`` is no floating-point or complex dtype.
    """

    __slots__ = ("eps", "resolution", "smallest_normal", "tiny")
    eps: float
    max: float
    min: float
    resolution: float
    smallest_normal: float
    tiny: float

    def __init__(self, type: Any = None) -> None:
        asked = _checked("finfo", dtypes.get_default_dtype() if type is None else type)
        name = asked.to_real().name
        if name not in _FORMATS:
            raise TypeError(
                "torch.finfo() requires a floating point input type. "
                "Use torch.iinfo to handle 'torch.finfo'"
            )
        form = _FORMATS[name]
        eps = 2.0**-form.fraction
        largest = (2.0 - eps * form.lost_at_the_top) * 2.0**form.largest_exponent
        smallest = 2.0**form.smallest_exponent
        # Decimal digits that survive: floor((precision - 1) * log10(2)), as C's FLT_DIG.
        digits = form.fraction * 30103 // 100000
        self._set(
            bits=form.bits,
            dtype=name,
            eps=eps,
            max=largest,
            min=-largest,
            resolution=float(f"1e-{digits}"),
            smallest_normal=smallest,
            tiny=smallest,
        )

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        values = ", ".join(f"{name}={getattr(self, name):.6g}" for name in names)
        return f"finfo({values}, dtype={self.dtype})"


class iinfo(_Info):
    """The limits of an integer dtype.

    Attributes:
        bits: the bits of one element.
        dtype: the dtype's name.
        max: the largest number.
        min: the smallest number.

    Args:
        dtype: the dtype.

    Raises:
        TypeError: ``dtype`` is no integer dtype.
    """

    __slots__ = ()
    max: int
    min: int

    def __init__(self, dtype: Any, /) -> None:
        asked = _checked("iinfo", dtype)
        if asked.is_floating_point or asked.is_complex:
            raise TypeError(
                "torch.iinfo() requires an integer input type. "
                "Use torch.finfo to handle 'torch.iinfo'"
            )
        if asked is dtypes.bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        bits = 8 * asked.itemsize
        most = 2 ** (bits - asked.is_signed)
        self._set(bits=bits, dtype=asked.name, max=most - 1, min=-most if asked.is_signed else 0)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:.6g}, max={self.max:.6g}, dtype={self.dtype})"


def _checked(function: str, asked: Any) -> dtypes.dtype:
    if type(asked) is not dtypes.dtype:
        raise TypeError(
            f"{function}(): argument 'type' (position 1) must be torch.dtype, "
            f"not {type(asked).__name__}"
        )
    return asked
