"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.gamma import Gamma
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.odds import OfOdds
from oarlock.torch.nn import functional


class NegativeBinomial(OfOdds):
    """Successes, each of probability ``probs`` or of log odds ``logits``, before ``total_count`` failures."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _expandable = ("total_count", "probs", "logits", "_param")

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.type_as(self._param)
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.total_count * torch.exp(self.logits)

    @property
    def mode(self) -> Any:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Any:
        return self.mean / torch.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self) -> Any:
        return Gamma(self.total_count, torch.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            return torch.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        n = self.total_count
        failures = n * functional.logsigmoid(-self.logits)
        successes = value * functional.logsigmoid(self.logits)
        orders = torch.lgamma(n + value) - torch.lgamma(1.0 + value) - torch.lgamma(n)
        return failures + successes + orders.masked_fill(n + value == 0.0, 0.0)
