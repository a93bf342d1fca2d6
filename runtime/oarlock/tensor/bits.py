"""A tensor's memory seen as another dtype."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops


def seen_as(p: paddle.Tensor, dtype: Any) -> paddle.Tensor:
    """The bits of a plain tensor as elements of another of Paddle's dtypes, in the same memory.

    Paddle counts the offset of a part of a storage, which is in bytes, as if it were in elements,
    so that the result would start elsewhere.
    """
    seen = _C_ops.view_dtype(p, dtype)
    return _C_ops.as_strided(seen, seen.shape, seen.strides, p.offset) if p.offset else seen
