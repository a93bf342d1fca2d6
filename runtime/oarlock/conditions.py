"""Predicates that records name in ``native_when``: is Paddle's own function exact for this call?

Each predicate ``x`` has a companion ``x_fails`` (kept in REASONS) that gives the first fact
standing against it, in words, or None.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle.nn.functional import flash_attention as _paddle_attention

_HALF = (paddle.float16, paddle.bfloat16)
_CUDA = paddle.is_compiled_with_cuda()


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
    for tensor in (q, k, v):
        if not isinstance(tensor, paddle.Tensor):
            return "Paddle's static graph gives no tensors to look at"
        if not tensor.place.is_gpu_place():
            return "a tensor lies on the CPU, where Paddle's attention is never exact"
    if q.dtype not in _HALF or k.dtype != q.dtype or v.dtype != q.dtype:
        return "FlashAttention takes float16 or bfloat16, the same for q, k and v"
    queries, keys = q.shape, k.shape
    if len(queries) != 4 or len(keys) != 4 or v.shape != keys or queries[3] != keys[3]:
        return "the shapes are not (batch, seqlen, heads, head_dim) of one head_dim"
    if causal and queries[1] != keys[1]:
        return "Paddle aligns a causal mask to the top left where seqlen_q differs from seqlen_k"
    if queries[2] != keys[2] and not (q.stop_gradient and k.stop_gradient and v.stop_gradient):
        return "Paddle sums the gradients of grouped key/value heads in low precision"
    if queries[3] > 256 or _paddle_attention._select_sdp(queries[3]) != "flash_attn":
        return "Paddle would not take its FlashAttention path on the current device and settings"
    return None


REASONS: dict[str, Callable[..., str | None]] = {
    "paddle_flash_attention_is_exact": _paddle_flash_attention_fails,
}
