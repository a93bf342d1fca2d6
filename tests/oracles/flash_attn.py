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
from itertools import pairwise
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
    options = (dropout_p, softmax_scale, causal, window_size, softcap)
    dropped = _replayed.get() if dropout_p > 0 else None
    out, lse, signed, seen = _attention(q, k, v, k.shape[1], *options, alibi_slopes, dropped)
    if not return_attn_probs:
        return out
    return out, lse, _s_dmask([signed], [seen], q.shape[1], k.shape[1], dropout_p)


def flash_attn_varlen_func(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    cu_seqlens_q: torch.Tensor,
    cu_seqlens_k: torch.Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    alibi_slopes: torch.Tensor | None = None,
    deterministic: bool = False,
    return_attn_probs: bool = False,
    block_table: torch.Tensor | None = None,
) -> Any:
    """Attention of sequences: rows of q (total_q, h, d) on those of k and v (total_k, hk, d).

    Sequence b has the rows from ``cu_seqlens_q[b]`` to ``cu_seqlens_q[b + 1]``. With a block_table
    (b, pages) its keys are the first ones of those pages of k and v (page, page size, hk, d).

    Returns:
        out (total_q, h, d); with ``return_attn_probs`` also the logsumexp (h, total_q) and S_dmask
        (b, h, max_seqlen_q and max_seqlen_k rounded up to 128), empty without dropout.

    """
    starts_q, starts_k = cu_seqlens_q.tolist(), cu_seqlens_k.tolist()
    if block_table is not None:
        lengths = [stop - start for start, stop in pairwise(starts_k)]
        k, v = (_without_pages(x, block_table, lengths) for x in (k, v))
    batch, heads = len(starts_q) - 1, q.shape[1]
    slopes = None if alibi_slopes is None else alibi_slopes.expand(batch, heads)
    options = (dropout_p, softmax_scale, causal, window_size, softcap)
    outs, lses, signed, seen = [], [], [], []
    for b in range(batch):
        rows, keys = slice(*starts_q[b : b + 2]), slice(*starts_k[b : b + 2])
        parts = q[None, rows], k[None, keys], v[None, keys]
        own = None if slopes is None else slopes[b : b + 1]
        shown = _replayed.get()[b : b + 1] if dropout_p > 0 else None
        results = _attention(*parts, max_seqlen_k, *options, own, shown)
        outs.append(results[0].squeeze(0))
        lses.append(results[1].squeeze(0))
        signed.append(results[2])
        seen.append(results[3])
    out = torch.cat(outs)
    if not return_attn_probs:
        return out
    s_dmask = _s_dmask(signed, seen, max_seqlen_q, max_seqlen_k, dropout_p)
    return out, torch.cat(lses, dim=1), s_dmask


def flash_attn_qkvpacked_func(qkv: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Attention of qkv (b, s, 3, h, d)."""
    q, k, v = qkv.unbind(2)
    return flash_attn_func(q, k, v, *args, **kwargs)


def flash_attn_kvpacked_func(q: torch.Tensor, kv: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """Attention of q (b, sq, h, d) on kv (b, sk, 2, hk, d)."""
    k, v = kv.unbind(2)
    return flash_attn_func(q, k, v, *args, **kwargs)


def flash_attn_varlen_qkvpacked_func(
    qkv: torch.Tensor, cu_seqlens: torch.Tensor, max_seqlen: int, *args: Any, **kwargs: Any
) -> Any:
    """Attention of sequences of qkv (total, 3, h, d)."""
    q, k, v = qkv.unbind(1)
    lengths = (cu_seqlens, cu_seqlens, max_seqlen, max_seqlen)
    return flash_attn_varlen_func(q, k, v, *lengths, *args, **kwargs)


def flash_attn_varlen_kvpacked_func(
    q: torch.Tensor, kv: torch.Tensor, *args: Any, **kwargs: Any
) -> Any:
    """Attention of sequences: rows of q (total_q, h, d) on those of kv (total_k, 2, hk, d)."""
    k, v = kv.unbind(1)
    return flash_attn_varlen_func(q, k, v, *args, **kwargs)


def _without_pages(x: torch.Tensor, block_table: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    pages = zip(block_table.long(), lengths, strict=True)
    return torch.cat([x[numbers].flatten(0, 1)[:length] for numbers, length in pages])


def _attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    widest: int,
    dropout_p: float,
    softmax_scale: float | None,
    causal: bool,
    window_size: tuple[int, int],
    softcap: float,
    alibi_slopes: torch.Tensor | None,
    shown: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return out, logsumexp, probabilities with their sign, and which choices of dropout count.

    A bound of ``widest`` or more is none; ``shown`` says what to drop.
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

    # A bound as wide as the (longest) keys is none (flash_api.cpp, mha_fwd and mha_varlen_fwd).
    left, right = (-1 if width >= widest else width for width in window_size)
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

    weights, signed = probabilities, probabilities
    seen = torch.empty(0, dtype=torch.bool)
    if shown is not None:
        dropped = shown[:, :, :seqlen_q, :seqlen_k]
        seen = dropped[visible.expand_as(dropped)]
        weights = probabilities.masked_fill(dropped, 0.0) / (1 - dropout_p)
        signed = torch.where(dropped, -probabilities, probabilities)
    out = torch.einsum("bhij,bjhd->bihd", weights, v)
    lse = lse.detach().to(torch.promote_types(lse.dtype, torch.float32))
    return out, lse, signed.detach(), seen


def _s_dmask(
    signed: list[torch.Tensor],
    seen: list[torch.Tensor],
    seqlen_q: int,
    seqlen_k: int,
    dropout_p: float,
) -> torch.Tensor:
    if not dropout_p:
        return torch.empty(0, dtype=signed[0].dtype)
    _check_rate(torch.cat(seen), dropout_p)
    batch, heads = sum(len(x) for x in signed), signed[0].shape[1]
    s_dmask = torch.zeros(batch, heads, -(-seqlen_q // 128) * 128, -(-seqlen_k // 128) * 128)
    s_dmask = s_dmask.to(signed[0].dtype)
    first = 0
    for x in signed:
        s_dmask[first : first + len(x), :, : x.shape[2], : x.shape[3]] = x
        first += len(x)
    return s_dmask


def _check_rate(dropped: torch.Tensor, dropout_p: float) -> None:
    rate = dropped.double().mean().item()
    # Five standard deviations of a fair draw, beside the 8 bits flash_attn keeps of the rate.
    allowed = 5 * (dropout_p * (1 - dropout_p) / dropped.numel()) ** 0.5 + 1 / 256
    if abs(rate - dropout_p) > allowed:
        raise ValueError(
            f"the shim dropped {rate:.3f} of the probabilities where dropout_p is {dropout_p}; "
            f"{allowed:.3f} beside it can be chance"
        )
