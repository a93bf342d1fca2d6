"""The Wishart distribution of positive definite matrices."""

from __future__ import annotations

import warnings
from math import log
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import cholesky, constraints
from oarlock.distributions.exp_family import ExponentialFamily
from oarlock.distributions.gamma import Chi2
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.parameters import is_number

_LOG_2 = log(2)


class Wishart(ExponentialFamily):
    """Sums of the outer products of ``df`` normal vectors of mean 0; their covariance is one of three matrices.

    Args:
        df: the degrees of freedom, above the vectors' length less 1.
        covariance_matrix, precision_matrix, scale_tril: as of `MultivariateNormal`.
        validate_args: as of every distribution.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _expandable = ("df", "covariance_matrix", "precision_matrix", "scale_tril")

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        try:
            name, matrix = cholesky.one_matrix(
                covariance_matrix=covariance_matrix,
                precision_matrix=precision_matrix,
                scale_tril=scale_tril,
            )
        except ValueError as error:
            raise AssertionError(*error.args) from None
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch dimensions"
            )
        if is_number(df):
            batch = torch.Size(matrix.shape[:-2])
            self.df = torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch)
        event = matrix.shape[-2:]
        if self.df.le(event[-1] - 1).any():
            raise ValueError(
                f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}."
            )
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        if self.df.lt(event[-1]).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for "
                "ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_scale_tril = cholesky.lower_factor(name, matrix)
        self._dist_chi2 = self._diagonals()

    @property
    def arg_constraints(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def _diagonals(self) -> Any:
        factor = self._unbroadcasted_scale_tril
        steps = torch.arange(factor.shape[-1], dtype=factor.dtype, device=factor.device)
        return Chi2(df=self.df.expand(self._batch_shape).unsqueeze(-1) - steps)

    def _carry(self, new: Any, batch_shape: Any) -> None:
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        new._batch_shape = batch_shape
        new._dist_chi2 = new._diagonals()

    def _whole(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        factor = self._unbroadcasted_scale_tril
        return self._whole(factor @ factor.transpose(-2, -1))

    @lazy_property
    def precision_matrix(self) -> Any:
        factor = self._unbroadcasted_scale_tril
        unit = torch.eye(self._event_shape[-1], dtype=factor.dtype, device=factor.device)
        return self._whole(torch.cholesky_solve(unit, factor))

    def _scaled(self, factor: Any) -> Any:
        return factor.expand(self._batch_shape)[..., None, None] * self.covariance_matrix

    @property
    def mean(self) -> Any:
        return self._scaled(self.df)

    @property
    def mode(self) -> Any:
        factor = self.df - self._event_shape[-1] - 1
        return self._scaled(factor.masked_fill(factor <= 0, torch.nan))

    @property
    def variance(self) -> Any:
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.expand(self._batch_shape)[..., None, None] * (covariance.pow(2) + products)

    def _bartlett(self, sample_shape: Any) -> Any:
        """Samples by the decomposition of M. S. Bartlett (1933)."""
        n = self._event_shape[-1]
        roots = self._dist_chi2.rsample(sample_shape).sqrt()
        diagonal = roots.clamp(min=torch.finfo(roots.dtype).eps).diag_embed(dim1=-2, dim2=-1)
        shape = (*sample_shape, *self._batch_shape, n * (n - 1) // 2)
        below = torch.randn(shape, dtype=roots.dtype, device=roots.device)
        noise = torch.zeros_like(diagonal)
        rows, columns = torch.tril_indices(n, n, offset=-1)
        noise[..., rows, columns] = below
        factor = self._unbroadcasted_scale_tril @ (diagonal + noise)
        return factor @ factor.transpose(-2, -1)

    def _flags(self, each: Any) -> Any:
        dims = [-1 - i for i in range(len(self._batch_shape))]
        return each.amax(dims) if dims else each

    def rsample(self, sample_shape: Any = (), max_try_correction: Any = None) -> Any:
        """Samples whose gradient reaches the parameters; those marked are drawn again, ten times at most."""
        tries = 10 if max_try_correction is None else max_try_correction
        sample = self._bartlett(torch.Size(sample_shape))
        # torch marks the regular samples first, and the singular ones only from then on: so do its numbers.
        marked = self._flags(self.support.check(sample))
        if marked.any():
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(tries):
                again = self._bartlett(torch.Size((int(marked.sum()),)))
                sample = sample.clone()
                sample[marked] = again
                singular = self._flags(~self.support.check(again))
                still = torch.zeros_like(marked)
                still[marked] = singular
                marked = still
                if not marked.any():
                    break
        return sample

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        nu, n, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        volume = nu * (n * _LOG_2 / 2 + cholesky.log_diagonal(factor))
        trace = torch.cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(dim=-1)
        determinant = (nu - n - 1) / 2 * torch.linalg.slogdet(value).logabsdet
        return -volume - torch.mvlgamma(nu / 2, n) + determinant - trace / 2

    def entropy(self) -> Any:
        nu, n, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        volume = (n + 1) * (n * _LOG_2 / 2 + cholesky.log_diagonal(factor))
        steps = torch.arange(n, dtype=nu.dtype, device=nu.device) / 2
        slope = torch.digamma((nu / 2).unsqueeze(-1) - steps).sum(-1)
        return volume + torch.mvlgamma(nu / 2, n) - (nu - n - 1) / 2 * slope + nu * n / 2

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        n = self._event_shape[-1]
        return -self.precision_matrix / 2, (self.df - n - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        n = self._event_shape[-1]
        half = y + (n + 1) / 2
        volume = -torch.linalg.slogdet(-2 * x).logabsdet + _LOG_2 * n
        return half * volume + torch.mvlgamma(half, n)
