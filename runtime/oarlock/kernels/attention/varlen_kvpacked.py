"""Attention of packed sequences whose k and v are stacked, as flash_attn_varlen_kvpacked_func."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.jit.sot import psdb

from oarlock.kernels.attention import refuse_static_graph
from oarlock.kernels.attention.arguments import check_is_tensor, check_stacked
from oarlock.kernels.attention.kvpacked import describe
from oarlock.kernels.attention.varlen import attention_varlen

__all__ = ["attention_varlen_kvpacked", "describe"]


def attention_varlen_kvpacked(
    q: paddle.Tensor,
    kv: paddle.Tensor,
    cu_seqlens_q: paddle.Tensor,
    cu_seqlens_k: paddle.Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = "flash_attn.flash_attn_varlen_kvpacked_func",
) -> Any:
    """Compute `varlen.attention_varlen` of k and v that are stacked, as flash_attn 2.8.3.

    Args:
        q: (total_q, heads, head_dim).
        kv: (total_k, 2, kv_heads, head_dim), of the dtype and place of q: keys and values, which
            are read where they lie. Its gradient is one tensor of its shape.
        cu_seqlens_q: as in `varlen.attention_varlen`.
        cu_seqlens_k: as in `varlen.attention_varlen`.
        max_seqlen_q: as in `varlen.attention_varlen`.
        max_seqlen_k: as in `varlen.attention_varlen`.
        dropout_p: as in `attention`.
        softmax_scale: as in `attention`.
        causal: as in `attention`.
        window_size: as in `attention`.
        softcap: as in `attention`.
        alibi_slopes: float32 of shape (heads,) or (batch, heads), one row a sequence.
        deterministic: accepted; results and gradients are deterministic either way.
        return_attn_probs: return (out, softmax_lse, S_dmask).
        api: the name that errors give, where another function calls this one.

    Returns:
        What `varlen.attention_varlen` returns; out is (total_q, heads, head_dim).

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
        UnsupportedError: as `attention`.

    """
    psdb.fallback(recursive=True)  # to_static runs what follows as it is, instead of tracing it
    refuse_static_graph(api)
    check_is_tensor(api, "q", q)
    check_stacked(api, "kv", kv, 4, q)
    k, v = paddle.unbind(kv, 1)
    return attention_varlen(
        q,
        k,
        v,
        cu_seqlens_q,
        cu_seqlens_k,
        max_seqlen_q,
        max_seqlen_k,
        dropout_p,
        softmax_scale,
        causal,
        window_size,
        softcap,
        alibi_slopes,
        deterministic,
        return_attn_probs,
        api=api,
    )
