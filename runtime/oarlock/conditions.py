"""Predicates that records name in ``native_when``: whether Paddle's own function is exact.

REASONS has for each predicate the function that gives the first fact standing against it, in words,
or None.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle.nn.functional import flash_attention as _paddle_attention

_CUDA = paddle.device.is_compiled_with_cuda()


def paddle_flash_attention_is_exact(
    q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor, causal: bool
) -> bool:
    """Whether ``paddle.nn.functional.flash_attention.flash_attention`` gives flash_attn's result.

    It does on its FlashAttention path alone, which Paddle picks by the current device, not by
    the tensors; and there only where a causal mask is square (it aligns to the top left) and no
    gradients of grouped heads are summed (it sums them in low precision).
    """
    return _paddle_flash_attention_fails(q, k, v, causal) is None


def _paddle_flash_attention_fails(
    q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor, causal: bool
) -> str | None:
    if not _CUDA:
        return "this is a CPU build of Paddle, whose attention is never exact"
    if not isinstance(q, paddle.Tensor):
        return "Paddle's static graph gives no tensors to look at"
    # By identity, at a sixth of the cost of ==; k and v of another dtype make Paddle raise.
    dtype = q.dtype
    if dtype is not paddle.float16 and dtype is not paddle.bfloat16:
        return "Paddle's FlashAttention takes float16 or bfloat16"
    queries, keys = q.shape, k.shape
    if len(queries) != 4 or len(keys) != 4:
        return "the shapes are not (batch, seqlen, heads, head_dim)"
    if causal and queries[1] != keys[1]:
        return "Paddle aligns a causal mask to the top left where seqlen_q differs from seqlen_k"
    if queries[2] != keys[2] and not (q.stop_gradient and k.stop_gradient and v.stop_gradient):
        return "Paddle sums the gradients of grouped key/value heads in low precision"
    if queries[3] > 256 or _paddle_attention._select_sdp(queries[3]) != "flash_attn":
        return "Paddle would not take its FlashAttention path on the current device and settings"
    for tensor in (q, k, v):
        if not tensor.place.is_gpu_place():
            return "a tensor lies on the CPU, where Paddle's attention is never exact"
    return None


REASONS: dict[str, Callable[..., str | None]] = {
    "paddle_flash_attention_is_exact": _paddle_flash_attention_fails,
}
