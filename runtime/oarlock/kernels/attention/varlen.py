"""Attention of sequences that lie one after the other in one tensor, as flash_attn_varlen_func."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.jit.sot import psdb

from oarlock.errors import ArgumentError
from oarlock.kernels.attention import compute, describe, refuse_static_graph
from oarlock.kernels.attention.arguments import (
    check_dropout,
    check_scale,
    check_slopes,
    check_softcap,
    check_tensors,
    check_window,
)
from oarlock.kernels.attention.packing import Packing, check_packing
from oarlock.kernels.attention.scoring import Scoring

__all__ = ["attention_varlen", "check_arguments", "check_options", "describe"]

_API = "flash_attn.flash_attn_varlen_func"


def attention_varlen(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
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
    block_table: None = None,
    *,
    api: str = _API,
) -> Any:
    """Compute the attention of each sequence, as flash_attn 2.8.3's flash_attn_varlen_func.

    Sequence b has the rows cu_seqlens_q[b] to cu_seqlens_q[b + 1] of q and the keys cu_seqlens_k[b]
    to cu_seqlens_k[b + 1]; its lengths are the seqlen_q and seqlen_k of `attention`, whose other
    parameters are the ones here.

    Args:
        q: (total_q, heads, head_dim), float16, bfloat16, float32 or float64.
        k: (total_k, kv_heads, head_dim), of the dtype and place of q.
        v: as k.
        cu_seqlens_q: int32 of shape (batch + 1,), on the place of q: sums of lengths, from 0 to
            total_q. Its values are checked on a CPU; on a GPU nothing waits for them.
        cu_seqlens_k: the same for the keys.
        max_seqlen_q: the longest sequence's rows, or more.
        max_seqlen_k: the longest sequence's keys, or more; a window's bound of it or more is none.
        dropout_p: as in `attention`.
        softmax_scale: as in `attention`.
        causal: as in `attention`, from the bottom right of each sequence.
        window_size: as in `attention`, by the lengths of each sequence.
        softcap: as in `attention`.
        alibi_slopes: float32 of shape (heads,) or (batch, heads), one row a sequence.
        deterministic: accepted; results and gradients are deterministic either way.
        return_attn_probs: return (out, softmax_lse, S_dmask).
        block_table: of a paged cache, which is not served.
        api: the name that errors give, where another function calls this one.

    Returns:
        out, of the shape and dtype of q; with return_attn_probs also softmax_lse of shape (heads,
        total_q), and S_dmask: without dropout an empty tensor of shape (0,), with it (batch, heads,
        max_seqlen_q, max_seqlen_k), both lengths rounded up to 128, each sequence in the corner of
        its own. Gradients flow through out only.

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
        UnsupportedError: as `attention`.

    """
    psdb.fallback(recursive=True)  # to_static runs what follows as it is, instead of tracing it
    refuse_static_graph(api)
    scoring, packing = check_arguments(
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
        block_table=block_table,
        api=api,
    )
    return compute(q, k, v, scoring, return_attn_probs, packing)


def check_arguments(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
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
    block_table: None = None,
    *,
    api: str = _API,
) -> tuple[Scoring, Packing]:
    """Check the arguments of `attention_varlen`, and return what they say.

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
    """
    check_tensors(api, q, k, v, 3)
    if block_table is not None:
        raise ArgumentError(
            api=api,
            parameter="block_table",
            given="a table of a paged cache",
            accepted="None",
            reason="keys and values in pages are not served",
            advice="Gather the keys and values of each sequence, and pass them one after the other",
        )
    queries = ("cu_seqlens_q", cu_seqlens_q, "max_seqlen_q", max_seqlen_q)
    keys = ("cu_seqlens_k", cu_seqlens_k, "max_seqlen_k", max_seqlen_k)
    packing = check_packing(api, queries, keys, q, k)
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
    return scoring, packing


def check_options(
    api: str,
    q: paddle.Tensor,
    packing: Packing,
    dropout_p: float,
    softmax_scale: float | None,
    causal: bool,
    window_size: tuple[int, int],
    softcap: float,
    alibi_slopes: paddle.Tensor | None,
) -> Scoring:
    """Check what is said of the scores of packed sequences, and return it.

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
    """
    longest = packing.queries.max_seqlen, packing.keys.max_seqlen
    softcap = check_softcap(api, softcap)
    return Scoring(
        window=check_window(api, window_size, causal, *longest),
        scale=check_scale(api, softmax_scale, q.shape[-1]),
        softcap=softcap,
        slopes=check_slopes(api, alibi_slopes, q, packing.batch),
        dropout_p=check_dropout(api, dropout_p, softcap),
        api=api,
    )
