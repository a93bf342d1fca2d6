"""torch's dtypes, each beside Paddle's, and the default floating-point dtype."""

from __future__ import annotations

import builtins
from typing import Any

import paddle

from oarlock.errors import ArgumentTypeError


class dtype:
    """A torch dtype: compared by identity, printed as ``torch.float32``.

    Attributes:
        paddle: Paddle's dtype of the same values.
        itemsize: bytes of one element.
        is_floating_point, is_complex, is_signed: as torch has them.
    """

    __slots__ = ("is_complex", "is_floating_point", "is_signed", "itemsize", "name", "paddle")

    def __init__(self, name: str, itemsize: builtins.int):
        self.name = name
        self.itemsize = itemsize
        self.paddle = getattr(paddle, name)
        self.is_floating_point = name.startswith(("float", "bfloat"))
        self.is_complex = name.startswith("complex")
        self.is_signed = name not in ("bool", "uint8")

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'torch.dtype' is not an acceptable base type")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def to_real(self) -> dtype:
        """The dtype of the real part."""
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> dtype:
        """The complex dtype whose parts have this one."""
        return {float32: complex64, float64: complex128}.get(self, self)


bool = dtype("bool", 1)
uint8 = dtype("uint8", 1)
int8 = dtype("int8", 1)
int16 = dtype("int16", 2)
int32 = dtype("int32", 4)
int64 = dtype("int64", 8)
float16 = dtype("float16", 2)
bfloat16 = dtype("bfloat16", 2)
float32 = dtype("float32", 4)
float64 = dtype("float64", 8)
complex64 = dtype("complex64", 8)
complex128 = dtype("complex128", 16)
float8_e4m3fn = dtype("float8_e4m3fn", 1)
float8_e5m2 = dtype("float8_e5m2", 1)

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128

from_paddle: dict[Any, dtype] = {
    value.paddle: value for value in list(globals().values()) if type(value) is dtype
}
_builtin = {builtins.bool: bool, builtins.int: int64, builtins.float: None, complex: None}
_default = float32


def paddle_dtype(value: Any) -> Any:
    """Return Paddle's dtype for a torch dtype or a Python number type; None stays None.

    Raises:
        ArgumentTypeError: anything else.
    """
    if value is None:
        return None
    if type(value) is dtype:
        return value.paddle
    if value in _builtin:
        found = _builtin[value] or (_default if value is builtins.float else _default.to_complex())
        return found.paddle
    if value in from_paddle:
        return value
    raise ArgumentTypeError(parameter="dtype", given=repr(value), accepted="a torch.dtype")


def get_default_dtype() -> dtype:
    """The dtype of new floating-point tensors."""
    return _default


def set_default_dtype(d: dtype, /) -> None:
    """Make ``d`` the dtype of new floating-point tensors; a type such as torch.DoubleTensor no more.

    Raises:
        TypeError: ``d`` is no floating-point dtype.
    """
    global _default
    if type(d) is not dtype:
        raise TypeError(f"invalid dtype object: {d!r}")
    if not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d
