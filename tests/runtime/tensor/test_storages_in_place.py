"""set_, resize_, resize_as_ and DLPack, beside torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.dlpack

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError


def _set(t: Any) -> Any:
    x, source = t.ones(2), t.arange(6.0).view(2, 3)
    same = x.set_(source) is x
    x.add_(1)
    return same, list(x.shape), source.tolist()


def _set_parameter(t: Any) -> Any:
    p = t.nn.Parameter(t.ones(2))
    with t.no_grad():
        p.set_(t.zeros(3))
    (p * 2).sum().backward()
    return list(p.shape), p.requires_grad, p.grad.tolist()


def _set_nothing(t: Any) -> Any:
    return list(t.ones(2, 3).set_().shape)


def _resized(t: Any, *sizes: Any) -> Any:
    x = t.arange(6.0).view(2, 3).clone()
    same = x.resize_(*sizes) is x
    return same, list(x.shape), x.view(-1)[:6].tolist()


def _resized_as(t: Any) -> Any:
    x = t.arange(6)
    x.resize_as_(t.ones(2, 2))
    return x.tolist()


CASES: dict[str, Any] = {
    "set": _set,
    "set_parameter": _set_parameter,
    "set_nothing": _set_nothing,
    "set_other_dtype": lambda t: t.ones(2).set_(t.ones(2, dtype=t.float64)),
    "smaller": lambda t: _resized(t, 2, 2),
    "larger": lambda t: _resized(t, (3, 4)),
    "same": lambda t: _resized(t, 2, 3),
    "empty": lambda t: _resized(t, 0),
    "negative": lambda t: t.ones(2).resize_(-1),
    "recorded": lambda t: t.ones(2, requires_grad=True).resize_(3),
    "as": _resized_as,
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_against_torch(case: Any) -> None:
    def said(t: Any) -> Any:
        try:
            return case(t)
        except Exception as error:
            return type(error).__name__, str(error)[:40]

    assert said(oarlock_torch) == said(torch)


def test_views_are_refused() -> None:
    x = oarlock_torch.ones(4)
    with pytest.raises(UnsupportedError, match="view"):
        x[:2].resize_(1)
    with pytest.raises(UnsupportedError, match="view"):
        x.view(2, 2).set_(oarlock_torch.ones(1))


@pytest.mark.parametrize("lender", ["numpy", "torch", "oarlock"])
def test_memory_is_lent_by_dlpack(lender: str) -> None:
    t = oarlock_torch
    source: Any = {
        "numpy": lambda: np.arange(3.0),
        "torch": lambda: torch.arange(3.0),
        "oarlock": lambda: t.arange(3.0),
    }[lender]()
    lent = t.from_dlpack(source)
    copied = t.utils.dlpack.from_dlpack(source, copy=True)
    lent += 1
    assert source.tolist() == [1.0, 2.0, 3.0]
    assert copied.tolist() == [0.0, 1.0, 2.0]


def test_memory_is_lent_to_others() -> None:
    t = oarlock_torch
    x = t.arange(3.0)
    theirs = torch.utils.dlpack.from_dlpack(t.utils.dlpack.to_dlpack(x))
    theirs += 1
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_memory_is_lent_by_a_capsule() -> None:
    theirs = torch.arange(3.0)
    ours = oarlock_torch.utils.dlpack.from_dlpack(theirs.__dlpack__())
    ours += 1
    assert theirs.tolist() == [1.0, 2.0, 3.0]


def test_what_cannot_be_lent() -> None:
    t = oarlock_torch
    with pytest.raises(BufferError, match="require gradient"):
        t.to_dlpack(t.ones(2, requires_grad=True))
    with pytest.raises(UnsupportedError, match="contiguous"):
        t.to_dlpack(t.ones(2, 3).T)
    capsule = t.to_dlpack(t.ones(2))
    with pytest.raises(AssertionError, match="capsule"):
        t.from_dlpack(capsule, copy=True)
