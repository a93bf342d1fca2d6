"""Distributions of a probability, given as such or as its log odds."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.parameters import (
    broadcast_all,
    logits_to_probs,
    one_of,
    probs_to_logits,
)


class OfOdds(Distribution):
    """What the distributions of a probability share: the parameters ``probs`` and ``logits``."""

    def _take(self, probs: Any, logits: Any, *others: Any) -> tuple[Any, ...]:
        """Keep the one that is given, of one shape with other parameters, which are returned."""
        name = one_of(probs=probs, logits=logits)
        *rest, given = broadcast_all(*others, probs if name == "probs" else logits)
        setattr(self, name, given)
        self._param = given
        return tuple(rest)

    @lazy_property
    def logits(self) -> Any:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Any:
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Any:
        """The shape of the probabilities."""
        return self._param.size()


def counting(count: int, batch_shape: Any, like: Any, expand: bool) -> Any:
    """The numbers from 0 to ``count`` along the first dimension, before a batch's dimensions."""
    values = torch.arange(count + 1, dtype=like.dtype, device=like.device)
    values = values.view((-1, *(1 for _ in batch_shape)))
    return values.expand((-1, *batch_shape)) if expand else values
