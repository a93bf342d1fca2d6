"""Linear maps: ``linear`` and ``bilinear``."""

from __future__ import annotations

import paddle
from paddle import _C_ops

from oarlock.ops.composition import composition


@composition
def linear(
    input: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor | None = None
) -> paddle.Tensor:
    """Return ``input @ weight.T + bias``.

    Args:
        input: of shape (*, in_features).
        weight: of shape (out_features, in_features), or (in_features,).
        bias: of shape (out_features,), or a scalar where ``weight`` has one dim.

    Raises:
        RuntimeError: shapes or dtypes that do not belong together.
    """
    if weight.dtype is not input.dtype:
        # Paddle would promote.
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {input.dtype} and {weight.dtype}"
        )
    # Paddle's own linear_v2 is faster by an addition, but its second derivative fails.
    if weight.ndim == 1:
        out = _C_ops.matmul(input, weight, False, False)
    else:
        out = _C_ops.matmul(input, weight, False, True)
    if bias is None:
        return out
    return _C_ops.add(out, bias)


@composition
def bilinear(
    input1: paddle.Tensor,
    input2: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return ``input1[..., i] * weight[k, i, j] * input2[..., j]`` summed over i and j, plus ``bias``.

    Args:
        input1: of shape (*, in1_features).
        input2: of shape (*, in2_features).
        weight: of shape (out_features, in1_features, in2_features).
        bias: of shape (out_features,).

    Raises:
        RuntimeError: shapes that do not belong together.
    """
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {list(input1.shape)} "
            f"and {list(input2.shape)}"
        )
    out_features, in1, in2 = weight.shape
    if input1.shape[-1] != in1 or input2.shape[-1] != in2:
        raise RuntimeError(
            f"bilinear(): input1 and input2 have {input1.shape[-1]} and {input2.shape[-1]} "
            f"features, but weight has shape {list(weight.shape)}"
        )
    leading = list(input1.shape[:-1])
    a = input1.reshape([-1, in1]) if leading else input1.unsqueeze(0)
    b = input2.reshape([-1, in2]) if leading else input2.unsqueeze(0)
    # (N, in1) x (in1, out * in2), then weighed by input2: no (N, in1, in2) product is made.
    left = paddle.matmul(a, weight.transpose([1, 0, 2]).reshape([in1, out_features * in2]))
    out = (left.reshape([-1, out_features, in2]) * b.unsqueeze(1)).sum(-1)
    out = out.reshape([*leading, out_features])
    return out if bias is None else out + bias
