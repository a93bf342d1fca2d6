"""Gradients: by finite differences, for any inputs that need them, and refused where not exact."""

from __future__ import annotations

import gc
from itertools import product
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.distributed.fleet.utils import recompute

from oarlock.kernels.attention import attention


def test_all_features_together_match_finite_differences(tensors):
    q, k, v = tensors(2, 5, 7, 4, 2, 3)
    options: dict[str, Any] = {
        "softmax_scale": 0.6,
        "causal": True,
        "window_size": (3, 0),
        "softcap": 1.7,
        "alibi_slopes": paddle.to_tensor([[0.5, 0.1, 0.3, 0.2], [0.4, 0.0, 0.2, 1.0]]),
    }
    cotangent = paddle.to_tensor(np.random.default_rng(1).normal(size=q.shape))

    def loss():
        return (attention(q, k, v, **options) * cotangent).sum()

    loss().backward()
    step = 1e-6
    for x in (q, k, v):
        expected = np.zeros(x.shape)
        value = x.numpy().copy()
        for index in np.ndindex(*x.shape):
            sides = []
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * step
                x.set_value(moved)
                with paddle.no_grad():
                    sides.append(loss().item())
            expected[index] = (sides[0] - sides[1]) / (2 * step)
        x.set_value(value)
        # The error of a central difference: step ** 2 and the rounding of float64 over the step.
        np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-8)


@pytest.mark.parametrize("needs", list(product([True, False], repeat=3)))
def test_only_the_inputs_that_need_a_gradient_get_one(tensors, needs):
    inputs = tensors(2, 20, 30, 4, 2, 8)
    attention(*inputs, causal=True).square().sum().backward()
    expected = [x.grad.numpy() for x in inputs]
    inputs = [x.detach() for x in inputs]
    for x, need in zip(inputs, needs, strict=True):
        x.stop_gradient = not need
    out = attention(*inputs, causal=True)
    assert out.stop_gradient == (not any(needs))
    if any(needs):
        out.square().sum().backward()
    for x, need, grad in zip(inputs, needs, expected, strict=True):
        if need:
            np.testing.assert_array_equal(x.grad.numpy(), grad)
        else:
            assert x.grad is None


def test_gradients_flow_through_the_output_alone(tensors):
    q, k, v = tensors(1, 20, 30, 2, 2, 8)
    out, lse, mask = attention(q, k, v, dropout_p=0.1, return_attn_probs=True)
    assert not out.stop_gradient
    assert lse.stop_gradient
    assert mask.stop_gradient


def test_no_graph_is_made_under_no_grad(tensors):
    with paddle.no_grad():
        assert attention(*tensors(1, 20, 30, 2, 2, 8)).stop_gradient


def test_slopes_get_no_gradient(tensors):
    slopes = paddle.to_tensor([0.5, 0.25], stop_gradient=False)
    attention(*tensors(1, 20, 30, 2, 2, 8), alibi_slopes=slopes).sum().backward()
    assert slopes.grad is None


@pytest.mark.parametrize("deterministic", [True, False])
def test_gradients_repeat_bit_by_bit(tensors, deterministic):
    inputs = tensors(1, 300, 300, 2, 1, 16, "float32")
    out = attention(*inputs, causal=True, deterministic=deterministic)
    first = paddle.grad(out.sum(), inputs, retain_graph=True)
    second = paddle.grad(out.sum(), inputs)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_second_derivatives_are_refused_and_first_ones_still_work(tensors):
    q, k, v = tensors(1, 5, 6, 2, 1, 8)
    out = attention(q, k, v)
    # Paddle turns what a PyLayer's backward raises into an OSError that quotes it.
    with pytest.raises(OSError, match=r"UnsupportedError.*second derivatives") as caught:
        paddle.grad(out.sum(), [q, k, v], create_graph=True)
    assert "https://oarlock.dev/api/" in str(caught.value)
    assert [x.shape for x in paddle.grad(out.sum(), [q, k, v])] == [q.shape, k.shape, v.shape]


@pytest.mark.parametrize("changed", ["q", "k", "v", "the output"])
def test_a_tensor_changed_in_place_before_the_backward_pass_is_refused(tensors, changed):
    named = dict(zip("qkv", (x * 1 for x in tensors(1, 5, 6, 2, 1, 8)), strict=True))
    out = attention(**named)
    named["the output"] = out
    named[changed].add_(paddle.ones([1], "float64"))
    with pytest.raises(OSError, match=f"UnsupportedError.*{changed} was changed in place"):
        out.sum().backward()


def test_an_unused_graph_is_freed(tensors):
    q, k, v = tensors(1, 2048, 16, 1, 1, 128, "float32")

    def resident_pages():
        gc.collect()
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1])

    attention(q, k, v)
    before = resident_pages()
    for _ in range(40):
        attention(q, k, v, return_attn_probs=True)
    # 40 outputs of 1 MiB are 10240 pages; kept graphs would hold them all.
    assert resident_pages() - before < 2560


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_recompute_replays_dropout(tensors, use_reentrant):
    inputs = tensors(1, 20, 30, 2, 2, 8)

    def attend(q, k, v):
        return attention(q, k, v, dropout_p=0.4)

    paddle.seed(11)
    expected = attend(*inputs)
    expected.square().sum().backward()
    gradients = [x.grad.numpy() for x in inputs]
    inputs = tensors(1, 20, 30, 2, 2, 8)
    paddle.seed(11)
    out = recompute(attend, *inputs, use_reentrant=use_reentrant)
    out.square().sum().backward()
    np.testing.assert_array_equal(out.numpy(), expected.numpy())
    for x, grad in zip(inputs, gradients, strict=True):
        np.testing.assert_array_equal(x.grad.numpy(), grad)
