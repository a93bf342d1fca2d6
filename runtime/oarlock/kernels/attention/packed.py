"""Exact attention of sequences of different lengths that lie one after the other in one tensor.

Sequences that follow each other with the same lengths are a dense batch, which `reference`
computes; each is aligned, masked and biased by its own lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import paddle

from oarlock.kernels.attention import reference
from oarlock.kernels.attention.blocks import Window
from oarlock.kernels.attention.packing import Packing, Run
from oarlock.kernels.attention.scoring import Scoring


def forward(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    scoring: Scoring,
    packing: Packing,
    with_dropout_mask: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor | None]:
    """Compute output and logsumexp, to be called without gradients.

    Args:
        q: (total_q, heads, head_dim), float16, bfloat16, float32 or float64.
        k: (total_k, kv_heads, head_dim), the dtype of q.
        v: as k.
        scoring: the rest of the arguments. Its window has the lengths of the longest sequences;
            slopes of two dimensions have one row a sequence.
        packing: where the sequences lie.
        with_dropout_mask: also return the signed probabilities.

    Returns:
        The output, as q; the logsumexp of the scores, (heads, total_q) in float32 (float64 for
        float64 inputs), +inf for rows that see nothing; and the signed probabilities of
        `reference.forward` or None, of shape (batch, heads, max_seqlen_q, max_seqlen_k), both
        lengths rounded up to 128.

    """
    total_q, heads, _ = q.shape
    out = paddle.zeros_like(q)
    dtype = paddle.float64 if q.dtype == paddle.float64 else paddle.float32
    lse = paddle.full([heads, total_q], float("inf"), dtype)
    signed = None
    if with_dropout_mask:
        lengths = [packing.queries.max_seqlen, packing.keys.max_seqlen]
        rounded = [-(-n // 128) * 128 for n in lengths]
        signed = paddle.zeros([packing.batch, heads, *rounded], q.dtype)
    for run, scores in _runs(packing, scoring, k.shape[1]):
        out_run, lse_run, signed_run = reference.forward(
            _dense(q, run.rows, run),
            _dense(k, run.keys, run),
            _dense(v, run.keys, run),
            scores,
            with_dropout_mask,
        )
        out[run.rows] = out_run.reshape([-1, *out.shape[1:]])
        lse[:, run.rows] = lse_run.transpose([1, 0, 2]).reshape([heads, -1])
        if signed is not None and signed_run is not None:
            rows, keys = signed_run.shape[2:]
            signed[run.sequences, :, :rows, :keys] = signed_run
    return out, lse, signed


def backward(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    out: paddle.Tensor,
    lse: paddle.Tensor,
    grad_out: paddle.Tensor,
    scoring: Scoring,
    packing: Packing,
    needs: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[paddle.Tensor | None, paddle.Tensor | None, paddle.Tensor | None]:
    """Return the gradients of q, k and v, each like its tensor, None where not needed.

    ``out`` and ``lse`` are what `forward` returned for the same ``scoring`` and ``packing``.
    """
    dq, dk, dv = grads = [
        paddle.zeros_like(x) if need else None for x, need in zip((q, k, v), needs, strict=True)
    ]
    heads = q.shape[1]
    for run, scores in _runs(packing, scoring, k.shape[1]):
        places = (run.rows, run.keys, run.keys)
        lse_run = lse[:, run.rows].reshape([heads, run.size, run.seqlen_q]).transpose([1, 0, 2])
        parts = reference.backward(
            _dense(q, run.rows, run),
            _dense(k, run.keys, run),
            _dense(v, run.keys, run),
            _dense(out, run.rows, run),
            lse_run,
            _dense(grad_out, run.rows, run),
            scores,
            needs,
        )
        for grad, part, place in zip(grads, parts, places, strict=True):
            if grad is not None and part is not None:
                grad[place] = part.reshape([-1, *grad.shape[1:]])
    return dq, dk, dv


def _runs(packing: Packing, scoring: Scoring, kv_heads: int) -> Iterator[tuple[Run, Scoring]]:
    """Yield the runs that have rows and keys, with what is to be known of their scores."""
    window, slopes = scoring.window, scoring.slopes
    for run in packing.runs():
        if not (run.seqlen_q and run.seqlen_k):
            continue
        own = slopes[run.sequences] if slopes is not None and slopes.ndim == 2 else slopes
        yield (
            run,
            replace(
                scoring,
                # Bounds are compared with max_seqlen_k alone, as in csrc/flash_attn/flash_api.cpp.
                window=Window(run.seqlen_q, run.seqlen_k, window.left, window.right),
                slopes=own,
                # Blocks draw by their index, which counts the rows of each key/value head.
                seed=scoring.seed + kv_heads * run.rows.start,
            ),
        )


def _dense(x: paddle.Tensor, place: slice, run: Run) -> paddle.Tensor:
    return x[place].reshape([run.size, -1, *x.shape[1:]])
