"""Arrays of random numbers as Tensors: on their device, of their dtype, without a copy on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import _C_ops
from paddle.utils.dlpack import from_dlpack

from oarlock.tensor.core import wrap


def to_paddle(values: np.ndarray, dtype: str | None = None) -> paddle.Tensor:
    """Return a paddle.Tensor on the CPU that takes over an array's memory.

    Args:
        values: the array; nobody else writes to it any more.
        dtype: "bfloat16" says that the float32 values are to be held as bfloat16.
    """
    if dtype == "bfloat16":
        # A float32 number that is a bfloat16 has it in its upper half.
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32) >> np.uint32(16)
        halves = from_dlpack(bits.astype(np.uint16).view(np.int16).reshape(values.shape))
        return _C_ops.view_dtype(halves, paddle.bfloat16)
    # An operation on an array without dimensions gives a NumPy scalar.
    return from_dlpack(np.asarray(values))


def to_tensor(values: np.ndarray, dtype: str | None = None) -> Any:
    """`to_paddle`, as a Tensor."""
    return wrap(to_paddle(values, dtype))
