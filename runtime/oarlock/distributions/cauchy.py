"""The Cauchy distribution."""

from __future__ import annotations

from math import log, pi
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.parameters import broadcast_all


class Cauchy(Distribution):
    """Cauchy with median ``loc`` and half width ``scale`` at half height; it has neither mean nor variance."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _expandable = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    def _filled(self, value: float) -> Any:
        shape = self._extended_shape()
        return torch.full(shape, value, dtype=self.loc.dtype, device=self.loc.device)

    @property
    def mean(self) -> Any:
        return self._filled(torch.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return self._filled(torch.inf)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        drawn = torch.empty(shape, dtype=self.loc.dtype, device=self.loc.device).cauchy_()
        return self.loc + drawn * self.scale

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        distance = (value - self.loc) / self.scale
        return -log(pi) - self.scale.log() - (distance**2).log1p()

    def cdf(self, value: Any) -> Any:
        self._checked(value)
        return torch.atan((value - self.loc) / self.scale) / pi + 0.5

    def icdf(self, value: Any) -> Any:
        return torch.tan(pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Any:
        return log(4 * pi) + self.scale.log()
