"""torch.typename and torch.set_default_tensor_type beside torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import oarlock.torch as oarlock_torch


@pytest.mark.parametrize("value", ["a", 1, torch.float32, [1]], ids=repr)
def test_typename(value: Any) -> None:
    ours = oarlock_torch.float32 if value is torch.float32 else value
    assert oarlock_torch.typename(ours) == torch.typename(value)
    assert oarlock_torch.typename(oarlock_torch.ones(1)) == torch.typename(torch.ones(1))


def test_typename_of_a_module() -> None:
    ours, theirs = oarlock_torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    assert oarlock_torch.typename(ours) == torch.typename(theirs)


def test_set_default_tensor_type() -> None:
    try:
        oarlock_torch.set_default_tensor_type("torch.DoubleTensor")
        assert oarlock_torch.ones(1).dtype == oarlock_torch.float64
        oarlock_torch.set_default_tensor_type(oarlock_torch.FloatTensor)
        assert oarlock_torch.ones(1).dtype == oarlock_torch.float32
        with pytest.raises(TypeError, match="only floating-point types"):
            oarlock_torch.set_default_tensor_type(oarlock_torch.LongTensor)
    finally:
        oarlock_torch.set_default_dtype(oarlock_torch.float32)
