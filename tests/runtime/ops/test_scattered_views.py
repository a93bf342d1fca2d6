"""select_scatter and slice_scatter with torch's own samples and error inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from samples import FLOATS, cases, check_samples

from oarlock.ops import scattered_views

OURS = {name: getattr(scattered_views, name) for name in ("select_scatter", "slice_scatter")}


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, (*FLOATS, torch.int64, torch.bool)))
def test_samples(op: Any, ours: Callable, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype)
