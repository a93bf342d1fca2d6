"""Comparisons and logic against torch: close values, nan, signed zeros, mixed dtypes, numbers."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from against_torch import same

from oarlock.ops import bitwise, comparison, logical

VALUES = [0.0, -0.0, 1e-30, 1e-9, 2e-9, 1.0, 1.0000001, -1.0, math.inf, -math.inf, math.nan]
NAMES = ("eq", "ne", "lt", "le", "gt", "ge")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_every_pair_of_values(name: str, dtype: torch.dtype) -> None:
    pairs = list(itertools.product(VALUES, VALUES))
    a, b = (torch.tensor(each, dtype=dtype) for each in zip(*pairs, strict=True))
    same(getattr(torch, name), getattr(comparison, name), (a, b))
    for number in VALUES:
        same(getattr(torch, name), getattr(comparison, name), (a, number))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_beside_integers(name: str) -> None:
    x = torch.tensor([1, 2, 3])
    for number in (2, 2.5, True):
        same(getattr(torch, name), getattr(comparison, name), (x, number))
    same(getattr(torch, name), getattr(comparison, name), (x > 1, 1))
    same(getattr(torch, name), getattr(comparison, name), (x, torch.tensor([1.0, 2.5, 3.0])))
    same(getattr(torch, name), getattr(comparison, name), (x, torch.ones(2)))


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic_of_anything(name: str) -> None:
    a = torch.tensor([0.0, 1e-30, math.nan, 2.0])
    b = torch.tensor([0, 1, 0, 1], dtype=torch.uint8)
    same(getattr(torch, name), getattr(logical, name), (a, b))
    same(torch.logical_not, logical.logical_not, (a,))


@pytest.mark.parametrize(
    "kwargs", [{}, {"rtol": 0.1}, {"atol": 0.5, "rtol": 0}, {"equal_nan": True}, {"rtol": -1}]
)
def test_closeness(kwargs: dict) -> None:
    a = torch.tensor([1.0, 1.05, math.nan, math.inf, -math.inf, 1e10])
    b = torch.tensor([1.0, 1.0, math.nan, math.inf, math.inf, 1.00001e10])
    same(torch.isclose, comparison.isclose, (a, b), kwargs)
    same(torch.allclose, comparison.allclose, (a, b), kwargs)
    same(torch.allclose, comparison.allclose, (a[:2], b[:2]), kwargs)
    same(
        torch.isclose, comparison.isclose, (torch.tensor([1, 100]), torch.tensor([2, 101])), kwargs
    )


def test_equal() -> None:
    x = torch.tensor([1.0, 2.0])
    for other in (x, x + 1e-7, x[:1], x.reshape(1, 2), torch.tensor([1.0, math.nan])):
        same(torch.equal, comparison.equal, (x, other))


@pytest.mark.parametrize("number", [0, 1, 7, 8, 40, 63, 64, -1])
def test_shifts_beyond_the_width(number: int) -> None:
    for dtype in (torch.int64, torch.int32, torch.uint8):
        x = torch.tensor([1, 5, 100]).to(dtype)
        if dtype is torch.uint8 and number < 0:
            continue
        n = torch.tensor(number).to(dtype)
        same(torch.bitwise_left_shift, bitwise.bitwise_left_shift, (x, n))
        same(torch.bitwise_right_shift, bitwise.bitwise_right_shift, (x, n))
