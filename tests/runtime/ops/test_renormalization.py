"""renorm, against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from against_torch import same
from samples import cases, check_errors, check_samples, samples_of

from oarlock.ops.renormalization import renorm

OURS = {"renorm": renorm}


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    if not dtype.is_complex:
        check_samples(op, ours, dtype)
        return
    # torch's own gradient of complex slices is NaN.
    for sample in samples_of(op, dtype):
        same(op.op, ours, (sample.input, *sample.args))


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)
