"""Attention as a node of Paddle's graph: what it saves, and what its backward pass refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import paddle
from paddle.autograd import PyLayer

from oarlock.errors import UnsupportedError
from oarlock.kernels.attention.implementations import REFERENCE, Implementation
from oarlock.kernels.attention.packing import Packing
from oarlock.kernels.attention.place import beside
from oarlock.kernels.attention.scoring import Scoring


def attend(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    scoring: Scoring,
    with_dropout_mask: bool = False,
    packing: Packing | None = None,
    implementation: Implementation = REFERENCE,
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor | None]:
    """Compute attention; gradients flow from the first result to q, k and v.

    Args:
        q: (batch, seqlen_q, heads, head_dim), float16, bfloat16, float32 or float64.
        k: (batch, seqlen_k, kv_heads, head_dim), the dtype of q.
        v: as k.
        scoring: the rest of the arguments.
        with_dropout_mask: also return the signed probabilities.
        packing: where the sequences lie, for tensors of (total, heads, head_dim).
        implementation: what computes both passes.

    Returns:
        The output, as q; the logsumexp of the scores, (batch, heads, seqlen_q), packed (heads,
        total_q), in float32 (float64 for float64 inputs), +inf for rows that see nothing; and the
        signed probabilities or None, see `reference.forward` and `packed.forward`.

    Raises:
        UnsupportedError: in the backward pass, where it is itself to be differentiated, or where a
            tensor it needs was changed in place since. Paddle hands it on as an OSError that
            quotes the message.

    """
    if paddle.is_grad_enabled() and not (q.stop_gradient and k.stop_gradient and v.stop_gradient):
        results = _Results(with_dropout_mask)
        out = _Attention.apply(q, k, v, scoring, packing, implementation, results)
        return out, results.lse, results.signed
    with paddle.no_grad():
        return implementation.forward(q, k, v, scoring, packing, with_dropout_mask)


@dataclass
class _Results:
    """Results without a gradient: a PyLayer that returns them as marked ones is never freed."""

    with_dropout_mask: bool
    lse: Any = None
    signed: Any = None


class _Attention(PyLayer):
    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        q, k, v, scoring, packing, implementation, results = args
        out, results.lse, results.signed = implementation.forward(
            q, k, v, scoring, packing, results.with_dropout_mask
        )
        # Nor would one that saves its own output.
        saved = (q, k, v, out.detach(), results.lse)
        ctx.save_for_backward(*saved)
        ctx.versions = [x.inplace_version for x in saved]
        ctx.needs = tuple(not x.stop_gradient for x in (q, k, v))
        ctx.scoring, ctx.packing, ctx.implementation = scoring, packing, implementation
        return out

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        scoring: Scoring = ctx.scoring
        if paddle.is_grad_enabled():
            raise UnsupportedError(
                api=scoring.api,
                reason="second derivatives of attention are not available, as in flash_attn",
                advice="Call paddle.grad without create_graph=True",
            )
        saved = ctx.saved_tensor()
        names = ("q", "k", "v", "the output", "softmax_lse")
        for name, x, version in zip(names, saved, ctx.versions, strict=True):
            # A hook on saved tensors may hand back a copy, whose count starts again.
            if x.inplace_version > version:
                raise UnsupportedError(
                    api=scoring.api,
                    reason=f"{name} was changed in place after the forward pass, "
                    "which needs it as it was for the gradients",
                    advice="Change a clone of it instead",
                )
        q, k, v, out, lse = saved
        with beside(q):
            return ctx.implementation.backward(
                q, k, v, out, lse, args[0], scoring, ctx.packing, ctx.needs
            )
