"""Attention of packed sequences whose q, k and v are stacked, as flash_attn_varlen_qkvpacked_func."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.jit.sot import psdb

from oarlock.kernels.attention import compute, refuse_static_graph
from oarlock.kernels.attention.arguments import check_stacked
from oarlock.kernels.attention.packing import check_packing
from oarlock.kernels.attention.qkvpacked import describe
from oarlock.kernels.attention.varlen import check_options

__all__ = ["attention_varlen_qkvpacked", "describe"]


def attention_varlen_qkvpacked(
    qkv: paddle.Tensor,
    cu_seqlens: paddle.Tensor,
    max_seqlen: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = "flash_attn.flash_attn_varlen_qkvpacked_func",
) -> Any:
    """Compute `varlen.attention_varlen` of q, k and v that are stacked, as flash_attn 2.8.3.

    Args:
        qkv: (total, 3, heads, head_dim): queries, keys and values, which are read where they lie.
            Its gradient is one tensor of its shape.
        cu_seqlens: int32 of shape (batch + 1,): sums of lengths, from 0 to total.
        max_seqlen: the length of the longest sequence, or more.
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
        What `varlen.attention_varlen` returns; out is (total, heads, head_dim).

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
        UnsupportedError: as `attention`.

    """
    psdb.fallback(recursive=True)  # to_static runs what follows as it is, instead of tracing it
    refuse_static_graph(api)
    check_stacked(api, "qkv", qkv, 4)
    q, k, v = paddle.unbind(qkv, 1)
    side = ("cu_seqlens", cu_seqlens, "max_seqlen", max_seqlen)
    packing = check_packing(api, side, side, q, k)
    scoring = check_options(
        api,
        q,
        packing,
        dropout_p,
        softmax_scale,
        causal,
        window_size,
        softcap,
        alibi_slopes,
    )
    return compute(q, k, v, scoring, return_attn_probs, packing)
