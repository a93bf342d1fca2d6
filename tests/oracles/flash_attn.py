"""What flash_attn's functions mean, written down densely in torch: the oracle of the doctests.

The real library needs a GPU. This follows the docstrings of flash_attn 2.8.3
(flash_attn/flash_attn_interface.py) with whole matrices and explicit masks, and shares nothing
with the runtime it judges. It computes in the dtype it is given: called with float64 it is the
expectation, called with a narrower dtype it shows what error that dtype itself brings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

# The real package has its functions under both names.
flash_attn_interface = sys.modules[__name__]

_replayed: ContextVar[torch.Tensor] = ContextVar("replayed")


@contextmanager
def replay(result: Any) -> Iterator[None]:
    """Drop in the block what the shim dropped, as its ``(out, softmax_lse, S_dmask)`` shows.

    Raises:
        ValueError: the result does not show it.
    """
    if not isinstance(result, tuple) or len(result) != 3 or not isinstance(result[2], torch.Tensor):
        raise ValueError("dropout is replayed from S_dmask: the call needs return_attn_probs=True")
    token = _replayed.set(torch.signbit(result[2]))
    try:
        yield
    finally:
        _replayed.reset(token)


def flash_attn_func(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: torch.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
) -> Any:
    """Attention of q (b, sq, h, d) on k and v (b, sk, hk, d).

    Returns:
        out (b, sq, h, d); with ``return_attn_probs`` also the logsumexp (b, h, sq), at least
        float32, and S_dmask (b, h, sq and sk rounded up to 128), empty without dropout. As
        flash_attn ignores the gradients of the last two, they carry none; nor do the slopes.

    """
    batch, seqlen_q, heads, head_dim = q.shape
    seqlen_k, kv_heads = k.shape[1], k.shape[2]
    k = k.repeat_interleave(heads // kv_heads, dim=2)
    v = v.repeat_interleave(heads // kv_heads, dim=2)

    scores = torch.einsum("bihd,bjhd->bhij", q, k)
    scores = scores * (head_dim**-0.5 if softmax_scale is None else softmax_scale)
    if softcap > 0:
        scores = softcap * torch.tanh(scores / softcap)
    # Where row i stands among the keys: the last row at the last key.
    stands = torch.arange(seqlen_q).view(-1, 1) + seqlen_k - seqlen_q
    j = torch.arange(seqlen_k).view(1, -1)
    if alibi_slopes is not None:
        slopes = alibi_slopes.detach().expand(batch, heads).view(batch, heads, 1, 1)
        slopes = slopes.to(torch.promote_types(slopes.dtype, scores.dtype))
        scores = scores + (-slopes * (stands - j).abs()).to(scores.dtype)

    # A bound as wide as the keys is none (flash_api.cpp, mha_fwd).
    left, right = (-1 if width >= seqlen_k else width for width in window_size)
    visible = torch.ones(seqlen_q, seqlen_k, dtype=torch.bool)
    if causal:
        visible &= j <= stands
    if left >= 0:
        visible &= j >= stands - left
    if right >= 0:
        visible &= j <= stands + right
    sees = visible.any(dim=1, keepdim=True)
    # A row without keys has no softmax; finite scores keep NaN out of its gradients.
    scores = scores.masked_fill(~visible, float("-inf")).masked_fill(~sees, 0.0)
    probabilities = scores.softmax(dim=-1).masked_fill(~visible, 0.0)
    lse = scores.logsumexp(dim=-1).masked_fill(~sees.view(-1), float("inf"))

    weights, s_dmask = probabilities, torch.empty(0, dtype=q.dtype)
    if dropout_p > 0:
        dropped = _replayed.get()[:, :, :seqlen_q, :seqlen_k]
        _check_rate(dropped[visible.expand_as(dropped)], dropout_p)
        weights = probabilities.masked_fill(dropped, 0.0) / (1 - dropout_p)
        signed = torch.where(dropped, -probabilities, probabilities)
        s_dmask = torch.zeros(batch, heads, -(-seqlen_q // 128) * 128, -(-seqlen_k // 128) * 128)
        s_dmask = s_dmask.to(q.dtype)
        s_dmask[:, :, :seqlen_q, :seqlen_k] = signed.detach()
    out = torch.einsum("bhij,bjhd->bihd", weights, v)
    if not return_attn_probs:
        return out
    return out, lse.detach().to(torch.promote_types(lse.dtype, torch.float32)), s_dmask


def _check_rate(dropped: torch.Tensor, dropout_p: float) -> None:
    rate = dropped.double().mean().item()
    # Five standard deviations of a fair draw, beside the 8 bits flash_attn keeps of the rate.
    allowed = 5 * (dropout_p * (1 - dropout_p) / dropped.numel()) ** 0.5 + 1 / 256
    if abs(rate - dropout_p) > allowed:
        raise ValueError(
            f"the shim dropped {rate:.3f} of the probabilities where dropout_p is {dropout_p}; "
            f"{allowed:.3f} beside it can be chance"
        )
