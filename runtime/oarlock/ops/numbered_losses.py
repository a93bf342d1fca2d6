"""The losses directly under torch, whose reduction is a number: 0 for none, 1 for the mean, 2 for the sum."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.ops import loss

_NAMES = ("none", "mean", "sum")


def _name(reduction: Any) -> str:
    return _NAMES[reduction] if reduction in (0, 1, 2) else str(reduction)


def numbered_bce_with_logits(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None = None,
    pos_weight: paddle.Tensor | None = None,
    reduction: int = 1,
) -> paddle.Tensor:
    """As loss.binary_cross_entropy_with_logits."""
    return loss.binary_cross_entropy_with_logits(
        input, target, weight, None, None, _name(reduction), pos_weight
    )


def numbered_cosine_embedding_loss(
    input1: paddle.Tensor,
    input2: paddle.Tensor,
    target: paddle.Tensor,
    margin: float = 0.0,
    reduction: int = 1,
) -> paddle.Tensor:
    """As loss.cosine_embedding_loss."""
    return loss.cosine_embedding_loss(input1, input2, target, margin, reduction=_name(reduction))


def numbered_hinge_embedding_loss(
    input: paddle.Tensor, target: paddle.Tensor, margin: float = 1.0, reduction: int = 1
) -> paddle.Tensor:
    """As loss.hinge_embedding_loss."""
    return loss.hinge_embedding_loss(input, target, margin, reduction=_name(reduction))


def numbered_margin_ranking_loss(
    input1: paddle.Tensor,
    input2: paddle.Tensor,
    target: paddle.Tensor,
    margin: float = 0.0,
    reduction: int = 1,
) -> paddle.Tensor:
    """As loss.margin_ranking_loss."""
    return loss.margin_ranking_loss(input1, input2, target, margin, reduction=_name(reduction))


def numbered_triplet_margin_loss(
    anchor: paddle.Tensor,
    positive: paddle.Tensor,
    negative: paddle.Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 1,
) -> paddle.Tensor:
    """As loss.triplet_margin_loss."""
    return loss.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_name(reduction)
    )
