"""The base class of exponential families."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import oarlock.torch as torch
from oarlock.distributions.distribution import Distribution


class ExponentialFamily(Distribution):
    """Densities exp(<t(x), theta> - F(theta) + k(x)), with natural parameters theta and log normalizer F.

    A class that defines both, and the mean of k, has an entropy and a divergence by Bregman's formula: F. Nielsen and
    R. Nock (2010), "Entropies and cross-entropies of exponential families".
    """

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    # Classes set this to a value of their own.
    if TYPE_CHECKING:
        _mean_carrier_measure: Any
    else:

        @property
        def _mean_carrier_measure(self) -> Any:
            raise NotImplementedError

    def entropy(self) -> Any:
        result = -self._mean_carrier_measure
        params, normalizer, slopes = log_normalizer_slopes(self)
        result = result + normalizer
        for param, slope in zip(params, slopes, strict=True):
            result = result - (param * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return result


def log_normalizer_slopes(p: Any) -> tuple[Any, Any, Any]:
    """The natural parameters, the log normalizer at them and its gradients, all detached as torch's are."""
    params = [param.detach().requires_grad_() for param in p._natural_params]
    with torch.enable_grad():
        normalizer = p._log_normalizer(*params)
        slopes = torch.autograd.grad(normalizer.sum(), params)
    return [param.detach() for param in params], normalizer.detach(), slopes
