"""Order, against torch; where equal elements leave torch's places open, the values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from against_torch import same
from samples import cases, check_errors, check_samples

from oarlock.ops import sorting

NAMES = ["bucketize", "isin", "msort", "searchsorted", "unravel_index"]
OURS = {name: getattr(sorting, name) for name in NAMES}
OURS["nn.functional.one_hot"] = sorting.one_hot
TIED = {name: getattr(sorting, name) for name in ("sort", "argsort", "topk", "kthvalue")}


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    if op.name == "msort" and dtype in (torch.bfloat16, torch.float16):
        check_samples(
            op, lambda x: ours(x).detach(), dtype, theirs=lambda x: torch.msort(x).detach()
        )
    else:
        check_samples(op, ours, dtype)


def _stable(sort: Any) -> Any:
    return lambda x, *args, **kwargs: sort(x, stable=True, **_named(args), **_others(kwargs))


def _named(args: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("dim", "descending"), args, strict=False))


def _others(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name != "stable"}


@pytest.mark.parametrize(("op", "ours", "dtype"), cases({k: TIED[k] for k in ("sort", "argsort")}))
def test_samples_of_stable_sorts(op: Any, ours: Any, dtype: torch.dtype) -> None:
    theirs = _stable(getattr(torch, op.name))
    check_samples(op, ours, dtype, theirs=lambda *a, **k: _plain(theirs(*a, **k)))


def _plain(result: Any) -> Any:
    return tuple(result) if isinstance(result, tuple) else result


@pytest.mark.parametrize(("op", "ours", "dtype"), cases({k: TIED[k] for k in ("topk", "kthvalue")}))
def test_samples_with_ties(op: Any, ours: Any, dtype: torch.dtype) -> None:
    if dtype == torch.float32:
        check_samples(op, ours, dtype, seen_as=_plain)
    check_samples(
        op,
        lambda *a, **k: ours(*a, **k)[0].detach(),
        dtype,
        theirs=lambda *a, **k: op.op(*a, **k)[0].detach(),
    )


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS | TIED, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_nan_is_the_greatest(descending: bool, dtype: torch.dtype) -> None:
    x = torch.tensor(
        [3.0, float("nan"), 1.0, float("inf"), -float("inf"), float("nan"), 2.0], dtype=dtype
    )
    same(
        lambda x: tuple(torch.sort(x, descending=descending, stable=True)),
        lambda x: sorting.sort(x, -1, descending),
        (x,),
    )
    same(
        lambda x: torch.topk(x, 4, largest=descending).values,
        lambda x: sorting.topk(x, 4, largest=descending)[0],
        (x,),
    )
