"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.categorical import Categorical
from oarlock.distributions.distribution import Distribution


class MixtureSameFamily(Distribution):
    """A component, the last batch dimension of one distribution, chosen by a `Categorical` one."""

    arg_constraints: Any = {}
    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Any,
        component_distribution: Any,
        validate_args: bool | None = None,
    ) -> None:
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of torch.distributions.Distribution"
            )
        chosen, batch = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(chosen), reversed(batch), strict=False):
            if a not in (1, b) and b != 1:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({chosen}) is not compatible with "
                    f"`component_distribution.batch_shape`({batch})"
                )
        count, given = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if count != given:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({given})"
            )
        self._num_component = count
        event = component_distribution.event_shape
        self._event_ndims = len(event)
        super().__init__(batch, event, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        shape = torch.Size(batch_shape)
        inner = torch.Size((*shape, self._num_component))
        new._component_distribution = self._component_distribution.expand(inner)
        new._mixture_distribution = self._mixture_distribution.expand(shape)
        new._num_component = self._num_component
        new._event_ndims = self._event_ndims
        Distribution.__init__(new, shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Any:
        """The distribution of the component's index."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components, along the last batch dimension."""
        return self._component_distribution

    def _weighed(self, values: Any) -> Any:
        """The sum over the components of their values, by their probabilities."""
        probs = self.mixture_distribution.probs
        dims = len(self.mixture_distribution.batch_shape)
        more = 0 if dims == 1 else len(self.batch_shape) - dims
        shape = probs.shape
        ones = (1,) * self._event_ndims
        probs = probs.reshape((*shape[:-1], *(1,) * more, shape[-1], *ones))
        return torch.sum(probs * values, dim=-1 - self._event_ndims)

    def _pad(self, value: Any) -> Any:
        return value.unsqueeze(-1 - self._event_ndims)

    @property
    def mean(self) -> Any:
        return self._weighed(self.component_distribution.mean)

    @property
    def variance(self) -> Any:
        components = self.component_distribution
        between = (components.mean - self._pad(self.mean)).pow(2.0)
        return self._weighed(components.variance) + self._weighed(between)

    def cdf(self, x: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        each = self.component_distribution.cdf(self._pad(x))
        return torch.sum(each * self.mixture_distribution.probs, dim=-1)

    def log_prob(self, x: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._checked(x)
        each = self.component_distribution.log_prob(self._pad(x))
        weights = torch.log_softmax(self.mixture_distribution.logits, dim=-1)
        return torch.logsumexp(each + weights, dim=-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            along = len(sample_shape) + len(self.batch_shape)
            chosen = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            event = tuple(self.event_shape)
            index = chosen.reshape((*chosen.shape, *(1,) * (len(event) + 1)))
            index = index.expand((*chosen.shape, 1, *event))
            return torch.gather(drawn, along, index).squeeze(along)

    def __repr__(self) -> str:
        inner = f"\n  {self.mixture_distribution},\n  {self.component_distribution}"
        return f"MixtureSameFamily({inner})"
