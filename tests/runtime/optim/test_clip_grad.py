"""Clipping of gradients against torch's."""

import math

import numpy as np
import pytest
import torch

from oarlock.nn.utils import clip_grad

SHAPES = [(3, 4), (), (5,), (40, 60)]


def both(oarlock_side, torch_side, scale=1.0, seed=0, poison=None):
    rng = np.random.default_rng(seed)
    ours, theirs = [], []
    for i, shape in enumerate(SHAPES):
        value, grad = (np.asarray(rng.normal(size=shape), "float32") for _ in range(2))
        grad = np.asarray(grad * scale, "float32")
        if poison is not None and i == 2:
            grad[1] = poison
        for side, kept in ((oarlock_side, ours), (torch_side, theirs)):
            p = side.parameter(value)
            p.grad = side.tensor(grad)
            kept.append(p)
    without = np.ones(2, "float32")
    ours.append(oarlock_side.parameter(without))
    theirs.append(torch_side.parameter(without))
    return ours, theirs


def assert_same_grads(ours, theirs):
    for p, q in zip(ours, theirs, strict=True):
        assert (p.grad is None) == (q.grad is None)
        if q.grad is not None:
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-6)


@pytest.mark.parametrize("norm_type", [2, 1.0, 3.5, math.inf, 0.5])
@pytest.mark.parametrize("max_norm", [0.1, 7, 1e6])
@pytest.mark.parametrize("foreach", [None, True, False])
def test_by_norm(norm_type, max_norm, foreach, oarlock_side, torch_side):
    ours, theirs = both(oarlock_side, torch_side)
    kept = [p.grad for p in ours[:-1]]
    total = clip_grad.clip_grad_norm_(iter(ours), max_norm, norm_type, foreach=foreach)
    expected = torch.nn.utils.clip_grad_norm_(iter(theirs), max_norm, norm_type, foreach=foreach)
    np.testing.assert_allclose(total.numpy(), expected.numpy(), rtol=1e-6)
    assert total.shape == ()
    assert not total.requires_grad
    assert_same_grads(ours, theirs)
    for before, p in zip(kept, ours, strict=False):
        assert np.array_equal(before.numpy(), p.grad.numpy())


def test_one_parameter_and_none(oarlock_side, torch_side):
    ours, theirs = both(oarlock_side, torch_side)
    clip_grad.clip_grad_norm_(ours[0], 0.5)
    torch.nn.utils.clip_grad_norm_(theirs[0], 0.5)
    assert_same_grads(ours, theirs)
    assert clip_grad.clip_grad_norm_([], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="empty generator"):
        clip_grad.clip_grad_norm_((p for p in []), 1.0)


@pytest.mark.parametrize("poison", [math.nan, math.inf])
@pytest.mark.parametrize("norm_type", [2.0, math.inf])
def test_what_is_not_finite(poison, norm_type, oarlock_side, torch_side):
    ours, theirs = both(oarlock_side, torch_side, poison=poison)
    with pytest.raises(RuntimeError) as one:
        clip_grad.clip_grad_norm_(ours, 1.0, norm_type, error_if_nonfinite=True)
    with pytest.raises(RuntimeError) as other:
        torch.nn.utils.clip_grad_norm_(theirs, 1.0, norm_type, error_if_nonfinite=True)
    assert str(one.value) == str(other.value)
    assert_same_grads(ours, theirs)
    total = clip_grad.clip_grad_norm_(ours, 1.0, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 1.0, norm_type)
    np.testing.assert_array_equal(total.numpy(), expected.numpy())
    assert_same_grads(ours, theirs)


@pytest.mark.parametrize("value", [0.1, 2])
def test_by_value(value, oarlock_side, torch_side):
    ours, theirs = both(oarlock_side, torch_side)
    clip_grad.clip_grad_value_(ours, value)
    torch.nn.utils.clip_grad_value_(theirs, value)
    assert_same_grads(ours, theirs)


def test_norm_and_scaling_apart(oarlock_side, torch_side):
    ours, theirs = both(oarlock_side, torch_side, seed=1)
    total = clip_grad.get_total_norm([p.grad for p in ours[:-1]])
    expected = torch.nn.utils.get_total_norm([p.grad for p in theirs[:-1]])
    np.testing.assert_allclose(total.numpy(), expected.numpy(), rtol=1e-6)
    clip_grad.clip_grads_with_norm_(ours, 0.3, total)
    torch.nn.utils.clip_grads_with_norm_(theirs, 0.3, expected)
    assert_same_grads(ours, theirs)


def test_the_deprecated_name_warns(oarlock_side, torch_side):
    ours, _ = both(oarlock_side, torch_side)
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        clip_grad.clip_grad_norm(ours, 1.0)
