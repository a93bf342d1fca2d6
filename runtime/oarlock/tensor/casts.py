"""The Tensor's methods that are named after dtypes: float(), long(), half() and so on."""

from __future__ import annotations

from typing import Any

from oarlock.tensor import dtypes
from oarlock.tensor.conversion import to
from oarlock.tensor.layouts import preserve_format


def _caster(wanted: dtypes.dtype) -> Any:
    def cast(self: Any, memory_format: Any = preserve_format) -> Any:
        return to(self, wanted)

    cast.__name__ = cast.__qualname__ = wanted.name
    cast.__doc__ = f"``self.to(torch.{wanted.name})``."
    return cast


float = _caster(dtypes.float32)
double = _caster(dtypes.float64)
half = _caster(dtypes.float16)
bfloat16 = _caster(dtypes.bfloat16)
int = _caster(dtypes.int32)
long = _caster(dtypes.int64)
short = _caster(dtypes.int16)
char = _caster(dtypes.int8)
byte = _caster(dtypes.uint8)
bool = _caster(dtypes.bool)
cfloat = _caster(dtypes.complex64)
cdouble = _caster(dtypes.complex128)
