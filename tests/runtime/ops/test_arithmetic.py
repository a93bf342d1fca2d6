"""Arithmetic against torch: Python numbers beside every dtype, special values, borders, exact bits."""

from __future__ import annotations

import itertools
import math
import operator

import numpy as np
import paddle
import pytest
import torch
from against_torch import same, to_paddle

from oarlock.ops import arithmetic, bounds

NAMES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
]
FUNCTIONS = ("add", "sub", "mul", "true_divide", "floor_divide", "remainder", "fmod", "pow")
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 7.0, math.inf, -math.inf, math.nan, 1e-30, 1e30]


@pytest.mark.parametrize(
    ("name", "function", "number"),
    itertools.product(NAMES, FUNCTIONS, (2, 3, -2, 0.5, 0.1, -1.5, True, 300)),
)
def test_a_number_beside_a_tensor(name: str, function: str, number: float) -> None:
    dtype = getattr(torch, name)
    values = [0, 1, 1] if name == "bool" else [1, 5, 7] if name == "uint8" else [-3, 1, 7]
    x = torch.tensor(values).to(dtype)
    if name == "complex64" and number == 300:
        number = 5  # A complex infinity has no one sign.
    same(getattr(torch, function), getattr(arithmetic, function), (x, number))


@pytest.mark.parametrize(
    ("name", "function", "number"),
    itertools.product(
        ("int64", "int32", "float32", "float64"),
        ("add", "sub", "mul", "pow", "floordiv", "mod"),
        (2, 0.5, -3),
    ),
)
def test_a_number_before_a_tensor(name: str, function: str, number: float) -> None:
    x = torch.tensor([1, 2, 3]).to(getattr(torch, name))
    ours = {
        "add": arithmetic.add,
        "sub": lambda a, b: arithmetic.rsub(b, a),
        "mul": arithmetic.mul,
        "pow": arithmetic.pow,
        "floordiv": arithmetic.floor_divide,
        "mod": arithmetic.remainder,
    }[function]
    same(getattr(operator, function), ours, (number, x))


@pytest.mark.parametrize("function", ["add", "sub", "mul", "true_divide"])
@pytest.mark.parametrize("number", [0.1, 3, 3.7, 0.25, -8.0, 1e-3, 1e10])
def test_numbers_round_as_torchs(function: str, number: float) -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=5000).astype("float32"))
    for each in (x, x.double()):
        same(getattr(torch, function), getattr(arithmetic, function), (each, number), bits=True)


@pytest.mark.parametrize("exponent", [2, 3, 2.0, 3.0, -1, -2, 1, 0])
def test_small_powers_round_as_torchs(exponent: float) -> None:
    x = torch.from_numpy(np.random.default_rng(0).uniform(0.1, 3, size=5000).astype("float32"))
    same(torch.pow, arithmetic.pow, (x, exponent), bits=True)


PAIRS = list(itertools.product(SPECIAL, SPECIAL))


@pytest.mark.parametrize(
    "function",
    [
        "add",
        "sub",
        "mul",
        "true_divide",
        "floor_divide",
        "remainder",
        "fmod",
        "pow",
        "copysign",
        "hypot",
        "logaddexp",
        "xlogy",
        "nextafter",
        "heaviside",
    ],
)
def test_special_values(function: str) -> None:
    # torch's own modulus of numbers this far apart is nan.
    pairs = [pair for pair in PAIRS if pair != (1e30, 1e-30)]
    a, b = (torch.tensor(each) for each in zip(*pairs, strict=True))
    same(getattr(torch, function), getattr(arithmetic, function), (a, b))


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, -0.5, -1, -2, 2.5])
def test_gradients_of_powers_at_special_values(exponent: float) -> None:
    x = torch.tensor([0.0, 1.0, 2.0, 4.0, math.inf], requires_grad=True)
    same(torch.pow, arithmetic.pow, (x, exponent), grad=True)


def test_gradients_of_powers_of_zero() -> None:
    base = torch.tensor([0.0, 0.0, 0.0, 2.0], requires_grad=True)
    exponent = torch.tensor([0.0, 1.0, 2.0, 0.0], requires_grad=True)
    same(torch.pow, arithmetic.pow, (base, exponent), grad=True)


@pytest.mark.parametrize("function", ["abs", "sign", "reciprocal", "square", "neg", "sgn"])
def test_gradients_at_special_values(function: str) -> None:
    x = torch.tensor(SPECIAL, requires_grad=True)
    same(getattr(torch, function), getattr(arithmetic, function), (x,), grad=True)


def test_gradient_of_the_angle_at_the_origin_is_zero() -> None:
    y = torch.tensor([0.0, 1.0, 0.0, -0.0], requires_grad=True)
    x = torch.tensor([0.0, 0.0, -1.0, -0.0], requires_grad=True)
    same(torch.atan2, arithmetic.atan2, (y, x), grad=True)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_integers_wrap(name: str) -> None:
    dtype = getattr(torch, name)
    limits = torch.iinfo(dtype)
    x = torch.tensor([limits.min, limits.max, 3], dtype=dtype)
    y = torch.tensor([limits.max, limits.max, 2], dtype=dtype)
    for function in ("add", "sub", "mul"):
        same(getattr(torch, function), getattr(arithmetic, function), (x, y))
        same(getattr(torch, function), getattr(arithmetic, function), (x, 7))
    same(torch.neg, arithmetic.neg, (x,))
    same(torch.pow, arithmetic.pow, (x, 5))
    same(torch.pow, arithmetic.pow, (x, torch.tensor([3, 9, 12], dtype=dtype)))


@pytest.mark.parametrize("mode", [None, "floor", "trunc", "other"])
@pytest.mark.parametrize("name", ["int64", "int8", "uint8", "float32", "bfloat16"])
def test_rounding_modes(mode: str | None, name: str) -> None:
    dtype = getattr(torch, name)
    a = torch.tensor([7, 100, 9, 1] if name == "uint8" else [7, -7, 9, -1]).to(dtype)
    b = torch.tensor([2, 3, 4, 5] if name == "uint8" else [2, 2, -4, -5]).to(dtype)
    same(torch.div, arithmetic.div, (a, b), {"rounding_mode": mode})
    same(torch.div, arithmetic.div, (a, 2), {"rounding_mode": mode})


@pytest.mark.parametrize("function", ["floor_divide", "remainder", "fmod"])
def test_integers_over_zero_raise(function: str) -> None:
    a, b = torch.tensor([4, 5]), torch.tensor([2, 0])
    same(getattr(torch, function), getattr(arithmetic, function), (a, b))


def test_shapes_that_do_not_broadcast() -> None:
    a, b = torch.ones(2, 3), torch.ones(2, 4)
    with pytest.raises(RuntimeError) as theirs:
        torch.add(a, b)
    with pytest.raises(RuntimeError) as ours:
        arithmetic.add(to_paddle(a), to_paddle(b))
    assert str(ours.value) == str(theirs.value)
    for function in ("sub", "mul", "true_divide", "pow", "hypot", "logaddexp", "atan2"):
        same(getattr(torch, function), getattr(arithmetic, function), (a, b))


@pytest.mark.parametrize(
    ("a", "b", "alpha"),
    [
        (torch.tensor([1, 2]), torch.tensor([3, 4]), 2),
        (torch.tensor([1, 2]), torch.tensor([3, 4]), 2.5),
        (torch.tensor([1, 2]), torch.tensor([3.0, 4.0]), 2.5),
        (torch.tensor([1.0, 2.0]), 3, 2.5),
        (torch.tensor([True, False]), torch.tensor([True, True]), True),
        (torch.tensor([True, False]), torch.tensor([True, True]), 2),
        (torch.tensor([1.0, 2.0]), torch.tensor(3, dtype=torch.int64), -1),
    ],
)
def test_alpha(a: torch.Tensor, b: torch.Tensor, alpha: float) -> None:
    for function in ("add", "sub", "rsub"):
        same(getattr(torch, function), getattr(arithmetic, function), (a, b), {"alpha": alpha})


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1, 2), (None, 2), (-1.5, None), (2, -1), (math.nan, None), (0, 0), (None, None)],
)
@pytest.mark.parametrize("name", ["float32", "int64", "uint8", "bfloat16"])
def test_clamp_by_numbers(low: float | None, high: float | None, name: str) -> None:
    values = [0, 1, 2, 3] if name == "uint8" else [-2, -1, 0, 2]
    x = torch.tensor(values).to(getattr(torch, name)).requires_grad_(name == "float32")
    if name == "uint8" and low == -1:
        low = 1
    if name != "float32" and low is not None and math.isnan(low):
        return
    same(torch.clamp, bounds.clamp, (x, low, high), grad=True)


def test_clamp_by_tensors_shares_the_gradient_as_torch() -> None:
    x = torch.tensor([[-2.0, 0.0, 1.0], [2.0, 3.0, math.nan]], requires_grad=True)
    low = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    high = torch.tensor([[1.0], [3.0]], requires_grad=True)
    same(torch.clamp, bounds.clamp, (x, low, high), grad=True)
    same(torch.clamp, bounds.clamp, (x, None, high), grad=True)
    same(torch.clamp, bounds.clamp, (x, low), grad=True)


@pytest.mark.parametrize("function", ["maximum", "minimum", "fmax", "fmin"])
def test_ties(function: str) -> None:
    a = torch.tensor([1.0, 2.0, 3.0, 0.0], requires_grad=True)
    b = torch.tensor([1.0, 3.0, 2.0, -0.0], requires_grad=True)
    same(getattr(torch, function), getattr(bounds, function), (a, b), grad=True)


def test_lerp_reaches_both_ends_exactly() -> None:
    a = torch.tensor([0.1, 1e8, 3.0])
    b = torch.tensor([0.7, 1.0, -3.0])
    for weight in (0.0, 0.3, 0.5, 0.9, 1.0):
        same(torch.lerp, arithmetic.lerp, (a, b, weight), bits=True)
        same(torch.lerp, arithmetic.lerp, (a, b, torch.full((3,), weight)), bits=True)


def test_the_result_of_no_work_is_new() -> None:
    x = paddle.ones([2])
    for result in (arithmetic.pow(x, 1), arithmetic.mul(x, 1), arithmetic.add(x, 0)):
        assert result.data_ptr() != x.data_ptr()
