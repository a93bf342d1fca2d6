"""Views of tensors without dimensions share their memory, as torch's do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import oarlock.torch as oarlock_torch


def _written(t: Any, shape: tuple[int, ...], to: tuple[int, ...]) -> Any:
    x = t.zeros(shape)
    x.view(to).fill_(1.0)
    x.reshape(to).add_(2.0)
    return x.tolist(), list(x.view(to).shape)


@pytest.mark.parametrize(
    ("shape", "to"), [((), (-1,)), ((), (1, 1)), ((1,), ()), ((1, 1), ()), ((), ())]
)
def test_writes_reach_the_base(shape: tuple[int, ...], to: tuple[int, ...]) -> None:
    assert _written(oarlock_torch, shape, to) == _written(torch, shape, to)
