"""The multivariate normal distribution."""

from __future__ import annotations

from math import log, pi
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import cholesky, constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.parameters import standard_normal


class MultivariateNormal(Distribution):
    """Normal vectors with mean ``loc`` (…, n) and one of three matrices (…, n, n).

    Args:
        loc: the mean.
        covariance_matrix: positive definite.
        precision_matrix: the inverse of the covariance.
        scale_tril: its lower Cholesky factor, which saves the factorisation.
        validate_args: as of every distribution.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _expandable = ("loc", "covariance_matrix", "precision_matrix", "scale_tril")

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = cholesky.one_matrix(
            covariance_matrix=covariance_matrix,
            precision_matrix=precision_matrix,
            scale_tril=scale_tril,
        )
        if matrix.dim() < 2:
            shown = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(
                f"{shown} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = cholesky.lower_factor(name, matrix)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril

    def _whole(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        factor = self._unbroadcasted_scale_tril
        return self._whole(torch.matmul(factor, factor.mT))

    @lazy_property
    def precision_matrix(self) -> Any:
        return self._whole(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        squares = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return squares.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + cholesky.times(self._unbroadcasted_scale_tril, drawn)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        factor = self._unbroadcasted_scale_tril
        distance = cholesky.distance(factor, value - self.loc)
        constant = self._event_shape[0] * log(2 * pi)
        return -0.5 * (constant + distance) - cholesky.log_diagonal(factor)

    def entropy(self) -> Any:
        half = cholesky.log_diagonal(self._unbroadcasted_scale_tril)
        return (0.5 * self._event_shape[0] * (1.0 + log(2 * pi)) + half).expand(self._batch_shape)
