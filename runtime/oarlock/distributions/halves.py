"""Distributions of absolute values: half-normal and half-Cauchy."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.cauchy import Cauchy
from oarlock.distributions.normal import Normal
from oarlock.distributions.transformed_distribution import TransformedDistribution
from oarlock.distributions.transforms import AbsTransform


class _Half(TransformedDistribution):
    """The absolute value of a number whose distribution is symmetric about 0."""

    arg_constraints: Any = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    @property
    def scale(self) -> Any:
        """The scale of the whole distribution."""
        return self.base_dist.scale

    @property
    def mode(self) -> Any:
        return torch.zeros_like(self.scale)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        return torch.where(value >= 0, self.base_dist.log_prob(value) + log(2), -torch.inf)

    def cdf(self, value: Any) -> Any:
        self._checked(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - log(2)


class HalfNormal(_Half):
    """The absolute value of a normal number with mean 0 and standard deviation ``scale``."""

    _expandable = ()

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.scale * sqrt(2 / pi)

    @property
    def variance(self) -> Any:
        return self.scale.pow(2) * (1 - 2 / pi)


class HalfCauchy(_Half):
    """The absolute value of a Cauchy number about 0 with ``scale``."""

    _expandable = ()

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        base = Cauchy(0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return torch.full_like(self.scale, torch.inf)

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def log_prob(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) and not self._validate_args:
            value = torch.as_tensor(value, dtype=self.scale.dtype, device=self.scale.device)
        return super().log_prob(value)
