"""The multivariate normal distribution whose covariance is a product of low rank and a diagonal."""

from __future__ import annotations

from math import log, pi
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import cholesky, constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.parameters import standard_normal


class LowRankMultivariateNormal(Distribution):
    """Normal vectors with the covariance W Wᵀ + D, for W = ``cov_factor`` (…, n, m) and D of ``cov_diag`` (…, n).

    Determinants and distances need only the Cholesky factor of the capacitance matrix I + Wᵀ D⁻¹ W, by the matrix
    determinant lemma and the identity of Woodbury.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _expandable = ("loc", "cov_factor", "cov_diag")

    def __init__(
        self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = torch.broadcast_shapes(
                loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1]
            )
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self.loc = loc.expand((*batch, -1))
        self.cov_factor = cov_factor.expand((*batch, -1, -1))
        self.cov_diag = cov_diag.expand((*batch, -1))
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = torch.linalg.cholesky(
            _plus_one(torch.matmul(self._scaled(), cov_factor))
        )
        super().__init__(batch, event, validate_args=validate_args)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new._unbroadcasted_cov_factor = self._unbroadcasted_cov_factor
        new._unbroadcasted_cov_diag = self._unbroadcasted_cov_diag
        new._capacitance_tril = self._capacitance_tril

    def _scaled(self) -> Any:
        """Wᵀ D⁻¹."""
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def _whitened(self) -> Any:
        """A, for which the precision is D⁻¹ - Aᵀ A."""
        return torch.linalg.solve_triangular(self._capacitance_tril, self._scaled(), upper=False)

    def _log_det(self) -> Any:
        half = cholesky.log_diagonal(self._capacitance_tril)
        return 2 * half + self._unbroadcasted_cov_diag.log().sum(-1)

    def _distance(self, vector: Any) -> Any:
        own = (vector.pow(2) / self._unbroadcasted_cov_diag).sum(-1)
        return own - cholesky.distance(
            self._capacitance_tril, cholesky.times(self._scaled(), vector)
        )

    def _whole(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @lazy_property
    def variance(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        squares = self._unbroadcasted_cov_factor.pow(2).sum(-1)
        total = squares + self._unbroadcasted_cov_diag
        return total.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        inner = torch.linalg.cholesky(_plus_one(torch.matmul(scaled, scaled.mT)))
        return self._whole(root * inner)

    @lazy_property
    def covariance_matrix(self) -> Any:
        factor = self._unbroadcasted_cov_factor
        diagonal = torch.diag_embed(self._unbroadcasted_cov_diag)
        return self._whole(torch.matmul(factor, factor.mT) + diagonal)

    @lazy_property
    def precision_matrix(self) -> Any:
        whitened = self._whitened()
        diagonal = torch.diag_embed(self._unbroadcasted_cov_diag.reciprocal())
        return self._whole(diagonal - whitened.mT @ whitened)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        factors = standard_normal((*shape[:-1], self.cov_factor.shape[-1]), self.loc)
        own = standard_normal(shape, self.loc)
        common = cholesky.times(self._unbroadcasted_cov_factor, factors)
        return self.loc + common + self._unbroadcasted_cov_diag.sqrt() * own

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        constant = self._event_shape[0] * log(2 * pi)
        return -0.5 * (constant + self._log_det() + self._distance(value - self.loc))

    def entropy(self) -> Any:
        constant = self._event_shape[0] * (1.0 + log(2 * pi))
        return (0.5 * (constant + self._log_det())).expand(self._batch_shape)


def _plus_one(matrix: Any) -> Any:
    return matrix + torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
