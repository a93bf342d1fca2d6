"""The LKJ distribution of correlation matrices, by their Cholesky factors."""

from __future__ import annotations

from math import log, pi
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.beta import Beta
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.parameters import broadcast_all


class LKJCholesky(Distribution):
    """Cholesky factors of ``dim`` x ``dim`` correlation matrices M with a density proportional to det(M)**(concentration - 1).

    By the onion method of D. Lewandowski, D. Kurowicka and H. Joe (2009).
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _expandable = ("concentration",)

    def __init__(
        self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        kind = {"dtype": self.concentration.dtype, "device": self.concentration.device}
        rows = torch.cat([torch.zeros(1, **kind), torch.arange(dim - 1, **kind)])
        rest = (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1) - 0.5 * rows
        self._beta = Beta(rows + 0.5, rest)
        shape = self.concentration.size()
        super().__init__(shape, torch.Size((dim, dim)), validate_args)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new.dim = self.dim
        new._beta = self._beta.expand((*batch_shape, self.dim))

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            radius = self._beta.sample(sample_shape).unsqueeze(-1)
            shape = self._extended_shape(sample_shape)
            drawn = torch.randn(shape, dtype=radius.dtype, device=radius.device).tril(-1)
            # The first row is 0 and has no direction.
            length = drawn.norm(dim=-1, keepdim=True)
            direction = torch.where(length > 0, drawn / length, torch.zeros_like(drawn))
            rows = torch.sqrt(radius) * direction
            tiny = torch.finfo(rows.dtype).tiny
            left = torch.clamp(1 - torch.sum(rows**2, dim=-1), min=tiny)
            return rows + torch.diag_embed(left.sqrt())

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = torch.arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        rest = self.dim - 1
        alpha = self.concentration + 0.5 * rest
        gammas = torch.mvlgamma(alpha - 0.5, rest) - torch.lgamma(alpha) * rest
        return torch.sum(order * diagonal.log(), dim=-1) - (0.5 * rest * log(pi) + gammas)
