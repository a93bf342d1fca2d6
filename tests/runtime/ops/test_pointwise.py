"""Element-wise functions against torch at zeros, infinities, nan and the borders of their domains."""

from __future__ import annotations

import math

import pytest
import torch
from against_torch import same, to_paddle, to_torch

from oarlock.ops import arithmetic, pointwise, special

SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, 3.5, 100.0, -100.0, math.inf, -math.inf, math.nan,
    1e-30, -1e-30, 1e-5, 0.99999,
]  # fmt: skip
UNARY = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "sigmoid",
    "logit",
    "sinc",
    "deg2rad",
    "rad2deg",
    "floor",
    "ceil",
    "trunc",
    "round",
    "frac",
    "nan_to_num",
    "isnan",
    "isinf",
    "isfinite",
    "isposinf",
    "isneginf",
    "isreal",
    "signbit",
    "angle",
    "real",
    "positive",
    "erf",
    "erfc",
    "erfinv",
    "lgamma",
    "i0",
    "neg",
    "reciprocal",
    "frexp",
]
# torch has -inf for the root's gradient at -0.0, and for lgamma's and tan's no limit at their poles.
_NO_GRADIENT_AT = {"sqrt": (-0.0,), "rsqrt": (-0.0,), "lgamma": (0.0, -0.0, -1.0)}


def _function(name: str):
    for module in (pointwise, special, arithmetic):
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(name)


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_special_values(name: str, dtype: torch.dtype) -> None:
    x = torch.tensor(SPECIAL, dtype=dtype)
    same(getattr(torch, name), _function(name), (x,))


@pytest.mark.parametrize("name", UNARY)
def test_gradients_at_special_values(name: str) -> None:
    left_out = _NO_GRADIENT_AT.get(name, ())
    kept = [
        v
        for v in SPECIAL
        if not any(v == u and math.copysign(1, v) == math.copysign(1, u) for u in left_out)
    ]
    x = torch.tensor(kept, dtype=torch.float64, requires_grad=True)
    same(getattr(torch, name), _function(name), (x,), grad=True)


@pytest.mark.parametrize(
    "name", ["exp", "sqrt", "sigmoid", "erf", "floor", "sign", "square", "neg"]
)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.int8, torch.bool])
def test_integers(name: str, dtype: torch.dtype) -> None:
    x = torch.tensor([0, 1, 2, 100]).to(dtype)
    same(getattr(torch, name), _function(name), (x,))


@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 3])
def test_rounding_to_decimals(decimals: int) -> None:
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, 123.456, 155.0, 0.0015, math.inf, math.nan])
    same(torch.round, pointwise.round, (x,), {"decimals": decimals})


@pytest.mark.parametrize("kwargs", [{}, {"nan": 2.0}, {"posinf": 5.0}, {"nan": 1, "neginf": -7.0}])
def test_nan_to_num(kwargs: dict) -> None:
    x = torch.tensor([1.0, math.nan, math.inf, -math.inf], requires_grad=True)
    same(torch.nan_to_num, pointwise.nan_to_num, (x,), kwargs, grad=True)


@pytest.mark.parametrize("eps", [None, 1e-3, 0.2])
def test_logit(eps: float | None) -> None:
    x = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0], requires_grad=True)
    same(torch.logit, pointwise.logit, (x, eps), grad=True)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma_of_positive_numbers(n: int) -> None:
    x = torch.linspace(0.2, 20, 50, dtype=torch.float64, requires_grad=True)
    same(torch.polygamma, special.polygamma, (n, x), grad=True)


def test_digamma_below_zero_has_its_gradient() -> None:
    x = torch.tensor([-0.5, -1.3, -7.7, 0.3, 4.0], dtype=torch.float64, requires_grad=True)
    same(torch.digamma, special.digamma, (x,), grad=True)


def test_the_tail_of_erfc_keeps_its_digits() -> None:
    x = torch.tensor([0.1, 0.6, 3.0, 9.0], dtype=torch.float64)
    ratio = to_torch(special.erfc(to_paddle(x))) / torch.erfc(x)
    assert (ratio - 1).abs().max() <= 16 * torch.finfo(x.dtype).eps
