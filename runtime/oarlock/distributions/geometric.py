"""The geometric distribution."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.odds import OfOdds
from oarlock.distributions.parameters import broadcast_all
from oarlock.torch.nn import functional


class Geometric(OfOdds):
    """Failures before the first success of probability ``probs``, or of log odds ``logits``."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _expandable = ("probs", "logits", "_param")

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"of distribution {self!r} to be positive but found invalid values:\n"
                f"{value.detach()[~(value > 0)]}"
            )

    @property
    def mean(self) -> Any:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Any:
        return torch.zeros_like(self.probs)

    @property
    def variance(self) -> Any:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            drawn = torch.empty(
                self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device
            ).uniform_(torch.finfo(self.probs.dtype).tiny, 1)
            return (drawn.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        value, probs = broadcast_all(value, self.probs)
        # 0 log 0 counts as 0.
        failing = probs.masked_fill((probs == 1) & (value == 0), 0.0)
        return value * (-failing).log1p() + self.probs.log()

    def entropy(self) -> Any:
        each = functional.binary_cross_entropy_with_logits(
            self.logits, self.probs, reduction="none"
        )
        return each / self.probs
