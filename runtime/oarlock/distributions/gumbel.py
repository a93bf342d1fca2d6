"""The Gumbel distribution."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.parameters import broadcast_all, euler_constant
from oarlock.distributions.transformed_distribution import TransformedDistribution
from oarlock.distributions.transforms import AffineTransform, ExpTransform
from oarlock.distributions.uniform import Uniform


class Gumbel(TransformedDistribution):
    """Gumbel with mode ``loc`` and ``scale``: the limit of maxima."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _expandable = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        kind = torch.finfo(self.loc.dtype)
        base = Uniform(
            torch.full_like(self.loc, kind.tiny),
            torch.full_like(self.loc, 1 - kind.eps),
            validate_args=validate_args,
        )
        log = ExpTransform().inv
        minus = AffineTransform(loc=0, scale=-torch.ones_like(self.scale))
        parts = [log, minus, ExpTransform().inv, AffineTransform(loc=loc, scale=-self.scale)]
        super().__init__(base, parts, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def stddev(self) -> Any:
        return pi / sqrt(6) * self.scale

    @property
    def variance(self) -> Any:
        return self.stddev.pow(2)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    def entropy(self) -> Any:
        return self.scale.log() + (1 + euler_constant)
