"""Attention of k and v that are stacked in one tensor, as flash_attn_kvpacked_func."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.jit.sot import psdb

from oarlock.kernels import attention as dense
from oarlock.kernels.attention import refuse_static_graph
from oarlock.kernels.attention.arguments import check_is_tensor, check_stacked

__all__ = ["attention_kvpacked", "describe"]


def attention_kvpacked(
    q: paddle.Tensor,
    kv: paddle.Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = "flash_attn.flash_attn_kvpacked_func",
) -> Any:
    """Compute `attention` of k and v that are stacked, as flash_attn 2.8.3's function.

    Args:
        q: (batch, seqlen_q, heads, head_dim).
        kv: (batch, seqlen_k, 2, kv_heads, head_dim), of the dtype and place of q: keys and values,
            which are read where they lie. Its gradient is one tensor of its shape.
        dropout_p: as in `attention`.
        softmax_scale: as in `attention`.
        causal: as in `attention`.
        window_size: as in `attention`.
        softcap: as in `attention`.
        alibi_slopes: as in `attention`.
        deterministic: accepted; results and gradients are deterministic either way.
        return_attn_probs: return (out, softmax_lse, S_dmask).
        api: the name that errors give, where another function calls this one.

    Returns:
        What `attention` returns; out is (batch, seqlen_q, heads, head_dim).

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
        UnsupportedError: as `attention`.

    """
    psdb.fallback(recursive=True)  # to_static runs what follows as it is, instead of tracing it
    refuse_static_graph(api)
    check_is_tensor(api, "q", q)
    check_stacked(api, "kv", kv, 5, q)
    k, v = paddle.unbind(kv, 2)
    return dense.attention(
        q,
        k,
        v,
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


def describe(**arguments: Any) -> tuple[str, tuple[str, ...]]:
    """Say what would compute a call of `attention_kvpacked`: for ``explain``."""
    k, v = paddle.unbind(arguments.pop("kv"), -3)
    return dense.describe(k=k, v=v, **arguments)
