"""Distributions made of a categorical one: one-hot, multinomial and relaxed."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.binomial import Binomial
from oarlock.distributions.categorical import Categorical
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.parameters import broadcast_all, clamp_probs
from oarlock.distributions.transformed_distribution import TransformedDistribution
from oarlock.distributions.transforms import ExpTransform
from oarlock.torch.nn import functional


class OverCategorical(Distribution):
    """A distribution of vectors with an element for each category."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _categorical: Any

    def _over(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        self._categorical = Categorical(probs, logits)
        shape = self._categorical.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, shape, validate_args=validate_args)

    @property
    def probs(self) -> Any:
        """The probabilities of the categories."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Their logarithms."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Any:
        """The shape of the probabilities."""
        return self._categorical.param_shape


class OneHotCategorical(OverCategorical):
    """One-hot vectors with the probabilities ``probs`` (…, K), normalised, or of the ``logits``."""

    support = constraints.one_hot
    has_enumerate_support = True
    _expandable = ("_categorical",)

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._over(probs, logits, validate_args)

    @property
    def _param(self) -> Any:
        return self._categorical._param

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return self._one_hot(self.probs.argmax(dim=-1))

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def _one_hot(self, index: Any) -> Any:
        return functional.one_hot(index, self._categorical._num_events).to(self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        return self._one_hot(self._categorical.sample(torch.Size(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self) -> Any:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        n, ones = self.event_shape[0], (1,) * len(self.batch_shape)
        values = torch.eye(n, dtype=self._param.dtype, device=self._param.device)
        values = values.view((n, *ones, n))
        return values.expand((n, *self.batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose samples pass a gradient on as the probabilities would: arXiv:1308.3432."""

    has_rsample = True
    _expandable = ("_categorical",)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(OverCategorical):
    """How often each category comes in ``total_count`` draws."""

    _expandable = ("_categorical",)

    def __init__(
        self,
        total_count: int = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._over(probs, logits, validate_args)
        self._binomial = Binomial(total_count=total_count, probs=self.probs)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new.total_count = self.total_count

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        drawn = self._categorical.sample(torch.Size((self.total_count, *sample_shape)))
        counts = functional.one_hot(drawn, self.event_shape[0]).sum(0)
        return counts.type_as(self.probs)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        orders = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        # 0 log 0 counts as 0.
        logits = logits.masked_fill((value == 0) & (logits == -torch.inf), 0.0)
        return orders + (logits * value).sum(-1)

    def entropy(self) -> Any:
        n = torch.tensor(self.total_count)
        counts = self._binomial.enumerate_support(expand=False)[1:]
        mass = torch.exp(self._binomial.log_prob(counts))
        orders = (mass * torch.lgamma(counts + 1)).sum([0, -1])
        return n * self._categorical.entropy() - torch.lgamma(n + 1) + orders


class ExpRelaxedCategorical(OverCategorical):
    """The logarithm of `RelaxedOneHotCategorical`."""

    support = constraints.real_vector
    has_rsample = True
    _expandable = ("_categorical",)

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        self._over(probs, logits, validate_args)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new.temperature = self.temperature

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        drawn = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        gumbel = -(-clamp_probs(drawn).log()).log()
        scores = (self.logits + gumbel) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value: Any) -> Any:
        count = self._categorical._num_events
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        constant = torch.full_like(self.temperature, float(count)).lgamma()
        constant = constant - self.temperature.log().mul(-(count - 1))
        score = logits - value.mul(self.temperature)
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + constant


class RelaxedOneHotCategorical(TransformedDistribution):
    """Softmax of Gumbel noise on log probabilities: arXiv:1611.00712 and arXiv:1611.01144.

    Args:
        temperature: towards 0 samples become one-hot vectors.
        probs, logits: (…, K), as of `OneHotCategorical`.
        validate_args: as of every distribution.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    _expandable = ()

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def temperature(self) -> Any:
        """The temperature of the softmax."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Any:
        """Log probabilities."""
        return self.base_dist.logits

    @property
    def probs(self) -> Any:
        """Probabilities."""
        return self.base_dist.probs
