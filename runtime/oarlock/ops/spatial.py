"""Spatial arguments of convolutions, poolings and foldings: one number for all dims, or one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paddle
from paddle import _C_ops


def expanded(value: Any, n: int, name: str) -> list[int]:
    """Return ``value`` as ``n`` integers: one number stands for all, as does a list of one.

    Raises:
        RuntimeError: a list that holds neither one number nor ``n``.
    """
    if type(value) is int:
        return [value] * n
    if isinstance(value, Sequence):
        if len(value) == n:
            return [int(each) for each in value]
        if len(value) == 1:
            return [int(value[0])] * n
        raise RuntimeError(f"{name} must be a single int or a list of {n} ints, but got {value}")
    return [int(value)] * n


def batched(x: paddle.Tensor, n: int, api: str) -> tuple[paddle.Tensor, bool]:
    """Return ``x`` of shape (N, C, *spatial), and whether the N was added.

    Raises:
        RuntimeError: ``x`` has neither ``n + 2`` nor ``n + 1`` dims.
    """
    ndim = len(x.shape)
    if ndim == n + 2:
        return x, False
    if ndim == n + 1:
        return _C_ops.unsqueeze(x, [0]), True
    raise RuntimeError(
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {api}, "
        f"but got input of size: {list(x.shape)}"
    )


def unbatched(x: paddle.Tensor, added: bool) -> paddle.Tensor:
    """Take the N that :func:`batched` added away again."""
    return _C_ops.squeeze(x, [0]) if added else x
