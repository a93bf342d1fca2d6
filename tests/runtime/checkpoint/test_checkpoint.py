"""torch.utils.checkpoint against torch's: gradients, draws, nesting, and what is refused."""

import functools
import sys
from pathlib import Path
from typing import Any

import paddle
import pytest
import torch
import torch.utils.checkpoint

import oarlock.torch
from oarlock.checkpoint import checkpoint as ours

sys.path.append(str(Path(__file__).parents[1] / "nn"))
from torch_and_oarlock import same_on_both  # type: ignore


def side_of(side) -> Any:
    return ours if side is oarlock.torch else torch.utils.checkpoint


def blocks(side):
    nn = side.nn
    return nn.Sequential(
        *(nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Dropout(0.5)) for _ in range(3))
    )


@pytest.mark.parametrize("kind", [True, False, "nested"])
@same_on_both
def test_gradients_and_draws(side, kind):
    call, net = side_of(side).checkpoint, blocks(side)
    x = side.randn(4, 4, requires_grad=True)
    h = x
    for block in net:
        if kind == "nested":
            inner = functools.partial(call, block, use_reentrant=False)
            h = call(inner, h, use_reentrant=False)
        else:
            h = call(block, h, use_reentrant=kind)
    (h * h).sum().backward()
    return [h, x.grad, side.rand(3), *(p.grad for p in net.parameters())]


@same_on_both
def test_sequential(side):
    net, x = blocks(side), side.randn(4, 4, requires_grad=True)
    y = side_of(side).checkpoint_sequential(net, 2, x, use_reentrant=False)
    (y * y).sum().backward()
    return [y, x.grad, *(p.grad for p in net.parameters())]


@same_on_both
def test_autocast_is_entered_again(side):
    layer, x = side.nn.Linear(4, 4), side.randn(3, 4, requires_grad=True)
    with side.autocast("cpu", dtype=side.bfloat16):
        y = side_of(side).checkpoint(layer, x, use_reentrant=False)
    seen = str(y.dtype)
    y.float().sum().backward()
    return seen, layer.bias.grad


def test_nothing_is_kept():
    t = oarlock.torch
    x = t.randn(3, 4, requires_grad=True)
    runs = []

    def function(x):
        runs.append(1)
        return x.tanh().exp().tanh()

    y = ours.checkpoint(function, x, use_reentrant=False).sum()
    t.autograd.grad(y, x, retain_graph=True)
    y.backward()
    assert len(runs) == 3


def test_another_computation_is_an_error():
    t = oarlock.torch
    x = t.randn(3, requires_grad=True)
    runs = []

    def function(x):
        runs.append(1)
        return x.tanh() if len(runs) > 1 else x.tanh().exp().tanh()

    y = ours.checkpoint(function, x, use_reentrant=False).sum()
    with pytest.raises(ours.CheckpointError, match="A different number of tensors was saved"):
        y.backward()
    assert paddle.is_grad_enabled()


def test_reentrant_refuses_chosen_inputs():
    t = oarlock.torch
    x = t.randn(3, requires_grad=True)
    y = ours.checkpoint(lambda x: x.tanh(), x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match="When use_reentrant=True"):
        t.autograd.grad(y, x)
