"""Attention of sequences of one length, as flash_attn_func."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.jit.sot import psdb

from oarlock.kernels.attention.arguments import (
    check_dropout,
    check_scale,
    check_slopes,
    check_softcap,
    check_tensors,
    check_window,
)
from oarlock.kernels.attention.computation import compute, refuse_static_graph
from oarlock.kernels.attention.scoring import Scoring


def attention(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = "flash_attn.flash_attn_func",
) -> Any:
    """Compute softmax(softmax_scale * q @ k.T) @ v per head, as flash_attn 2.8.3's flash_attn_func.

    The scores are scaled, capped, given ALiBi's bias, masked, and then go through the softmax; see
    FlashAttention-2 (arXiv:2307.08691) and flash_attn/flash_attn_interface.py. Memory grows with
    the sequence length, not with its square. Under ``paddle.amp.auto_cast``, q, k and v are cast as
    Paddle casts the inputs of its own flash_attn operator.

    Args:
        q: (batch, seqlen_q, heads, head_dim), float16, bfloat16, float32 or float64. Half
            precision is computed in float32.
        k: (batch, seqlen_k, kv_heads, head_dim), of the dtype and place of q. heads is a multiple
            of kv_heads; query head i reads head i // (heads / kv_heads). head_dim is 256 at most.
        v: as k.
        dropout_p: probability that a probability is dropped, in [0, 1); kept ones are scaled by
            1 / (1 - dropout_p). Which ones is governed by ``paddle.seed``.
        softmax_scale: factor of the scores, by default head_dim ** -0.5.
        causal: hide the keys j > i + seqlen_k - seqlen_q (aligned to the bottom right).
        window_size: (left, right); row i sees the keys from i + seqlen_k - seqlen_q - left to
            i + seqlen_k - seqlen_q + right. A negative bound, or one >= seqlen_k, is unbounded.
        softcap: replace the scores s by softcap * tanh(s / softcap); 0 is off. Not with dropout.
        alibi_slopes: float32 of shape (heads,) or (batch, heads), without a gradient; subtracts
            slope * |i + seqlen_k - seqlen_q - j| from the scores.
        deterministic: accepted; results and gradients are deterministic either way.
        return_attn_probs: return (out, softmax_lse, S_dmask).
        api: the name that errors give, where another function calls this one.

    Returns:
        out, of the shape and dtype of q; zero for rows that see no key. With return_attn_probs also
        softmax_lse, the logsumexp of the scores: (batch, heads, seqlen_q), float32 (float64 for
        float64 inputs), +inf for rows that see no key; and S_dmask: without dropout an empty tensor
        of shape (0,) and the dtype of q; with it (batch, heads, seqlen_q, seqlen_k), both lengths
        rounded up to 128, the probability before dropout, negative where dropped. Gradients flow
        through out only.

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
        UnsupportedError: where `paddle.jit.to_static` traces the call, or in the backward pass, if
            second derivatives are asked for.

    """
    psdb.fallback(recursive=True)  # to_static runs what follows as it is, instead of tracing it
    refuse_static_graph(api)
    scoring = check_arguments(
        q, k, v, dropout_p, softmax_scale, causal, window_size, softcap, alibi_slopes, api=api
    )
    return compute(q, k, v, scoring, return_attn_probs)


def check_arguments(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: paddle.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    *,
    api: str = "flash_attn.flash_attn_func",
) -> Scoring:
    """Check the arguments of `attention`, and return what they say of the scores.

    The shim also calls it after Paddle's own function raised, to say in flash_attn's terms which
    argument is at fault.

    Raises:
        ArgumentError, ArgumentTypeError: an argument that is not accepted.
    """
    check_tensors(api, q, k, v)
    softcap = check_softcap(api, softcap)
    return Scoring(
        window=check_window(api, window_size, causal, q.shape[1], k.shape[1]),
        scale=check_scale(api, softmax_scale, q.shape[3]),
        softcap=softcap,
        slopes=check_slopes(api, alibi_slopes, q),
        dropout_p=check_dropout(api, dropout_p, softcap),
        api=api,
    )
