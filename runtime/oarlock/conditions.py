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


def paddle_flash_attn_qkvpacked_is_exact(qkv: paddle.Tensor) -> bool:
    """Whether ``paddle.nn.functional.flash_attn_qkvpacked`` gives flash_attn's result.

    It does on its FlashAttention-2 path alone, where it is Paddle's flash_attention of the three
    parts (FlashAttnQKVPackedKernel in paddle/phi/kernels/gpu/flash_attn_kernel.cu): queries are as
    many as keys, and heads are not grouped.
    """
    return _paddle_flash_attn_qkvpacked_fails(qkv) is None


def _paddle_flash_attn_qkvpacked_fails(qkv: paddle.Tensor) -> str | None:
    if not _CUDA:
        return "this is a CPU build of Paddle, whose attention is never exact"
    if not isinstance(qkv, paddle.Tensor):
        return "qkv is no Paddle tensor of dynamic mode"
    if qkv.dtype is not paddle.float16 and qkv.dtype is not paddle.bfloat16:
        return "Paddle's FlashAttention takes float16 or bfloat16"
    shape = qkv.shape
    if len(shape) != 5 or shape[2] != 3 or 0 in shape:
        return "the shape is not (batch, seqlen, 3, heads, head_dim) with elements"
    return _flash_attention_2_is_not_taken(shape[4], qkv)


def paddle_flash_attn_unpadded_is_exact(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    cu_seqlens_q: paddle.Tensor,
    cu_seqlens_k: paddle.Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    softmax_scale: float | None,
    dropout_p: float,
) -> bool:
    """Whether ``flash_attn_unpadded`` of Paddle gives the result of flash_attn_varlen_func.

    It aligns a causal mask to the top left and sums the gradients of grouped heads in low precision.
    That the lengths of queries and keys agree is known without waiting for the GPU only where one
    ``cu_seqlens`` says both.
    """
    fails = _paddle_flash_attn_unpadded_fails
    lengths = (cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k)
    return fails(q, k, v, *lengths, softmax_scale, dropout_p) is None


def _paddle_flash_attn_unpadded_fails(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    cu_seqlens_q: paddle.Tensor,
    cu_seqlens_k: paddle.Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    softmax_scale: float | None,
    dropout_p: float,
) -> str | None:
    if not _CUDA:
        return "this is a CPU build of Paddle, which has no kernel for it"
    if not all(isinstance(x, paddle.Tensor) for x in (q, k, v, cu_seqlens_q)):
        return "q, k, v and cu_seqlens_q are not all Paddle tensors of dynamic mode"
    if q.dtype is not paddle.float16 and q.dtype is not paddle.bfloat16:
        return "Paddle's FlashAttention takes float16 or bfloat16"
    if k.dtype is not q.dtype or v.dtype is not q.dtype:
        return "q, k and v are not of one dtype"
    if type(softmax_scale) is not float or not 0 < softmax_scale < float("inf"):
        return "Paddle's function requires its scale, which softmax_scale does not give"
    queries, keys = q.shape, k.shape
    if len(queries) != 3 or 0 in queries or 0 in keys:
        return "the shapes are not (total, heads, head_dim) with elements"
    if keys[0] != queries[0] or keys[2] != queries[2] or v.shape != keys:
        return "q, k and v differ in total or head_dim, which Paddle does not check"
    if cu_seqlens_q is not cu_seqlens_k or max_seqlen_q != max_seqlen_k:
        return (
            "Paddle aligns a causal mask to the top left, and only one cu_seqlens for queries and "
            "keys shows that their lengths agree"
        )
    if cu_seqlens_q.dtype is not paddle.int32 or cu_seqlens_q.ndim != 1 or cu_seqlens_q.size < 2:
        return "cu_seqlens_q is not int32 of shape (batch + 1,), which Paddle does not check"
    if type(max_seqlen_q) is not int or max_seqlen_q < 1 or not 0 <= dropout_p < 1:
        return "max_seqlen_q or dropout_p is out of its range, which Paddle does not check"
    if queries[1] != keys[1] and not (q.stop_gradient and k.stop_gradient and v.stop_gradient):
        return "Paddle sums the gradients of grouped key/value heads in low precision"
    if queries[1] % keys[1]:
        return "heads is no multiple of kv_heads"
    return _flash_attention_2_is_not_taken(queries[2], q, k, v, cu_seqlens_q)


def _flash_attention_2_is_not_taken(head_dim: int, *tensors: paddle.Tensor) -> str | None:
    if head_dim > 256 or _paddle_attention._select_sdp(head_dim) != "flash_attn":
        return "Paddle would not take its FlashAttention path on the current device and settings"
    if not all(x.place.is_gpu_place() for x in tensors):
        return "a tensor lies on the CPU, where Paddle's attention is never exact"
    if paddle.get_flags(_VERSION)[_VERSION] != 2:
        return "Paddle is set to FlashAttention-3, whose packed layouts were never compared"
    return None


REASONS: dict[str, Callable[..., str | None]] = {
    "paddle_flash_attention_is_exact": _paddle_flash_attention_fails,
    "paddle_flash_attn_qkvpacked_is_exact": _paddle_flash_attn_qkvpacked_fails,
    "paddle_flash_attn_unpadded_is_exact": _paddle_flash_attn_unpadded_fails,
}
