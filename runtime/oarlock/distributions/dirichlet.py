"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.exp_family import ExponentialFamily
from oarlock.random import pathwise
from oarlock.torch.nn import functional


class Dirichlet(ExponentialFamily):
    """Vectors of probabilities with the ``concentration`` (…, K)."""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _expandable = ("concentration",)

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        above = (self.concentration - 1).clamp(min=0.0)
        inside = above / above.sum(-1, True)
        # Where none is above 1, the density is highest in a corner.
        corner = functional.one_hot(inside.argmax(dim=-1), above.shape[-1]).to(inside)
        flat = (self.concentration < 1).all(dim=-1, keepdim=True)
        return torch.where(flat, corner, inside)

    @property
    def variance(self) -> Any:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return pathwise.dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        a = self.concentration
        powers = torch.xlogy(a - 1.0, value).sum(-1)
        return powers + torch.lgamma(a.sum(-1)) - torch.lgamma(a).sum(-1)

    def entropy(self) -> Any:
        a, k = self.concentration, self.concentration.size(-1)
        total = a.sum(-1)
        normalizer = torch.lgamma(a).sum(-1) - torch.lgamma(total)
        each = ((a - 1.0) * torch.digamma(a)).sum(-1)
        return normalizer - (k - total) * torch.digamma(total) - each

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.concentration,)

    def _log_normalizer(self, x: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return x.lgamma().sum(-1) - torch.lgamma(x.sum(-1))
