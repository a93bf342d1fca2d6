"""The dtype that Paddle's automatic mixed precision gives the inputs of its flash_attn operator."""

from __future__ import annotations

import paddle
from paddle.base.framework import _dygraph_tracer

_OPERATOR = "flash_attn"
_CAST = (paddle.float16, paddle.bfloat16, paddle.float32)


def autocast(*tensors: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
    """Cast tensors as ``paddle.amp.auto_cast`` would for flash_attn; gradients flow through.

    A PyLayer's inputs are not cast by Paddle, while those of its flash_attn operator are. As there,
    float64 tensors and tensors on the CPU stay what they are.
    """
    target = autocast_dtype()
    if target is None:
        return tensors
    return tuple(
        x if x.dtype not in _CAST or x.place.is_cpu_place() else x.astype(target) for x in tensors
    )


def autocast_dtype() -> paddle.dtype | None:
    """Return the dtype for flash_attn under the current ``auto_cast``; None outside of one.

    It is on Paddle's white list at the levels OD, O1 and O2, and can be moved to the black list,
    which means float32.
    """
    tracer = _dygraph_tracer()
    if tracer is None or not paddle.is_autocast_enabled():
        return None
    white, black = tracer._get_amp_op_list()
    if _OPERATOR in black:
        return paddle.float32
    if _OPERATOR in white:
        return getattr(paddle, paddle.get_autocast_dtype())
    return None
