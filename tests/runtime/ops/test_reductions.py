"""Reductions and scans against torch: dims, dtypes, ties, nan, empty tensors, gradients."""

from __future__ import annotations

import math
from typing import Any

import paddle
import pytest
import torch
from against_torch import same, to_paddle

from oarlock.errors import UnsupportedError
from oarlock.ops import counting, extremes, norms, reductions, scans, statistics

NAN, INF = math.nan, math.inf
TIES = torch.tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [-0.0, 0.0, -1.0, -1.0]])
NANS = torch.tensor([[1.0, NAN, 3.0, NAN], [NAN, INF, -INF, 1.0], [INF, INF, 1.0, 2.0]])
DIMS = [None, 0, 1, -1, (0, 1), (1,), (), 2, (0, 0), (0, -2)]
OVER_DIMS = {
    "sum": reductions.sum,
    "mean": reductions.mean,
    "nansum": reductions.nansum,
    "nanmean": reductions.nanmean,
    "amax": extremes.amax,
    "amin": extremes.amin,
    "all": reductions.all,
    "any": reductions.any,
    "count_nonzero": reductions.count_nonzero,
    "logsumexp": reductions.logsumexp,
    "var": statistics.var,
    "std": statistics.std,
}
ALONG = {
    "max": extremes.max_along,
    "min": extremes.min_along,
    "median": statistics.median_along,
    "nanmedian": statistics.nanmedian_along,
    "argmax": extremes.argmax,
    "argmin": extremes.argmin,
    "cumsum": scans.cumsum,
    "cumprod": scans.cumprod,
    "cummax": scans.cummax,
    "cummin": scans.cummin,
    "prod": reductions.prod,
}


@pytest.mark.parametrize("data", [TIES, NANS, torch.tensor(2.5), torch.zeros(0, 3)], ids=range(4))
@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize("name", OVER_DIMS)
def test_over_dims(name: str, dim: Any, data: torch.Tensor) -> None:
    x = data.clone().requires_grad_()
    if dim in ((0, 0), (0, -2)) and not data.numel():
        return  # Which of the two errors comes first is no promise.
    # torch's gradient of a variance over () divides by zero; at infinity either side's is nan or inf.
    grad = name not in ("var", "std") or not (dim == () or data is NANS)
    args = () if dim is None and name != "logsumexp" else (dim,)
    if name != "logsumexp" or dim != () or not data.ndim:
        # torch fails on logsumexp(x, ()) unless the dims are kept.
        same(getattr(torch, name), OVER_DIMS[name], (x, *args), grad=grad)
    if args and name != "count_nonzero":
        same(getattr(torch, name), OVER_DIMS[name], (x, *args), {"keepdim": True}, grad=grad)


@pytest.mark.parametrize("data", [TIES, NANS, torch.tensor(2.5), torch.zeros(3, 0)], ids=range(4))
@pytest.mark.parametrize("dim", [0, 1, -1, 2])
@pytest.mark.parametrize("name", ALONG)
def test_along_a_dim(name: str, dim: int, data: torch.Tensor) -> None:
    x = data.clone().requires_grad_()
    if not data.numel() and name in ("cummax", "cummin") and dim == 2:
        return  # torch looks at no dim here.
    # Products of nan and infinities: both gradients are spoiled, in different places.
    grad = not (name == "cumprod" and data is NANS)
    same(getattr(torch, name), ALONG[name], (x, dim), grad=grad)
    if not name.startswith("cum"):
        same(getattr(torch, name), ALONG[name], (x, dim), {"keepdim": True}, grad=True)


@pytest.mark.parametrize("data", [TIES, NANS, torch.tensor(2.5), torch.zeros(0)], ids=range(4))
@pytest.mark.parametrize("name", ["max", "min", "median", "nanmedian"])
def test_of_all(name: str, data: torch.Tensor) -> None:
    x = data.clone().requires_grad_()
    module = extremes if name in ("max", "min") else statistics
    same(getattr(torch, name), getattr(module, f"{name}_of_all"), (x,), grad=True)


@pytest.mark.parametrize("name", ["sum", "prod", "cumsum", "cumprod", "nansum"])
@pytest.mark.parametrize("source", [torch.bool, torch.uint8, torch.int32, torch.float32])
@pytest.mark.parametrize(
    "target", [None, torch.int64, torch.uint8, torch.float64, torch.bfloat16, torch.bool]
)
def test_dtypes(name: str, source: torch.dtype, target: torch.dtype | None) -> None:
    if name == "prod" and target is torch.bool:
        target = torch.int8
    x = torch.tensor([[200, 1, 0], [100, 3, 2]]).to(source)
    ours = {**OVER_DIMS, **ALONG}[name]
    same(getattr(torch, name), ours, (x, 1), {"dtype": target})
    if name in ("sum", "prod"):
        same(getattr(torch, name), ours, (x,), {"dtype": target})


@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("dim", [None, 0, 1])
def test_gradient_of_a_product_with_zeros(zeros: int, dim: int | None) -> None:
    x = torch.arange(1.0, 7.0).reshape(2, 3)
    x[0, :zeros] = 0
    x.requires_grad_()
    same(torch.prod, reductions.prod, (x,) if dim is None else (x, dim), grad=True)
    same(torch.cumprod, scans.cumprod, (x, dim or 0), grad=True)


@pytest.mark.parametrize("p", ["fro", "nuc", 0, 0.5, 1, 1.5, 2, 3, -1, INF, -INF])
@pytest.mark.parametrize("dim", [None, 1, (0, 1)], ids=str)
def test_norms(p: Any, dim: Any) -> None:
    if p == "nuc" and isinstance(dim, int):
        return
    x = torch.tensor([[3.0, 0.0, -4.0], [0.0, 0.0, 0.0], [1.0, 1.0, 2.0]])
    if p == "nuc":
        x = torch.tensor([[3.0, 1.0, -4.0], [0.5, 2.0, 0.0], [1.0, 1.0, 2.0]])
    same(torch.norm, norms.norm, (x.requires_grad_(), p, dim), grad=True)
    same(torch.norm, norms.norm, (x, p, dim, True), {"dtype": torch.float64}, grad=True)


def test_norms_of_integers_raise() -> None:
    same(torch.norm, norms.norm, (torch.tensor([3, 4]),))


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"dim": 1},
        {"dim": (0, 1), "keepdim": True},
        {"dim": 0, "correction": 0},
        {"dim": 1, "correction": 2.5},
        {"dim": 0, "correction": 5},
        {"dim": 1, "unbiased": False},
        {"unbiased": False},
        {"correction": 0},
    ],
    ids=str,
)
def test_spread(name: str, kwargs: dict) -> None:
    x = torch.tensor([[1.0, 2.0, 4.0], [5.0, 5.0, 5.0]], requires_grad=True)
    # A correction beyond the count makes it infinite; torch's gradient goes on with the negative count.
    grad = kwargs.get("correction", 0) < 5
    same(getattr(torch, name), getattr(statistics, name), (x,), kwargs, grad=grad)


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "nearest", "midpoint"])
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_quantiles(name: str, interpolation: str) -> None:
    x = torch.tensor([[4.0, 1.0, 3.0, 2.0], [NAN, 1.0, 5.0, 2.0]], requires_grad=True)
    kwargs = {"interpolation": interpolation}
    for q in (0.0, 0.3, 0.5, 1.0, torch.tensor([0.1, 0.6, 1.0]), torch.tensor([[0.5]]), 1.5):
        for dim, keepdim in ((None, False), (1, False), (0, True)):
            same(
                getattr(torch, name),
                getattr(statistics, name),
                (x, q, dim, keepdim),
                kwargs,
                grad=True,
            )


def test_mode() -> None:
    x = torch.tensor([[3, 1, 1, 3, 2], [5, 4, 5, 4, 4]])
    same(torch.mode, statistics.mode, (x,))
    same(torch.mode, statistics.mode, (x.float().requires_grad_(), 0, True), grad=True)


@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_distinct_elements(dim: int | None) -> None:
    x = torch.tensor([[2, 1, 2], [2, 1, 2], [0, 1, 0]])
    kwargs = {"return_inverse": True, "return_counts": True, "dim": dim}
    for each in (x, x.float(), x.bool(), x.to(torch.int8), x[:0]):
        if each.numel() or dim in (None, 0):
            same(torch.unique, counting.unique, (each,), kwargs)
            same(torch.unique_consecutive, counting.unique_consecutive, (each,), kwargs)


def test_nans_are_all_distinct() -> None:
    x = torch.tensor([NAN, 1.0, NAN, 1.0])
    same(torch.unique, counting.unique, (x,), {"return_counts": True, "return_inverse": True})


def test_counts() -> None:
    x = torch.tensor([1, 3, 3, 0])
    same(torch.bincount, counting.bincount, (x,), {"minlength": 6})
    same(torch.bincount, counting.bincount, (x, torch.tensor([0.5, 1.0, 2.0, 4.0])))
    same(torch.bincount, counting.bincount, (x, torch.tensor([1, 2, 3, 4])))
    same(torch.bincount, counting.bincount, (torch.tensor([-1, 2]),))
    same(torch.bincount, counting.bincount, (x[:0],))
    same(torch.bincount, counting.bincount, (x.float(),))


@pytest.mark.parametrize("args", [(), (4,), (4, 0, 1), (3, 1, 1), (2, 5, 1), (0,)])
def test_histogram_of_counts(args: tuple) -> None:
    x = torch.tensor([0.0, 0.1, 0.5, 0.99, 1.0, 1.5, -0.2])
    same(torch.histc, counting.histc, (x, *args))


def test_histograms() -> None:
    x = torch.tensor([0.0, 0.1, 0.5, 0.99, 1.0, 1.5, -0.2])
    weight = torch.arange(7.0)
    same(torch.histogram, counting.histogram, (x, 4))
    same(torch.histogram, counting.histogram, (x, 4), {"range": (0.0, 1.0), "weight": weight})
    edges = torch.tensor([0.0, 0.3, 1.0])
    same(torch.histogram, counting.histogram, (x, edges), {"density": True})


def test_differences() -> None:
    x = torch.tensor([[1, 4, 9], [0, 0, 7]])
    for each in (x, x.float(), x > 3, x.to(torch.uint8)):
        same(torch.diff, scans.diff, (each,))
        same(torch.diff, scans.diff, (each, 2, 0))
        same(torch.diff, scans.diff, (each,), {"prepend": each[:, :1], "append": each[:, 1:]})
    same(torch.diff, scans.diff, (torch.tensor(3.0),))


def test_what_paddle_lacks_is_refused() -> None:
    z = to_paddle(torch.ones(2, 2, dtype=torch.complex64))
    with pytest.raises(UnsupportedError, match="real numbers only"):
        scans.logcumsumexp(z, 0)
    z.stop_gradient = False
    with pytest.raises(UnsupportedError, match="wrong gradient"):
        norms.norm(z, "nuc")
    with paddle.no_grad():
        assert norms.norm(z.detach(), "nuc").item() == pytest.approx(2.0)
