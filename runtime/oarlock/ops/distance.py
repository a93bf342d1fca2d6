"""Distances and similarities of vectors."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.ops.composition import composition
from oarlock.ops.elementwise import floated
from oarlock.ops.normalization import vector_norm_kept


@composition
def cosine_similarity(
    x1: paddle.Tensor, x2: paddle.Tensor, dim: int = 1, eps: float = 1e-08
) -> paddle.Tensor:
    """Return the cosine of the angle between ``x1`` and ``x2`` along ``dim`` of their common shape.

    Each norm counts as at least ``eps``.

    Raises:
        RuntimeError: shapes that do not broadcast, or integers.
        IndexError: there is no such dim.
    """
    if x1.shape != x2.shape:
        x1, x2 = paddle.broadcast_tensors([x1, x2])
    if x1.dtype != x2.dtype:
        x1, x2 = _common(x1, x2)
    unit1 = _C_ops.divide(x1, _at_least(vector_norm_kept(x1, 2.0, dim), eps))
    unit2 = _C_ops.divide(x2, _at_least(vector_norm_kept(x2, 2.0, dim), eps))
    return _C_ops.sum(_C_ops.multiply(unit1, unit2), [dim] if x1.ndim else [], None, False)


@composition
def pairwise_distance(
    x1: paddle.Tensor, x2: paddle.Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False
) -> paddle.Tensor:
    """Return the p-norm of ``x1 - x2 + eps`` along the last dim.

    Raises:
        RuntimeError: shapes that do not broadcast.
    """
    if x1.dtype != x2.dtype:
        x1, x2 = _common(x1, x2)
    difference = _C_ops.scale(floated(_C_ops.subtract(x1, x2)), 1.0, eps, True)
    norm = vector_norm_kept(difference, p, -1)
    return norm if keepdim or not norm.ndim else _C_ops.squeeze(norm, [-1])


@composition
def pdist(input: paddle.Tensor, p: float = 2) -> paddle.Tensor:
    """Return the p-norm distances of all pairs of rows of ``input`` (N, D), of shape (N (N - 1) / 2,).

    Raises:
        RuntimeError: an input of other than two dims, or a negative ``p``.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    rows = input.shape[0]
    first, second = np.triu_indices(rows, 1)
    if not first.size:
        return paddle.zeros([0], input.dtype) + input.sum() * 0.0
    a = _C_ops.index_select(input, paddle.to_tensor(first, place=input.place), 0)
    b = _C_ops.index_select(input, paddle.to_tensor(second, place=input.place), 0)
    return _C_ops.squeeze(vector_norm_kept(_C_ops.subtract(a, b), float(p), 1), [1])


def _common(a: paddle.Tensor, b: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Cast both to float64 where one is, else to float32."""
    wide = paddle.float64 if paddle.float64 in (a.dtype, b.dtype) else paddle.float32
    return a.cast(wide), b.cast(wide)


def _at_least(norm: paddle.Tensor, eps: float) -> paddle.Tensor:
    """Raise the value, as torch does, but not the gradient: it is that of the norm itself."""
    raised = _C_ops.clip(norm.detach(), eps, float("inf"))
    return norm + (raised - norm.detach())
