"""Every distribution beside torch's: draws from one seed, densities, moments, gradients, expand, repr and errors."""

import inspect
import warnings

import pytest
import torch

import oarlock.torch as oarlock_torch

SIDES = (torch, oarlock_torch)
# How each is made of a (2, 3) batch: x is real, a and b are positive, p is a probability.
MADE = {
    "Bernoulli": "d.Bernoulli(p)",
    "Bernoulli logits": "d.Bernoulli(logits=x)",
    "Beta": "d.Beta(a, b)",
    "Binomial": "d.Binomial(7, p)",
    "Binomial logits": "d.Binomial(7, logits=x)",
    "Cauchy": "d.Cauchy(x, a)",
    "Chi2": "d.Chi2(a)",
    "ContinuousBernoulli": "d.ContinuousBernoulli(p)",
    "ContinuousBernoulli logits": "d.ContinuousBernoulli(logits=0.001 * x)",
    "Dirichlet": "d.Dirichlet(a)",
    "Exponential": "d.Exponential(a)",
    "FisherSnedecor": "d.FisherSnedecor(a, b)",
    "Gamma": "d.Gamma(a, b)",
    "Gamma of constant shape": "d.Gamma(a.detach(), b)",
    "GeneralizedPareto": "d.GeneralizedPareto(x, a, p - 0.2)",
    "Geometric": "d.Geometric(p)",
    "Geometric logits": "d.Geometric(logits=x)",
    "Gumbel": "d.Gumbel(x, a)",
    "HalfCauchy": "d.HalfCauchy(a)",
    "HalfNormal": "d.HalfNormal(a)",
    "Independent": "d.Independent(d.Laplace(x, a), 1)",
    "InverseGamma": "d.InverseGamma(a, b)",
    "Kumaraswamy": "d.Kumaraswamy(a, b)",
    "LKJCholesky": "d.LKJCholesky(3, a)",
    "Laplace": "d.Laplace(x, a)",
    "LogNormal": "d.LogNormal(x, a)",
    "LogisticNormal": "d.LogisticNormal(x, a)",
    "LowRankMultivariateNormal": "d.LowRankMultivariateNormal(x, w, a)",
    "MixtureSameFamily": "d.MixtureSameFamily(d.Categorical(logits=x), d.Normal(x, a))",
    "MixtureSameFamily of vectors": (
        "d.MixtureSameFamily(d.Categorical(a[:, 0]), d.Independent(d.Normal(x, a), 1))"
    ),
    "Multinomial": "d.Multinomial(9, a)",
    "Multinomial logits": "d.Multinomial(9, logits=x)",
    "MultivariateNormal": "d.MultivariateNormal(x, w @ w.mT + t.eye(3, dtype=w.dtype))",
    "MultivariateNormal precision": (
        "d.MultivariateNormal(x, precision_matrix=w @ w.mT + t.eye(3, dtype=w.dtype))"
    ),
    "MultivariateNormal factor": "d.MultivariateNormal(x, scale_tril=t.eye(3, dtype=w.dtype) + t.tril(w @ w.mT, -1))",
    "NegativeBinomial": "d.NegativeBinomial(4, p)",
    "NegativeBinomial logits": "d.NegativeBinomial(a, logits=x)",
    "Normal": "d.Normal(x, a)",
    "OneHotCategorical": "d.OneHotCategorical(a)",
    "OneHotCategoricalStraightThrough": "d.OneHotCategoricalStraightThrough(logits=x)",
    "Pareto": "d.Pareto(a, b)",
    "Poisson": "d.Poisson(a)",
    "RelaxedBernoulli": "d.RelaxedBernoulli(t.tensor(0.7), p)",
    "RelaxedOneHotCategorical": "d.RelaxedOneHotCategorical(t.tensor(0.7), logits=x)",
    "StudentT": "d.StudentT(a, x, b)",
    "TransformedDistribution": "d.TransformedDistribution(d.Normal(x, a), [d.TanhTransform()])",
    "Uniform": "d.Uniform(x, x + a)",
    "VonMises": "d.VonMises(x, a)",
    "Weibull": "d.Weibull(a, b)",
    "Wishart": "d.Wishart(4.5 + p[:, 0], w @ w.mT + t.eye(3, dtype=w.dtype))",
}
# torch compares its parameters with a number of float32.
SINGLE = ("GeneralizedPareto",)
NAMES = ("mean", "mode", "variance", "stddev")


def _inputs(side, dtype="float64"):
    values = torch.Generator().manual_seed(7)
    kinds = {
        "x": torch.randn(2, 3, generator=values),
        "a": torch.rand(2, 3, generator=values) * 3 + 0.4,
        "b": torch.rand(2, 3, generator=values) * 3 + 0.4,
        "p": torch.rand(2, 3, generator=values) * 0.4 + 0.55,
        "w": torch.randn(2, 3, 2, generator=values),
    }
    return {
        k: side.tensor(v.tolist(), dtype=getattr(side, dtype), requires_grad=True)
        for k, v in kinds.items()
    }


def _ours(x):
    return torch.tensor(x.detach().numpy())


def _compare(ours, theirs, what):
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs), (what, ours)
        return
    assert not isinstance(ours, Exception), (what, ours)
    assert tuple(ours.shape) == tuple(theirs.shape), what
    torch.testing.assert_close(
        _ours(ours), theirs.detach(), equal_nan=True, msg=lambda text: f"{what}: {text}"
    )


def _tried(function):
    try:
        return function()
    except NotImplementedError as error:
        return error


def _both(function, what, dtype):
    """Compare a result and the gradients of its sum of squares."""
    found = []
    for side in SIDES:
        side.manual_seed(3)
        inputs = _inputs(side, dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = _tried(lambda side=side, inputs=inputs: function(side, inputs))
        if not isinstance(result, Exception) and result.requires_grad:
            (result * result).sum().backward()
        found.append((result, {k: v.grad for k, v in inputs.items()}))
    (theirs, their_grads), (ours, our_grads) = found
    _compare(ours, theirs, what)
    for name, grad in their_grads.items():
        assert (our_grads[name] is None) == (grad is None), (what, name)
        if grad is not None:
            _compare(our_grads[name], grad, f"{what}, gradient of {name}")


def _made(name, side, inputs):
    return eval(MADE[name], {"d": side.distributions, "t": side, **inputs})


@pytest.mark.parametrize("name", MADE)
def test_draws_densities_and_their_gradients(name):
    kind = "float32" if name in SINGLE else "float64"
    torch.manual_seed(11)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = _made(name, torch, _inputs(torch, kind)).sample((4,))

    def value(side):
        return side.tensor(values.tolist(), dtype=getattr(side, kind))

    made = _made(name, torch, _inputs(torch, kind))
    # torch fails in backward where it draws Wishart matrices again.
    draw = "rsample" if made.has_rsample and name != "Wishart" else "sample"
    _both(lambda side, i: getattr(_made(name, side, i), draw)((5,)), draw, kind)
    _both(lambda side, i: getattr(_made(name, side, i), draw)((5,)), draw, "float32")
    _both(lambda side, i: _made(name, side, i).log_prob(value(side)), "log_prob", kind)
    _both(lambda side, i: _made(name, side, i).entropy(), "entropy", kind)
    expanded = (4, *made.batch_shape)
    _both(
        lambda side, i: _made(name, side, i).expand(expanded).log_prob(value(side)), "expand", kind
    )
    _both(
        lambda side, i: _made(name, side, i).expand(expanded).sample((2,)), "expand, sample", kind
    )
    for each in NAMES:
        _both(lambda side, i, each=each: getattr(_made(name, side, i), each), each, kind)


CDF = (
    *("Cauchy", "ContinuousBernoulli", "Exponential", "GeneralizedPareto", "Gumbel"),
    *("HalfCauchy", "HalfNormal", "Kumaraswamy", "Laplace", "LogNormal", "Pareto", "Uniform"),
    *("Weibull", "TransformedDistribution", "MixtureSameFamily", "Gamma of constant shape"),
)


@pytest.mark.parametrize("name", CDF)
def test_distribution_functions_and_quantiles(name):
    kind = "float32" if name in SINGLE else "float64"
    torch.manual_seed(11)
    values = _made(name, torch, _inputs(torch, kind)).sample().tolist()
    _both(
        lambda side, i: _made(name, side, i).cdf(side.tensor(values, dtype=getattr(side, kind))),
        "cdf",
        kind,
    )
    if name not in ("Gamma of constant shape", "MixtureSameFamily"):
        level = [[0.2, 0.5, 0.9]] * 2
        _both(
            lambda side, i: _made(name, side, i).icdf(
                side.tensor(level, dtype=getattr(side, kind))
            ),
            "icdf",
            kind,
        )


@pytest.mark.parametrize("name", MADE)
def test_reprs_shapes_and_supports(name):
    shown = []
    for side in SIDES:
        made = _made(name, side, _inputs(side))
        # Regions show tensors with what made them, which the sides name differently.
        region = type(made.support).__name__
        kinds = sorted(made.arg_constraints)
        shown.append(
            (
                repr(made),
                tuple(made.batch_shape),
                tuple(made.event_shape),
                region,
                kinds,
                made.has_rsample,
                made.has_enumerate_support,
                made.support.event_dim,
                made.support.is_discrete,
            )
        )
    assert shown[0] == shown[1]


def test_every_distribution_of_torch_is_here():
    kinds = [
        name
        for name, kind in vars(torch.distributions).items()
        if inspect.isclass(kind) and not name.startswith("_")
    ]
    assert [name for name in kinds if not hasattr(oarlock_torch.distributions, name)] == []


@pytest.mark.parametrize("name", ["Bernoulli", "Binomial", "OneHotCategorical"])
@pytest.mark.parametrize("expand", [True, False])
def test_supports_are_enumerated(name, expand):
    _both(lambda side, i: _made(name, side, i).enumerate_support(expand), name, "float64")


@pytest.mark.parametrize(
    "call",
    [
        "d.Bernoulli()",
        "d.Bernoulli(p, x)",
        "d.Bernoulli(3 * p + 1)",
        "d.Bernoulli(p).log_prob(t.tensor(0.5))",
        "d.Beta(-a, b)",
        "d.Uniform(a, a - 1)",
        "d.Uniform(x, x + a).log_prob(x - 1)",
        "d.Geometric(0 * p)",
        "d.Dirichlet(t.tensor(1.0))",
        "d.Gamma(a, b).log_prob(-a)",
        "d.Multinomial(t.tensor(3), p)",
        "d.MultivariateNormal(x)",
        "d.MultivariateNormal(x, -t.eye(3, dtype=t.float64))",
        "d.MultivariateNormal(x, t.ones(3))",
        "d.LowRankMultivariateNormal(x, w[:, :2], a)",
        "d.LKJCholesky(1)",
        "d.Wishart(1.0, t.eye(3))",
        "d.Wishart(4.0)",
        "d.MixtureSameFamily(d.Normal(x, a), d.Normal(x, a))",
        "d.MixtureSameFamily(d.Categorical(a[:, :2]), d.Normal(x, a))",
        "d.TransformedDistribution(d.Normal(x, a), 3)",
        "d.TransformedDistribution(d.Normal(0.0, 1.0), d.SoftmaxTransform())",
        "d.ExpTransform(cache_size=2)",
        "d.Poisson(a).entropy()",
        "d.kl_divergence(d.Normal(x, a), d.Bernoulli(p))",
        "d.biject_to(d.constraints.positive_definite)",
    ],
)
def test_errors(call):
    raised = []
    for side in SIDES:
        names = {"d": side.distributions, "t": side, **_inputs(side)}
        with pytest.raises((ValueError, NotImplementedError, AssertionError)) as caught:
            eval(call, names)
        raised.append((caught.type, str(caught.value)[:45]))
    assert raised[0] == raised[1]


DIVERGENT = (
    *("Bernoulli", "Beta", "Binomial", "Cauchy", "ContinuousBernoulli", "Dirichlet", "Exponential"),
    *("Gamma", "Geometric", "Gumbel", "HalfNormal", "Independent", "Laplace", "LogNormal"),
    *("LowRankMultivariateNormal", "MultivariateNormal", "Normal", "OneHotCategorical", "Pareto"),
    *("Poisson", "Uniform", "Chi2", "Wishart"),
)


@pytest.mark.parametrize("p", DIVERGENT)
def test_divergences(p):
    """Each pair, with other parameters on the other side; where torch has none, neither has Oarlock."""

    def divergence(side, i, q):
        other = dict(i)
        other["a"], other["b"] = i["b"], i["a"]
        return side.distributions.kl_divergence(_made(p, side, i), _made(q, side, other))

    for q in DIVERGENT:
        if _events(p) == _events(q):
            _both(lambda side, i, q=q: divergence(side, i, q), f"KL({p}, {q})", "float64")


def _events(name):
    return len(_made(name, torch, _inputs(torch)).event_shape)


def test_pairs_of_torch_are_registered():
    from torch.distributions.kl import _KL_REGISTRY

    from oarlock.distributions import divergences, kl

    assert kl.kl_divergence is divergences.kl_divergence

    def names(registry):
        return {
            (p.__name__, q.__name__)
            for p, q in registry
            if p.__module__.partition(".")[0] in ("torch", "oarlock")
        }

    assert names(divergences._registered) == names(_KL_REGISTRY)
