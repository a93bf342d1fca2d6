"""The normal distribution's and the incomplete gamma functions, against torch and to float64's precision."""

from __future__ import annotations

from typing import Any

import paddle
import pytest
import torch
from against_torch import same
from samples import EVERY, cases, check_errors, check_samples

from oarlock.ops import incomplete_gamma, normal_distribution

NORMAL = ("ndtr", "log_ndtr", "ndtri", "erfcx")
OURS = {f"special.{name}": getattr(normal_distribution, f"special_{name}") for name in NORMAL}
OURS |= {"igamma": incomplete_gamma.igamma, "igammac": incomplete_gamma.igammac}


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, (*EVERY, torch.float64)))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    if "igamma" not in op.name:
        check_samples(op, ours, dtype)
        return
    for sample in op.sample_inputs("cpu", dtype):
        same(op.op, ours, (sample.input.abs(), *(each.abs() for each in sample.args)))


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


@pytest.mark.parametrize("name", NORMAL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_over_the_whole_range(name: str, dtype: torch.dtype) -> None:
    x = torch.linspace(-25, 45, 401, dtype=dtype)
    if name == "ndtri":
        tails = 10.0 ** torch.linspace(-30, -1, 50, dtype=dtype)
        x = torch.cat([tails, torch.linspace(0.01, 0.99, 99, dtype=dtype), 1 - tails[-20:]])
    same(getattr(torch.special, name), OURS[f"special.{name}"], (x.requires_grad_(),), grad=True)


@pytest.mark.parametrize("name", NORMAL)
def test_edges(name: str) -> None:
    x = torch.tensor([0.0, 1.0, -1.0, 2.0, 0.5, torch.inf, -torch.inf, torch.nan])
    same(getattr(torch.special, name), OURS[f"special.{name}"], (x,))


@pytest.mark.parametrize("name", ["igamma", "igammac"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gamma(name: str, dtype: torch.dtype) -> None:
    a = torch.tensor([0.01, 0.5, 1, 3, 20, 100], dtype=dtype)[:, None]
    x = torch.tensor([0.001, 0.3, 1, 4, 19, 90, 130], dtype=dtype, requires_grad=True)
    same(getattr(torch, name), OURS[name], (a, x), grad=True)
    a = torch.tensor([0.0, -1, 1, 1, 0, 1, torch.inf], dtype=dtype)
    x = torch.tensor([1.0, 1, -1, 0, 0, torch.inf, 1], dtype=dtype)
    same(getattr(torch, name), OURS[name], (a, x))


def test_the_gradient_of_the_first_is_refused() -> None:
    a = paddle.to_tensor([1.0], stop_gradient=False)
    # Paddle hands an error of a backward on inside one of its own.
    with pytest.raises(OSError, match="NotImplementedError: the derivative for 'igamma: input'"):
        incomplete_gamma.igamma(a, paddle.to_tensor([2.0])).backward()
