"""Activations and softmax where kernels tend to differ: zero, bounds, saturation, infinity, NaN."""

from __future__ import annotations

import math

import paddle
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from side_by_side import agree, to_paddle, to_torch

from oarlock.ops import activation, softmax

CASES = [
    ("relu", {}),
    ("relu6", {}),
    ("elu", {"alpha": 0.7}),
    ("selu", {}),
    ("celu", {"alpha": 1.0}),
    ("celu", {"alpha": 0.3}),
    ("leaky_relu", {"negative_slope": 0.1}),
    ("leaky_relu", {"negative_slope": 0.0}),
    ("leaky_relu", {"negative_slope": 1.5}),
    ("leaky_relu", {"negative_slope": -0.5}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("silu", {}),
    ("mish", {}),
    ("hardtanh", {}),
    ("hardtanh", {"min_val": -0.5, "max_val": 3.0}),
    ("hardswish", {}),
    ("hardsigmoid", {}),
    ("softplus", {"beta": 2.0, "threshold": 1.0}),
    ("softsign", {}),
    ("softshrink", {"lambd": 0.5}),
    ("hardshrink", {"lambd": 0.5}),
    ("tanhshrink", {}),
    ("threshold", {"threshold": 0.5, "value": 0.3}),
    ("logsigmoid", {}),
]
TURNING = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 6.0, 20.0, 21.0]
SATURATED = [88.0, -88.0, 100.0, -100.0, 1e-3, -1e-3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("name", "kwargs"), CASES)
def test_turning_points_and_saturation(name, kwargs, dtype):
    x = torch.tensor(TURNING + SATURATED, dtype=dtype, requires_grad=True)
    agree(getattr(F, name), getattr(activation, name), x, **kwargs)


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu", "elu", "silu", "mish", "softplus"])
def test_nan_stays_nan(name, grad):
    x = paddle.to_tensor([1.0, math.nan, -1.0], stop_gradient=not grad)
    y = getattr(activation, name)(x)
    assert y.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["relu", "softshrink", "threshold", "hardtanh", "leaky_relu"])
def test_infinities(name):
    arguments = (0.1, 0.2) if name == "threshold" else ()
    x = torch.tensor([math.inf, -math.inf, 1.0])
    agree(getattr(F, name), getattr(activation, name), x, *arguments)


def test_integers():
    x = torch.tensor([-3, 0, 9])
    agree(F.relu, activation.relu, x)
    agree(F.relu6, activation.relu6, x)


def test_relu_is_differentiable_twice():
    x = torch.tensor([[1.0, -2.0], [3.0, 0.5]], requires_grad=True)
    p = to_paddle(x)
    (g,) = torch.autograd.grad((F.relu(x) ** 3).sum(), x, create_graph=True)
    (h,) = paddle.grad((activation.relu(p) ** 3).sum(), p, create_graph=True)
    (g2,) = torch.autograd.grad((g**2).sum(), x)
    (h2,) = paddle.grad((h**2).sum(), p)
    torch.testing.assert_close(to_torch(h2), g2)


FAR = [[0.0, -200.0, -70.0], [1.0, -math.inf, 2.0], [-100.0, 100.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_far_below_the_maximum(name, dtype):
    x = torch.tensor(FAR[:1] + FAR[2:], dtype=dtype, requires_grad=True)
    agree(getattr(F, name), getattr(softmax, name), x, dim=1)


def test_masked_probabilities_are_zero():
    x = torch.tensor(FAR)
    got = to_torch(softmax.softmax(to_paddle(x), 1))
    assert got[1, 1] == 0
    torch.testing.assert_close(got, F.softmax(x, 1), atol=3e-39, rtol=2e-7)


def test_implicit_dim_warns_and_picks_torchs():
    for shape in ((), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5)):
        x = torch.randn(shape)
        with pytest.warns(UserWarning, match="Implicit dimension"):
            got = softmax.softmax(to_paddle(x))
        with pytest.warns(UserWarning, match="Implicit dimension"):
            want = F.softmax(x)
        torch.testing.assert_close(to_torch(got), want)


def test_dtype_is_cast_to_first():
    x = torch.randn(3, 4, requires_grad=True)
    agree(F.softmax, softmax.softmax, x, dim=0, dtype=torch.float64)
    agree(F.log_softmax, softmax.log_softmax, torch.arange(4), dim=0, dtype=torch.float32)
    with pytest.raises(RuntimeError):
        softmax.softmax(paddle.arange(4), 0)
    with pytest.raises(IndexError):
        softmax.softmax(paddle.ones([2]), 1)
