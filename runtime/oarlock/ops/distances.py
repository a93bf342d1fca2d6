"""Distances between rows: cdist."""

from __future__ import annotations

import paddle
from paddle import _C_ops

from oarlock.ops.carrying import filled_like
from oarlock.ops.composition import autocasts
from oarlock.ops.repeating import common_shape, spread


@autocasts
def cdist(
    x1: paddle.Tensor,
    x2: paddle.Tensor,
    p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> paddle.Tensor:
    """Return the p-norm of the difference of each row of one tensor and each of another.

    Args:
        x1: (…, n, k).
        x2: (…, m, k); the leading dims broadcast.
        p: the norm, 0 to infinity.
        compute_mode: whether torch may go by a matrix product for p = 2 ("use_mm_for_euclid_dist",
            "donot_use_mm_for_euclid_dist", or by size). The differences are always taken here, which is the
            more accurate way.

    Raises:
        RuntimeError: shapes do not fit, or ``p`` is negative.
        ValueError: ``compute_mode`` is none of these.
    """
    if compute_mode not in (
        None,
        "use_mm_for_euclid_dist_if_necessary",
        "use_mm_for_euclid_dist",
        "donot_use_mm_for_euclid_dist",
    ):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError("cdist only supports at least 2D tensors")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    batch = common_shape(x1.shape[:-2], x2.shape[:-2])
    rows, columns = x1.shape[-2], x2.shape[-2]
    x1, x2 = spread(x1, [*batch, *x1.shape[-2:]]), spread(x2, [*batch, *x2.shape[-2:]])
    apart = paddle.abs(x1.unsqueeze(-2) - x2.unsqueeze(-3))
    if 0 in apart.shape:
        return apart.sum(-1).reshape([*batch, rows, columns])
    return _norm(apart, p)


def _norm(apart: paddle.Tensor, p: float) -> paddle.Tensor:
    """The p-norm over the last dim of what is not negative; at zero its gradient is zero, as torch's."""
    if p == 0:
        return (apart != 0).cast(apart.dtype).sum(-1) + apart.sum(-1) * 0
    if p == 1:
        return apart.sum(-1)
    if p == float("inf"):
        return paddle.max(apart, axis=-1)
    one, zero = filled_like(1, apart), filled_like(0, apart)
    if p == 2:
        total = (apart * apart).sum(-1)
    else:
        same = apart == 0
        total = paddle.where(same, zero, _raised(paddle.where(same, one, apart), p)).sum(-1)
    same = total == 0
    root = paddle.where(same, one, total)
    root = paddle.sqrt(root) if p == 2 else _raised(root, 1 / p)
    return paddle.where(same, zero, root)


def _raised(x: paddle.Tensor, exponent: float) -> paddle.Tensor:
    """A power by an exponent in the dtype of ``x``: Paddle keeps a Python number in float32."""
    return _C_ops.elementwise_pow(x, filled_like(exponent, x))
