"""Normal, Categorical, Independent and their divergences as a policy uses them, beside torch's."""

from typing import ClassVar

import numpy as np
import pytest
import torch

import oarlock.torch as oarlock_torch

SIDES = (torch, oarlock_torch)


def _close(ours, theirs):
    torch.testing.assert_close(torch.tensor(ours.detach().numpy()), theirs.detach())


def _both(function):
    results = []
    for side in SIDES:
        side.manual_seed(3)
        loc = side.tensor([[0.1, -2.0], [0.3, 1.0]], requires_grad=True)
        scale = side.tensor([1.5, 0.4], requires_grad=True)
        logits = side.tensor([[0.1, -2.0, 0.5], [0.3, 1.0, 2.0]], requires_grad=True)
        result = function(side.distributions, side, loc, scale, logits)
        if result.requires_grad:
            (result * result).sum().backward()
        results.append([result, *(x.grad for x in (loc, scale, logits))])
    theirs, ours = results
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            assert tuple(a.shape) == tuple(b.shape)
            _close(a, b)


@pytest.mark.parametrize(
    "function",
    [
        lambda d, t, loc, scale, g: d.Normal(loc, scale).rsample((3,)),
        lambda d, t, loc, scale, g: d.Normal(loc, scale).sample((30,)),
        lambda d, t, loc, scale, g: d.Normal(loc, scale).log_prob(t.tensor(0.3)),
        lambda d, t, loc, scale, g: d.Normal(loc, scale).cdf(t.tensor(0.3)),
        lambda d, t, loc, scale, g: d.Normal(loc, scale).icdf(t.tensor(0.3)),
        lambda d, t, loc, scale, g: d.Normal(loc, scale).expand((3, 2, 2)).entropy(),
        lambda d, t, loc, scale, g: d.Normal(loc, scale).variance,
        lambda d, t, loc, scale, g: d.Independent(d.Normal(loc, scale), 1).log_prob(t.ones(2, 2)),
        lambda d, t, loc, scale, g: d.Independent(d.Normal(loc, scale), 2).entropy(),
        lambda d, t, loc, scale, g: d.Independent(d.Normal(loc, scale), 1).expand((4, 2)).mean,
        lambda d, t, loc, scale, g: d.Categorical(logits=g).sample((5,)),
        lambda d, t, loc, scale, g: d.Categorical(logits=g).log_prob(t.tensor([[0, 2], [1, 1]])),
        lambda d, t, loc, scale, g: d.Categorical(probs=g.exp()).entropy(),
        lambda d, t, loc, scale, g: d.Categorical(logits=g).expand((3, 2)).probs,
        lambda d, t, loc, scale, g: d.Categorical(logits=g).perplexity(),
        lambda d, t, loc, scale, g: d.Categorical(logits=g).enumerate_support(),
        lambda d, t, loc, scale, g: d.kl_divergence(
            d.Independent(d.Normal(loc, scale), 1),
            d.Independent(d.Normal(t.zeros(2, 2), t.ones(2)), 1),
        ),
        lambda d, t, loc, scale, g: d.kl_divergence(
            d.Categorical(logits=g), d.Categorical(probs=t.tensor([0.2, 0.3, 0.5]))
        ),
    ],
)
def test_values_draws_and_gradients_are_torchs(function):
    _both(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda d, t: d.Normal(0.0, -1.0),
        lambda d, t: d.Normal("a", 1.0),
        lambda d, t: d.Categorical(),
        lambda d, t: d.Categorical(logits=t.tensor(1.0)),
        lambda d, t: d.Categorical(logits=t.ones(2, 3)).log_prob(t.tensor(7.0)),
        lambda d, t: d.Normal(t.zeros(2), 1.0).log_prob(t.zeros(3)),
        lambda d, t: d.Normal(0.0, 1.0).log_prob(3.0),
        lambda d, t: d.Independent(d.Normal(0.0, 1.0), 1),
        lambda d, t: d.kl_divergence(d.Normal(0.0, 1.0), d.Categorical(t.ones(2))),
    ],
)
def test_errors_are_torchs(function):
    raised = []
    for side in SIDES:
        with pytest.raises((ValueError, NotImplementedError)) as caught:
            function(side.distributions, side)
        raised.append((caught.type, str(caught.value)[:50]))
    assert raised[0] == raised[1]


def test_reprs_are_torchs():
    shown = [
        (
            repr(d.Normal(t.zeros(2), t.ones(2))),
            repr(d.Normal(0.0, 1.0)),
            repr(d.Independent(d.Normal(t.zeros(2), t.ones(2)), 1)),
            repr(d.Categorical(t.ones(3))),
        )
        for t, d in ((side, side.distributions) for side in SIDES)
    ]
    assert shown[0] == shown[1]


def test_a_registered_divergence_serves_subclasses():
    d = oarlock_torch.distributions

    class Mine(d.Distribution):
        arg_constraints: ClassVar = {}

    class Nearer(Mine):
        pass

    d.register_kl(Mine, d.Normal)(lambda p, q: q.loc + 1)
    assert np.allclose(d.kl_divergence(Nearer(), d.Normal(2.0, 1.0)), 3.0)
