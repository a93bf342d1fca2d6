"""Python numbers as torch writes them into a tensor of a dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from oarlock.ops.carrying import COMPLEX, INTEGRAL

_RANGES = {
    dtype: (np.iinfo(name).min, np.iinfo(name).max)
    for dtype, name in (
        (paddle.uint8, "uint8"),
        (paddle.int8, "int8"),
        (paddle.int16, "int16"),
        (paddle.int32, "int32"),
        (paddle.int64, "int64"),
    )
}


def fitting(value: Any, dtype: Any) -> Any:
    """Return a number as it is written into a tensor of a dtype: whole for integers.

    Raises:
        RuntimeError: the dtype can't hold it.
    """
    if dtype in INTEGRAL:
        least, most = _RANGES[dtype]
        if dtype is paddle.uint8:
            least = -most
        if isinstance(value, complex) or not least <= value <= most:
            raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
        return int(value) % 256 if dtype is paddle.uint8 else int(value)
    if dtype is paddle.bool:
        return bool(value)
    if isinstance(value, complex) and dtype not in COMPLEX:
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {dtype} without overflow")
        return value.real
    return value
