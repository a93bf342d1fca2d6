"""The generalized Pareto distribution."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.parameters import broadcast_all


class GeneralizedPareto(Distribution):
    """Excesses over ``loc`` with ``scale`` and the tail's ``concentration``; exponential where that is 0."""

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _expandable = ("loc", "scale", "concentration")

    def __init__(
        self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        return constraints.interval(
            self.loc, torch.where(self.concentration < 0, end, torch.full_like(end, torch.inf))
        )

    def _tail(self) -> tuple[Any, Any]:
        """Where the concentration is 0, and it with 1 there."""
        zero = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return zero, torch.where(zero, torch.ones_like(self.concentration), self.concentration)

    @property
    def mean(self) -> Any:
        finite = self.concentration < 1
        tail = torch.where(finite, self.concentration, 0.5)
        return torch.where(finite, self.loc + self.scale / (1 - tail), torch.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        finite = self.concentration < 0.5
        tail = torch.where(finite, self.concentration, 0.25)
        return torch.where(finite, self.scale**2 / ((1 - tail) ** 2 * (1 - 2 * tail)), torch.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        z = (value - self.loc) / self.scale
        zero, tail = self._tail()
        power = 1 / tail + torch.ones_like(z)
        decay = torch.where(power == 0, power, power * torch.log1p(tail * z))
        return -self.scale.log() - torch.where(zero, z, decay)

    def log_survival_function(self, value: Any) -> Any:
        """The logarithm of the probability of a sample above ``value``."""
        self._checked(value)
        z = (value - self.loc) / self.scale
        zero, tail = self._tail()
        return torch.where(zero, -z, -torch.log1p(tail * z) / tail)

    def log_cdf(self, value: Any) -> Any:
        """The logarithm of `cdf`."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Any) -> Any:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Any) -> Any:
        zero, tail = self._tail()
        log_above = torch.log1p(-value)
        general = self.loc + self.scale / tail * torch.expm1(-tail * log_above)
        return torch.where(zero, self.loc - self.scale * log_above, general)

    def entropy(self) -> Any:
        return torch.log(self.scale) + self.concentration + 1
