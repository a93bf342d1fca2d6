"""The continuous Bernoulli distribution."""

from __future__ import annotations

from math import log
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.exp_family import ExponentialFamily
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.odds import OfOdds
from oarlock.distributions.parameters import broadcast_all, clamp_probs, logits_to_probs
from oarlock.torch.nn import functional


class ContinuousBernoulli(OfOdds, ExponentialFamily):
    """Numbers x in [0, 1] with a density proportional to probs**x (1 - probs)**(1 - x).

    From G. Loaiza-Ganem and J. P. Cunningham (2019), arXiv:1907.06845.

    Args:
        probs, logits: the parameter, or its log odds.
        lims: between these probabilities Taylor series stand for formulas that are singular at a half.
        validate_args: as of every distribution.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _expandable = ("probs", "logits", "_param")

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._take(probs, logits)
        if probs is not None:
            unit = self.arg_constraints["probs"]
            if validate_args is not None and not unit.check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self._param = self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new._lims = self._lims

    @lazy_property
    def probs(self) -> Any:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _stable(self) -> Any:
        low, high = self._lims
        return (self.probs <= low) | (self.probs > high)

    def _cut(self) -> Any:
        """The probabilities, with a stable one where they are near a half."""
        return torch.where(self._stable(), self.probs, self._lims[0] * torch.ones_like(self.probs))

    def _cont_bern_log_norm(self) -> Any:
        cut = self._cut()
        below = cut <= 0.5
        low = torch.where(below, cut, torch.zeros_like(cut))
        high = torch.where(cut >= 0.5, cut, torch.ones_like(cut))
        odds = torch.log(torch.abs(torch.log1p(-cut) - torch.log(cut)))
        exact = odds - torch.where(below, torch.log1p(-2.0 * low), torch.log(2.0 * high - 1.0))
        square = torch.pow(self.probs - 0.5, 2)
        series = log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * square) * square
        return torch.where(self._stable(), exact, series)

    @property
    def mean(self) -> Any:
        cut = self._cut()
        exact = cut / (2.0 * cut - 1.0) + 1.0 / (torch.log1p(-cut) - torch.log(cut))
        x = self.probs - 0.5
        series = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * torch.pow(x, 2)) * x
        return torch.where(self._stable(), exact, series)

    @property
    def stddev(self) -> Any:
        return torch.sqrt(self.variance)

    @property
    def variance(self) -> Any:
        cut = self._cut()
        exact = cut * (cut - 1.0) / torch.pow(1.0 - 2.0 * cut, 2)
        exact = exact + 1.0 / torch.pow(torch.log1p(-cut) - torch.log(cut), 2)
        square = torch.pow(self.probs - 0.5, 2)
        series = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * square) * square
        return torch.where(self._stable(), exact, series)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        each = functional.binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -each + self._cont_bern_log_norm()

    def cdf(self, value: Any) -> Any:
        self._checked(value)
        cut = self._cut()
        powers = torch.pow(cut, value) * torch.pow(1.0 - cut, 1.0 - value)
        exact = (powers + cut - 1.0) / (2.0 * cut - 1.0)
        inside = torch.where(self._stable(), exact, value)
        above = torch.where(value >= 1.0, torch.ones_like(value), inside)
        return torch.where(value <= 0.0, torch.zeros_like(value), above)

    def icdf(self, value: Any) -> Any:
        cut = self._cut()
        log_q = torch.log1p(-cut)
        exact = (torch.log1p(-cut + value * (2.0 * cut - 1.0)) - log_q) / (torch.log(cut) - log_q)
        return torch.where(self._stable(), exact, value)

    def entropy(self) -> Any:
        log_q, log_p = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (log_q - log_p) - self._cont_bern_log_norm() - log_q

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        low, high = (limit - 0.5 for limit in self._lims)
        stable = (x <= low) | (x > high)
        cut = torch.where(stable, x, low * torch.ones_like(x))
        exact = torch.log(torch.abs(torch.expm1(cut))) - torch.log(torch.abs(cut))
        series = 0.5 * x + torch.pow(x, 2) / 24.0 - torch.pow(x, 4) / 2880.0
        return torch.where(stable, exact, series)
