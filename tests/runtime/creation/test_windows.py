"""Window functions beside torch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import oarlock.torch as oarlock_torch


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett"])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("length", [-1, 0, 1, 2, 7, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int64"])
def test_windows(name: str, periodic: bool, length: int, dtype: str) -> None:
    def made(t: Any) -> Any:
        try:
            window = getattr(t, f"{name}_window")(length, periodic, dtype=getattr(t, dtype))
        except RuntimeError:
            return "RuntimeError"
        assert window.dtype == getattr(t, dtype)
        return window.double().numpy()

    ours, theirs = made(oarlock_torch), made(torch)
    if isinstance(theirs, str):
        assert ours == theirs
        return
    # One rounding of the angle, one of the cosine and one of the sum, on values up to 1.
    step = {"float32": 2.0**-23, "float64": 2.0**-52, "bfloat16": 2.0**-7}[dtype]
    # The angle grows to 4 pi, and its rounding with it.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=8 * step)
