"""Computing attention of checked arguments: casts, the implementation that serves it, the graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import paddle

from oarlock.errors import SlowPathWarning, UnsupportedError, link
from oarlock.kernels.attention.amp import autocast
from oarlock.kernels.attention.autograd import attend
from oarlock.kernels.attention.implementations import implementation_of, on_gpu
from oarlock.kernels.attention.packing import Packing
from oarlock.kernels.attention.place import beside
from oarlock.kernels.attention.scoring import Scoring
from oarlock.notices import say_once


def compute(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    scoring: Scoring,
    with_probs: bool,
    packing: Packing | None = None,
) -> Any:
    """Compute attention of checked arguments: out, or (out, softmax_lse, S_dmask).

    With ``packing`` q, k and v are (total, heads, head_dim), as in `varlen.attention_varlen`.
    """
    with beside(q):
        q, k, v = autocast(q, k, v)
        implementation, obstacle = implementation_of(q)
        if obstacle is not None and on_gpu(q):
            _warn_of_slow_path(obstacle, scoring.api)
        if scoring.dropout_p:
            scoring = replace(scoring, seed=implementation.draw_seed())
        with_mask = bool(with_probs) and scoring.dropout_p > 0
        out, lse, signed = attend(q, k, v, scoring, with_mask, packing, implementation)
        if not with_probs:
            return out
        return out, lse, paddle.empty([0], q.dtype) if signed is None else signed


def refuse_static_graph(api: str) -> None:
    """Raise where Paddle builds a static graph.

    Raises:
        UnsupportedError: it does.
    """
    if not paddle.in_dynamic_mode():
        raise UnsupportedError(
            api=api,
            reason="a static graph can't be built from it",
            advice="Call it outside of paddle.jit.to_static(full_graph=True)",
        )


def _warn_of_slow_path(obstacle: str, api: str) -> None:
    say_once(
        "attention runs on Oarlock's reference path here, correct but slow on a GPU: "
        f"{obstacle}. {link(api)}",
        SlowPathWarning,
    )
