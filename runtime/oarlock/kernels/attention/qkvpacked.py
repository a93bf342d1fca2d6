"""Attention of q, k and v that are stacked in one tensor, as flash_attn_qkvpacked_func."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.jit.sot import psdb

from oarlock.kernels import attention as dense
from oarlock.kernels.attention import refuse_static_graph
from oarlock.kernels.attention.arguments import check_stacked
from oarlock.kernels.attention.scoring import Scoring

__all__ = ["attention_qkvpacked", "check_arguments", "describe"]

_API = "flash_attn.flash_attn_qkvpacked_func"


def attention_qkvpacked(
    qkv: paddle.Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = _API,
) -> Any:
    """Compute `attention` of q, k and v that are stacked, as flash_attn 2.8.3's function.

    Args:
        qkv: (batch, seqlen, 3, heads, head_dim): queries, keys and values, which are read where
            they lie. Its gradient is one tensor of its shape.
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
        What `attention` returns; out is (batch, seqlen, heads, head_dim).

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
        UnsupportedError: as `attention`.

    """
    psdb.fallback(recursive=True)  # to_static runs what follows as it is, instead of tracing it
    refuse_static_graph(api)
    check_stacked(api, "qkv", qkv, 5)
    q, k, v = paddle.unbind(qkv, 2)
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


def check_arguments(
    qkv: paddle.Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = _API,
) -> Scoring:
    """Check the arguments of `attention_qkvpacked`, and return what they say of the scores.

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
    """
    check_stacked(api, "qkv", qkv, 5)
    q, k, v = paddle.unbind(qkv, 2)
    return dense.check_arguments(
        q,
        k,
        v,
        dropout_p,
        softmax_scale,
        causal,
        window_size,
        softcap,
        alibi_slopes,
        api=api,
    )


def describe(**arguments: Any) -> tuple[str, tuple[str, ...]]:
    """Say what would compute a call of `attention_qkvpacked`: for ``explain``."""
    q, k, v = paddle.unbind(arguments.pop("qkv"), -3)
    return dense.describe(q=q, k=k, v=v, **arguments)
