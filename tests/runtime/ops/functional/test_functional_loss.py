"""Losses where samples do not reach: large logits, ignored targets, deprecated arguments, CTC."""

from __future__ import annotations

import warnings

import paddle
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from side_by_side import agree, to_paddle

from oarlock.ops import loss

REDUCTIONS = ["none", "mean", "sum"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_large_logits_are_not_clipped(reduction):
    x = torch.tensor([[300.0, 0.0, -5.0], [0.0, 100.0, -100.0]], requires_grad=True)
    agree(F.cross_entropy, loss.cross_entropy, x, torch.tensor([1, 2]), reduction=reduction)


def test_an_impossible_class_costs_infinity():
    x = torch.tensor([[0.0, -torch.inf, 1.0]])
    agree(F.cross_entropy, loss.cross_entropy, x, torch.tensor([1]))


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_cross_entropy(data):
    spatial = data.draw(st.sampled_from([(), (3,), (2, 3)]))
    n, c = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 6))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    x = torch.randn(n, c, *spatial, generator=generator).requires_grad_()
    target = torch.randint(0, c, (n, *spatial), generator=generator)
    ignored = data.draw(st.sampled_from([-100, 0, c - 1, -1, 255]))
    if ignored < 0 or ignored > c:
        target[torch.rand(target.shape, generator=generator) < 0.3] = ignored
    weight = torch.rand(c, generator=generator) if data.draw(st.booleans()) else None
    agree(
        F.cross_entropy,
        loss.cross_entropy,
        x,
        target,
        weight,
        ignore_index=ignored,
        reduction=data.draw(st.sampled_from(REDUCTIONS)),
        label_smoothing=data.draw(st.sampled_from([0.0, 0.1, 1.0])),
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_all_targets_ignored(smoothing):
    x = torch.randn(2, 3, requires_grad=True)
    target = torch.tensor([-100, -100])
    for reduction in REDUCTIONS:
        agree(
            F.cross_entropy,
            loss.cross_entropy,
            x,
            target,
            reduction=reduction,
            label_smoothing=smoothing,
        )


def test_a_missing_class_is_an_index_error():
    x = paddle.randn([2, 3])
    for target in ([0, 3], [-1, 0]):
        with pytest.raises(IndexError, match="out of bounds"):
            loss.cross_entropy(x, paddle.to_tensor(target))
        with pytest.raises(IndexError, match="out of bounds"):
            loss.nll_loss(x, paddle.to_tensor(target))


@pytest.mark.parametrize(
    ("size_average", "reduce"), [(True, None), (False, None), (None, False), (True, True)]
)
def test_deprecated_arguments(size_average, reduce):
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(F.mse_loss, loss.mse_loss, a, b, size_average=size_average, reduce=reduce)
    with pytest.warns(UserWarning, match="reduction="):
        loss.mse_loss(to_paddle(a), to_paddle(b), reduce=False)


def test_broadcasting_warns():
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(F.mse_loss, loss.mse_loss, a, b)
        agree(F.smooth_l1_loss, loss.smooth_l1_loss, a, b, beta=0.3)
    with pytest.warns(UserWarning, match="different to the input size"):
        loss.l1_loss(to_paddle(a), to_paddle(b))


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_weights(name, reduction):
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    weight = torch.rand(3, 4)
    agree(getattr(F, name), getattr(loss, name), a, b, weight=weight, reduction=reduction)


def test_binary_cross_entropy_at_its_ends():
    p = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.3, 1e-30], requires_grad=True)
    y = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.9, 0.5])
    agree(F.binary_cross_entropy, loss.binary_cross_entropy, p, y, reduction="none")


def test_extreme_logits():
    x = torch.tensor([1000.0, -1000.0, 0.0, 60.0, -60.0], requires_grad=True)
    y = torch.tensor([0.0, 1.0, 0.3, 1.0, 0.0])
    weight = torch.tensor([2.0])
    ours = loss.binary_cross_entropy_with_logits
    agree(F.binary_cross_entropy_with_logits, ours, x, y)
    agree(F.binary_cross_entropy_with_logits, ours, x, y, pos_weight=weight)


def test_ctc_with_repeats_and_impossible_targets():
    torch.manual_seed(1)
    x = torch.randn(6, 3, 5, requires_grad=True)
    targets = torch.tensor([[1, 1, 2, 0], [3, 3, 3, 3], [2, 0, 0, 0]])
    lengths, sizes = torch.tensor([6, 5, 4]), torch.tensor([3, 4, 1])

    def theirs(x, targets, **kwargs):
        return F.ctc_loss(x.log_softmax(2), targets, lengths, sizes, **kwargs)

    def ours(x, targets, **kwargs):
        log_probs = paddle.nn.functional.log_softmax(x, 2)
        return loss.ctc_loss(log_probs, targets, to_paddle(lengths), to_paddle(sizes), **kwargs)

    for reduction in REDUCTIONS:
        agree(theirs, ours, x, targets, reduction=reduction, zero_infinity=True)
    got = ours(to_paddle(x), to_paddle(targets), reduction="none")
    assert got.isinf().tolist() == [False, True, False]


def test_triplets_by_any_distance():
    a, b, c = (torch.randn(4, 3, requires_grad=True) for _ in range(3))

    def far(x, y):
        return (x - y).abs().sum(-1)

    def theirs(a, b, c):
        return F.triplet_margin_with_distance_loss(a, b, c, distance_function=far, swap=True)

    def ours(a, b, c):
        return loss.triplet_margin_with_distance_loss(a, b, c, distance_function=far, swap=True)

    agree(theirs, ours, a, b, c)
