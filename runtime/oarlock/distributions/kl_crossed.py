"""Divergences of distributions of two families: the entropy of p, and the expectation of log q under p."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import oarlock.torch as torch
from oarlock.distributions.bernoulli import Bernoulli
from oarlock.distributions.beta import Beta
from oarlock.distributions.binomial import Binomial
from oarlock.distributions.continuous_bernoulli import ContinuousBernoulli
from oarlock.distributions.divergences import register_kl
from oarlock.distributions.exponential import Exponential
from oarlock.distributions.gamma import Gamma
from oarlock.distributions.gumbel import Gumbel
from oarlock.distributions.laplace import Laplace
from oarlock.distributions.normal import Normal
from oarlock.distributions.parameters import euler_constant
from oarlock.distributions.poisson import Poisson
from oarlock.distributions.powers import Pareto
from oarlock.distributions.uniform import Uniform

# Where p has mass outside the support of q: by p, its parameter that gives the shape, and the classes of q.
_INFINITE = (
    (Beta, "concentration1", (Pareto,)),
    (ContinuousBernoulli, "probs", (Pareto,)),
    (Exponential, "rate", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gamma, "concentration", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gumbel, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Normal, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, "scale", (Beta, ContinuousBernoulli, Uniform)),
    (Poisson, "rate", (Bernoulli, Binomial)),
)


def _infinite(name: str) -> Any:
    return lambda p, q: torch.full_like(getattr(p, name), torch.inf)


for _p, _name, _others in _INFINITE:
    for _q in _others:
        register_kl(_p, _q)(_infinite(_name))


def _x_log_x(x: Any) -> Any:
    return torch.special.xlogy(x, x)


def _gamma_normalizer(q: Any) -> Any:
    return q.concentration.lgamma() - q.concentration * q.rate.log()


def _mean_log(p: Any) -> Any:
    """The mean of log x under a uniform p."""
    width = p.high - p.low
    return (_x_log_x(p.high) - _x_log_x(p.low) - width) / width


def _under_continuous_bernoulli(p: Any, q: Any) -> Any:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


register_kl(Beta, ContinuousBernoulli)(_under_continuous_bernoulli)


@register_kl(Beta, Exponential)
def _beta_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Any:
    total = p.concentration1 + p.concentration0
    mean_log = p.concentration1.digamma() - total.digamma()
    linear = q.rate * p.concentration1 / total
    return -p.entropy() + _gamma_normalizer(q) - (q.concentration - 1) * mean_log + linear


@register_kl(Beta, Normal)
def _beta_normal(p: Any, q: Any) -> Any:
    mean, variance = p.mean, q.scale.pow(2)
    spread = mean * (1 - mean) / (p.concentration1 + p.concentration0 + 1)
    square = (spread + mean.pow(2)) * 0.5 - q.loc * mean + q.loc.pow(2) * 0.5
    return -p.entropy() + 0.5 * (variance * 2 * pi).log() + square / variance


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Any:
    divergence = -p.entropy() + (q.high - q.low).log()
    return torch.where((q.low > 0) | (q.high < 1), torch.inf, divergence)


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - torch.log(q.rate) + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p: Any, q: Any) -> Any:
    constant = 0.5 * (log(2.0 * pi) + torch.square(q.loc / q.scale)) + torch.log(q.scale)
    square = p.variance + torch.square(p.mean) - 2.0 * q.loc * p.mean
    return -p.entropy() + constant + square / (2.0 * torch.square(q.scale))


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Any:
    divergence = -p.entropy() + (q.high - q.low).log()
    # As in torch, bounds that equal those of the unit interval count as outside.
    return torch.where((q.low >= 0) | (q.high <= 1), torch.inf, divergence)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    ratio, a = q.rate / p.rate, q.concentration
    mean = -a * torch.log(ratio) + ratio + a.lgamma() + a * euler_constant
    return mean - (1 + euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Any:
    product, place = p.rate * q.scale, q.loc / q.scale
    tail = torch.exp(place) * product / (product + 1)
    return product.log() - 1 - place + tail + product.reciprocal()


@register_kl(Exponential, Normal)
def _exponential_normal(p: Any, q: Any) -> Any:
    variance, square = q.scale.pow(2), p.rate.pow(2)
    distance = square.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5
    return 0.5 * torch.log(square * variance * 2 * pi) - 1 + distance / variance


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Any:
    a, product, place = p.concentration, p.rate * q.scale, q.loc / q.scale
    own = (a - 1) * a.digamma() - a.lgamma() - a
    tail = torch.exp(place) * (1 + product.reciprocal()).pow(-a) - place
    return own + product.log() + a / product + tail


@register_kl(Gamma, Normal)
def _gamma_normal(p: Any, q: Any) -> Any:
    a, variance, square = p.concentration, q.scale.pow(2), p.rate.pow(2)
    constant = 0.5 * torch.log(square * variance * 2 * pi) - a - a.lgamma()
    distance = 0.5 * (a.pow(2) + a) / square - q.loc * a / p.rate + 0.5 * q.loc.pow(2)
    return constant + (a - 1) * a.digamma() + distance / variance


@register_kl(Gumbel, Normal)
def _gumbel_normal(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    spread = (pi * ratio * 0.5).pow(2) / 3
    distance = ((p.loc + p.scale * euler_constant - q.loc) / q.scale).pow(2) * 0.5
    return -(ratio / sqrt(2 * pi)).log() + spread + distance - (euler_constant + 1)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Any, q: Any) -> Any:
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    distance = 0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)
    return -0.5 * torch.log(2 * ratio / pi) + ratio + distance / variance - 1


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Any:
    ours, theirs, ratio = p.loc / q.scale, q.loc / q.scale, (p.scale / q.scale).pow(2)
    tail = torch.exp(-ours + 0.5 * ratio + theirs)
    return -ratio.log() * 0.5 + ours - theirs + tail - 0.5 * (1 + log(2 * pi))


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    distance = p.loc - q.loc
    share = distance / p.scale
    near = sqrt(2 / pi) * p.scale * torch.exp(-0.5 * share.pow(2))
    far = distance * torch.erf(sqrt(0.5) * share)
    return -torch.log(p.scale / q.scale) + (near + far) / q.scale - 0.5 * (1 + log(0.5 * pi))


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Any:
    product = p.scale * q.rate
    mean = p.alpha * product / (p.alpha - 1)
    divergence = (p.alpha / product).log() - p.alpha.reciprocal() + mean - 1
    return torch.where(p.alpha <= 1, torch.inf, divergence)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Any:
    mean_log = p.scale.log() + p.alpha.reciprocal()
    powers = p.alpha.log() - mean_log + (1 - q.concentration) * mean_log
    linear = q.rate * p.alpha * p.scale / (p.alpha - 1)
    divergence = powers + _gamma_normalizer(q) + linear - 1
    return torch.where(p.alpha <= 1, torch.inf, divergence)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Any:
    share = p.scale / (p.alpha - 1)
    spread = p.alpha * share.pow(2) / (p.alpha - 2) + (p.alpha * share - q.loc).pow(2)
    constant = (sqrt(2 * pi) * q.scale * p.alpha / p.scale).log() - p.alpha.reciprocal()
    divergence = constant + spread / (2 * q.scale.pow(2)) - 1
    return torch.where(p.alpha <= 2, torch.inf, divergence)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    width, a, b = p.high - p.low, q.concentration1, q.concentration0
    above = _x_log_x(1 - p.high) - _x_log_x(1 - p.low) + width
    normalizer = a.lgamma() + b.lgamma() - (a + b).lgamma()
    powers = (b - 1) * above / width - (a - 1) * _mean_log(p)
    outside = (p.high > 1) | (p.low < 0)
    return torch.where(outside, torch.inf, powers + normalizer - torch.log(width))


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Any:
    # As in torch, bounds that equal those of the unit interval count as outside.
    outside = (p.high >= 1) | (p.low <= 0)
    return torch.where(outside, torch.inf, _under_continuous_bernoulli(p, q))


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    divergence = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return torch.where(p.low < 0, torch.inf, divergence)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Any:
    powers = _gamma_normalizer(q) + (1 - q.concentration) * _mean_log(p)
    divergence = -(p.high - p.low).log() + powers + q.rate * (p.high + p.low) / 2
    return torch.where(p.low < 0, torch.inf, divergence)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Any:
    share = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return share.log() + 0.5 * (high + low) - share * (torch.exp(-high) - torch.exp(-low))


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Any:
    width = p.high - p.low
    square = width.pow(2) / 12 + ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return (sqrt(pi * 2) * q.scale / width).log() + 0.5 * square / q.scale.pow(2)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    normalizer = (q.alpha * q.scale.pow(q.alpha) * (p.high - p.low)).log()
    divergence = _mean_log(p) * (q.alpha + 1) - normalizer
    return torch.where(p.low < q.scale, torch.inf, divergence)
