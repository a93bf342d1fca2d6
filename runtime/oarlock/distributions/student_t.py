"""Student's t distribution."""

from __future__ import annotations

from math import lgamma, log, pi
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.gamma import Chi2
from oarlock.distributions.parameters import broadcast_all, standard_normal


class StudentT(Distribution):
    """Student's t with ``df`` degrees of freedom, stretched by ``scale`` and moved by ``loc``."""

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True
    _expandable = ("df", "loc", "scale", "_chi2")

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.size(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc.masked_fill(self.df <= 1, torch.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        finite = self.df > 2
        df = torch.where(finite, self.df, torch.full_like(self.df, 3.0))
        variance = self.scale.pow(2) * df / (df - 2)
        variance = variance.masked_fill(~finite, torch.inf)
        return variance.masked_fill(self.df <= 1, torch.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn = standard_normal(self._extended_shape(sample_shape), self.df)
        spread = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * (drawn * torch.rsqrt(spread / self.df))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        y, df = (value - self.loc) / self.scale, self.df
        normalizer = self.scale.log() + 0.5 * df.log() + 0.5 * log(pi)
        normalizer = normalizer + torch.lgamma(0.5 * df) - torch.lgamma(0.5 * (df + 1.0))
        return -0.5 * (df + 1.0) * torch.log1p(y**2.0 / df) - normalizer

    def entropy(self) -> Any:
        df, half, next_half = self.df, 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = torch.lgamma(half) + lgamma(0.5) - torch.lgamma(next_half)
        slopes = torch.digamma(next_half) - torch.digamma(half)
        return self.scale.log() + 0.5 * (df + 1) * slopes + 0.5 * df.log() + log_beta
