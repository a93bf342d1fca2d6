"""Predicates that records name in ``native_when``: whether Paddle's own function is exact.

REASONS has for each predicate the function that gives the first fact standing against it, in words,
or None.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle.nn.functional import flash_attention as _paddle_attention

_CUDA = paddle.device.is_compiled_with_cuda()
_VERSION = "FLAGS_flash_attn_version"


def paddle_flash_attention_is_exact(
    q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor, causal: bool, dropout_p: float
) -> bool:
    """Whether ``paddle.nn.functional.flash_attention.flash_attention`` gives flash_attn's result.

    It does on its FlashAttention path alone, which Paddle picks by the current device, not by
    the tensors; and there only where a causal mask is square (it aligns to the top left) and no
    gradients of grouped heads are summed (it sums them in low precision). It does not compare
    the shapes of q, k and v, so that is done here.
    """
    return _paddle_flash_attention_fails(q, k, v, causal, dropout_p) is None


def _paddle_flash_attention_fails(
    q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor, causal: bool, dropout_p: float
) -> str | None:
    if not _CUDA:
        return "this is a CPU build of Paddle, whose attention is never exact"
    tensor = paddle.Tensor
    if not (isinstance(q, tensor) and isinstance(k, tensor) and isinstance(v, tensor)):
        return "q, k and v are not all Paddle tensors of dynamic mode"
    # By identity, at a sixth of the cost of ==.
    dtype = q.dtype
    if dtype is not paddle.float16 and dtype is not paddle.bfloat16:
        return "Paddle's FlashAttention takes float16 or bfloat16"
    if k.dtype is not dtype or v.dtype is not dtype:
        return "q, k and v are not of one dtype"
    queries, keys = q.shape, k.shape
    if len(queries) != 4 or len(keys) != 4 or 0 in queries or 0 in keys:
        return "the shapes are not (batch, seqlen, heads, head_dim) with elements"
    if keys[0] != queries[0] or keys[3] != queries[3] or v.shape != keys:
        return "q, k and v differ in batch or head_dim, which Paddle does not check"
    if causal and queries[1] != keys[1]:
        return "Paddle aligns a causal mask to the top left where seqlen_q differs from seqlen_k"
    if queries[2] != keys[2] and not (q.stop_gradient and k.stop_gradient and v.stop_gradient):
        return "Paddle sums the gradients of grouped key/value heads in low precision"
    if queries[2] % keys[2]:
        return "heads is no multiple of kv_heads"
    if queries[3] > 256 or _paddle_attention._select_sdp(queries[3]) != "flash_attn":
        return "Paddle would not take its FlashAttention path on the current device and settings"
    if dropout_p and paddle.get_flags(_VERSION)[_VERSION] != 2:
        return "Paddle's FlashAttention-3 has no dropout"
    if not (q.place.is_gpu_place() and k.place.is_gpu_place() and v.place.is_gpu_place()):
        return "a tensor lies on the CPU, where Paddle's attention is never exact"
    return None


REASONS: dict[str, Callable[..., str | None]] = {
    "paddle_flash_attention_is_exact": _paddle_flash_attention_fails,
}
