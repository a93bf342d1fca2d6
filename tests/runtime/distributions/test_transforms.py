"""Every transform beside torch's: values, inverses, Jacobian determinants, caches, equality, and constraints' own."""

import pickle

import pytest
import torch

import oarlock.torch as oarlock_torch

SIDES = (torch, oarlock_torch)
MADE = (
    "AbsTransform()",
    "AffineTransform(0.5, -2.0)",
    "AffineTransform(a, b, event_dim=1)",
    "CatTransform([d.ExpTransform(), d.TanhTransform()], dim=-1, lengths=[1, 2])",
    "ComposeTransform([d.AffineTransform(a, 2.0), d.StickBreakingTransform()])",
    "ComposeTransform([])",
    "CorrCholeskyTransform()",
    "CumulativeDistributionTransform(d.Normal(a, b))",
    "ExpTransform()",
    "ExpTransform().inv.inv",
    "IndependentTransform(d.SoftplusTransform(), 1)",
    "PowerTransform(t.tensor(2.0))",
    "ReshapeTransform((4, 3), (2, 6))",
    "SigmoidTransform()",
    "SoftmaxTransform()",
    "SoftplusTransform()",
    "StackTransform([d.ExpTransform(), d.TanhTransform(), d.SigmoidTransform()], dim=1)",
    "StickBreakingTransform()",
    "TanhTransform()",
    "LowerCholeskyTransform()",
    "PositiveDefiniteTransform()",
)


def _made(side, call):
    names = {"d": side.distributions, "t": side}
    names |= {"a": side.tensor([0.3, 0.7, 1.5]), "b": side.tensor([0.4, 2.0, 1.0])}
    return eval(f"d.{call}", names)


def _input(side, call):
    shape = (2, 3, 3) if "Lower" in call or "Definite" in call else (4, 3)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(3)) + 0.1
    return side.tensor(values.tolist(), requires_grad=True)


def _close(ours, theirs):
    assert tuple(ours.shape) == tuple(theirs.shape)
    torch.testing.assert_close(torch.tensor(ours.detach().numpy()), theirs.detach())


@pytest.mark.parametrize("call", MADE)
def test_values_inverses_determinants_and_gradients(call):
    found = []
    for side in SIDES:
        x, transform = _input(side, call), _made(side, call)
        y = transform(x)
        results = [y, transform.inv(y)]
        try:
            results.append(transform.log_abs_det_jacobian(x, y))
        except NotImplementedError:
            results.append(None)
        side.stack([(r * r).sum() for r in results if r is not None]).sum().backward()
        shapes = tuple(transform.forward_shape(x.shape)), tuple(transform.inverse_shape(y.shape))
        flags = repr(transform), transform.bijective, transform.domain.event_dim
        same = transform == _made(side, call), transform == side.distributions.AbsTransform()
        found.append((*results, x.grad, (shapes, flags, same)))
    *theirs, their_facts = found[0]
    *ours, our_facts = found[1]
    assert our_facts == their_facts
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            _close(a, b)


@pytest.mark.parametrize("call", [c for c in MADE if c.endswith("Transform()")])
def test_a_cache_gives_the_argument_back(call):
    transform = _made(oarlock_torch, call).with_cache()
    x = _input(oarlock_torch, call)
    y = transform(x)
    assert transform(x) is y
    assert transform.inv(y) is x
    assert transform.with_cache(1) is transform


def test_signs_and_distribution_functions_of_decreasing_transforms():
    found = []
    for t in SIDES:
        d = t.distributions
        law = d.TransformedDistribution(d.Normal(0.0, 1.0), [d.AffineTransform(1.0, -2.0)])
        found.append((law.transforms[0].sign, float(law.cdf(t.tensor(0.3)))))
    assert found[0] == pytest.approx(found[1])


def test_transforms_are_pickled():
    d = oarlock_torch.distributions
    transform = d.ComposeTransform([d.ExpTransform(), d.AffineTransform(0.5, -2.0)])
    assert pickle.loads(pickle.dumps(transform)) == transform


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize(
    "region",
    [
        "real",
        "positive",
        "nonnegative",
        "unit_interval",
        "simplex",
        "real_vector",
        "corr_cholesky",
        "greater_than(1.5)",
        "less_than(-1.5)",
        "interval(-1.0, 3.0)",
        "half_open_interval(0.0, 1.0)",
        "independent(c.positive, 1)",
        "cat([c.positive, c.real], -1, [1, 2])",
        "stack([c.positive, c.real, c.unit_interval], 1)",
    ],
)
def test_a_constraint_has_torchs_transform(registry, region):
    found = []
    for side in SIDES:
        c = side.distributions.constraints
        region_here = eval(f"c.{region}", {"c": c})
        transform = getattr(side.distributions, registry)(region_here)
        y = transform(_input(side, region))
        found.append((repr(transform), y, bool(region_here.check(y).all())))
    assert found[0][0] == found[1][0]
    assert found[1][2]
    _close(found[1][1], found[0][1])


def test_matrices_are_reached():
    for name in ("lower_cholesky", "positive_definite"):
        found = []
        for side in SIDES:
            region = getattr(side.distributions.constraints, name)
            y = side.distributions.transform_to(region)(_input(side, "Lower"))
            assert region.check(y).all()
            found.append(y)
        _close(found[1], found[0])
