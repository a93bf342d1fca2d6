"""Distributions of transformed random variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.independent import Independent
from oarlock.distributions.parameters import sum_rightmost
from oarlock.distributions.transforms import ComposeTransform, Transform


class TransformedDistribution(Distribution):
    """What transforms, one or a list of them, make of samples of ``base_distribution``."""

    arg_constraints: Any = {}

    def __init__(
        self, base_distribution: Any, transforms: Any, validate_args: bool | None = None
    ) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        own = len(base_distribution.event_shape)
        whole = ComposeTransform(self.transforms)
        taken, given = whole.domain.event_dim, whole.codomain.event_dim
        if len(base_shape) < taken:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {taken}, but got {base_shape}."
            )
        shape = whole.forward_shape(base_shape)
        needed = whole.inverse_shape(shape)
        if needed != base_shape:
            base_distribution = base_distribution.expand(needed[: len(needed) - own])
        if taken > own:
            base_distribution = Independent(base_distribution, taken - own)
        self.base_dist = base_distribution
        cut = len(shape) - max(given, own + given - taken)
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        home = next(
            kind
            for kind in type(self).__mro__
            if kind is TransformedDistribution or "_expandable" in kind.__dict__
        )
        new = self._get_checked_instance(home, _instance)
        batch = torch.Size(batch_shape)
        for name in self._expandable:
            new.__dict__[name] = self.__dict__[name].expand(batch)
        shape = batch + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        base = shape[: len(shape) - len(self.base_dist.event_shape)]
        new.base_dist = self.base_dist.expand(base)
        new.transforms = self.transforms
        Distribution.__init__(new, batch, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        region = self.transforms[-1].codomain
        more = len(self.event_shape) - region.event_dim
        return constraints.independent(region, more) if more > 0 else region

    if TYPE_CHECKING:
        has_rsample: Any
    else:

        @property
        def has_rsample(self) -> Any:
            return self.base_dist.has_rsample

    def _mapped(self, value: Any) -> Any:
        for transform in self.transforms:
            value = transform(value)
        return value

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            return self._mapped(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._mapped(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        dims, result = len(self.event_shape), 0.0
        for transform in reversed(self.transforms):
            before = transform.inv(value)
            own = transform.domain.event_dim
            dims += own - transform.codomain.event_dim
            term = transform.log_abs_det_jacobian(before, value)
            result = result - sum_rightmost(term, dims - own)
            value = before
        base = self.base_dist.log_prob(value)
        return result + sum_rightmost(base, dims - len(self.base_dist.event_shape))

    def _turned(self, value: Any) -> Any:
        """A probability, or the rest to 1 where the transforms decrease."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._mapped(self.base_dist.icdf(self._turned(value)))
