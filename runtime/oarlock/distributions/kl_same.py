"""Divergences of two distributions of one family."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import cholesky
from oarlock.distributions.bernoulli import Bernoulli
from oarlock.distributions.beta import Beta
from oarlock.distributions.binomial import Binomial
from oarlock.distributions.categorical import Categorical
from oarlock.distributions.cauchy import Cauchy
from oarlock.distributions.continuous_bernoulli import ContinuousBernoulli
from oarlock.distributions.dirichlet import Dirichlet
from oarlock.distributions.divergences import kl_divergence, register_kl
from oarlock.distributions.exp_family import ExponentialFamily, log_normalizer_slopes
from oarlock.distributions.exponential import Exponential
from oarlock.distributions.gamma import Gamma
from oarlock.distributions.geometric import Geometric
from oarlock.distributions.gumbel import Gumbel
from oarlock.distributions.halves import HalfNormal
from oarlock.distributions.independent import Independent
from oarlock.distributions.laplace import Laplace
from oarlock.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from oarlock.distributions.multivariate_normal import MultivariateNormal
from oarlock.distributions.normal import Normal
from oarlock.distributions.over_categorical import OneHotCategorical
from oarlock.distributions.parameters import euler_constant, sum_rightmost
from oarlock.distributions.poisson import Poisson
from oarlock.distributions.powers import Pareto
from oarlock.distributions.transformed_distribution import TransformedDistribution
from oarlock.distributions.uniform import Uniform
from oarlock.torch.nn import functional


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    softplus = functional.softplus
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    ones = torch.where(q.probs == 0, torch.inf, ones)
    ones = torch.where(p.probs == 0, 0.0, ones)
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    zeros = torch.where(q.probs == 1, torch.inf, zeros)
    return ones + torch.where(p.probs == 1, 0.0, zeros)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    p1, p0, q1, q0 = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    total_p, total_q = p1 + p0, q1 + q0
    normalizers = q1.lgamma() + q0.lgamma() + total_p.lgamma()
    normalizers = normalizers - (p1.lgamma() + p0.lgamma() + total_q.lgamma())
    slopes = (p1 - q1) * torch.digamma(p1) + (p0 - q0) * torch.digamma(p0)
    return normalizers + slopes + (total_q - total_p) * torch.digamma(total_p)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    failing = (-p.probs).log1p() - (-q.probs).log1p()
    divergence = p.total_count * (p.probs * (p.logits - q.logits) + failing)
    return torch.where(p.total_count > q.total_count, torch.inf, divergence)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = torch.where(q.probs == 0, torch.inf, terms)
    return torch.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Any:
    odds = p.mean * (p.logits - q.logits)
    own = p._cont_bern_log_norm() + torch.log1p(-p.probs)
    return odds + own - q._cont_bern_log_norm() - torch.log1p(-q.probs)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    total_a, total_b = a.sum(-1), b.sum(-1)
    normalizers = total_a.lgamma() - total_b.lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    slopes = a.digamma() - total_a.digamma().unsqueeze(-1)
    return normalizers + ((a - b) * slopes).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Any:
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot "
            "be computed using Bregman divergences"
        )
    params, normalizer, slopes = log_normalizer_slopes(p)
    others = q._natural_params
    result = q._log_normalizer(*others) - normalizer
    for own, other, slope in zip(params, others, slopes, strict=True):
        result = result - sum_rightmost((other - own) * slope, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    rates = b * (p.rate / q.rate).log() + (q.rate - p.rate) * (a / p.rate)
    return rates + torch.lgamma(b) - torch.lgamma(a) + (a - b) * torch.digamma(a)


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, ours, theirs = p.scale / q.scale, p.loc / q.scale, q.loc / q.scale
    tail = torch.exp(theirs + (1 + ratio).lgamma() - ours)
    linear = -ratio.log() - theirs + ours + ratio * euler_constant
    return linear + tail - (1 + euler_constant)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale) ** 2
    distance = ((p.loc - q.loc) / q.scale) ** 2
    return 0.5 * (ratio + distance - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    near = ratio * torch.exp(-distance / p.scale)
    return -ratio.log() + distance / q.scale + near - 1


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    square = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return square.log() - (4 * p.scale * q.scale).log()


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    divergence = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return torch.where(p.scale < q.scale, torch.inf, divergence)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    ratio = ((q.high - q.low) / (p.high - p.low)).log()
    return torch.where((q.low > p.low) | (q.high < p.high), torch.inf, ratio)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


def _check_events(p: Any, q: Any, names: str) -> int:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {names} with different event shapes cannot be computed"
        )
    return p.event_shape[0]


def _squares(matrix: Any) -> Any:
    """The trace of X Xᵀ."""
    return matrix.pow(2).sum((-2, -1))


def _solved(factor: Any, right: Any) -> Any:
    batch = torch.broadcast_shapes(factor.shape[:-2], right.shape[:-2])
    factor, right = (x.expand((*batch, *x.shape[-2:])) for x in (factor, right))
    return torch.linalg.solve_triangular(factor, right, upper=False)


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate(p: Any, q: Any) -> Any:
    n = _check_events(p, q, "Multivariate Normals")
    ours, theirs = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    volumes = cholesky.log_diagonal(theirs) - cholesky.log_diagonal(ours)
    distance = cholesky.distance(theirs, q.loc - p.loc)
    return volumes + 0.5 * (_squares(_solved(theirs, ours)) + distance - n)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: Any, q: Any) -> Any:
    n = _check_events(p, q, "Low Rank Multivariate Normals")
    diag_p, diag_q = p._unbroadcasted_cov_diag, q._unbroadcasted_cov_diag
    factor, whitened = p._unbroadcasted_cov_factor, q._whitened()
    trace = (diag_p / diag_q).sum(-1) + _squares(factor * diag_q.rsqrt().unsqueeze(-1))
    trace = trace - _squares(whitened * diag_p.sqrt().unsqueeze(-2))
    trace = trace - _squares(whitened.matmul(factor))
    return 0.5 * (q._log_det() - p._log_det() + trace + q._distance(q.loc - p.loc) - n)


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _multivariate_low_rank(p: Any, q: Any) -> Any:
    n = _check_events(p, q, "(Low Rank) Multivariate Normals")
    factor = p._unbroadcasted_scale_tril
    volumes = q._log_det() - 2 * cholesky.log_diagonal(factor)
    trace = _squares(factor * q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1))
    trace = trace - _squares(q._whitened().matmul(factor))
    return 0.5 * (volumes + trace + q._distance(q.loc - p.loc) - n)


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_multivariate(p: Any, q: Any) -> Any:
    n = _check_events(p, q, "(Low Rank) Multivariate Normals")
    factor = q._unbroadcasted_scale_tril
    volumes = 2 * cholesky.log_diagonal(factor) - p._log_det()
    trace = _squares(_solved(factor, p._unbroadcasted_cov_factor))
    trace = trace + _squares(_solved(factor, torch.diag_embed(p._unbroadcasted_cov_diag.sqrt())))
    return 0.5 * (volumes + trace + cholesky.distance(factor, q.loc - p.loc) - n)
