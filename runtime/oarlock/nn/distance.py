"""Distances and similarities of vectors."""

from __future__ import annotations

from typing import Any

from oarlock.nn.module import Module
from oarlock.nn.tensors import Tensor
from oarlock.torch.nn import functional as F  # noqa: N812


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last dimension of (N, D) or (D,).

    Args:
        p: of the norm.
        eps: added to the difference.
        keepdim: keep the last dimension, of size 1.
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm: Any = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle between x1 and x2 along ``dim``; norms are at least ``eps``."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
