"""torch.testing beside torch's own: the same verdicts, in the same words, and the same draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import oarlock.torch as oarlock_torch

CASES: dict[str, Any] = {
    "tensors": lambda t: {"actual": t.tensor([1.0, 2, 3]), "expected": t.tensor([1.0, 2, 4])},
    "integers": lambda t: {"actual": t.tensor([1, 2, 3]), "expected": t.tensor([1, 2, 4])},
    "dtypes": lambda t: {"actual": t.tensor([1]), "expected": t.tensor([1.0])},
    "dtypes_unchecked": lambda t: {
        "actual": t.tensor([1, 2]),
        "expected": t.tensor([1.0, 4]),
        "check_dtype": False,
    },
    "no_dims": lambda t: {"actual": t.tensor(1.0), "expected": t.tensor(2.0)},
    "numbers": lambda t: {"actual": 1.0, "expected": 2.0},
    "kinds_of_number": lambda t: {"actual": 1, "expected": 1.0},
    "kinds_unchecked": lambda t: {"actual": 1, "expected": 1.0, "check_dtype": False},
    "none": lambda t: {"actual": None, "expected": 2},
    "bools": lambda t: {"actual": True, "expected": False},
    "strings": lambda t: {"actual": "a", "expected": "a"},
    "sequence": lambda t: {"actual": [1.0, t.ones(2)], "expected": [1.0, t.zeros(2)]},
    "lengths": lambda t: {"actual": [1], "expected": [1, 2]},
    "keys": lambda t: {"actual": {"a": 1.0}, "expected": {"b": 1.0}},
    "nested": lambda t: {"actual": {"a": [1.0]}, "expected": {"a": [2.0]}},
    "shapes": lambda t: {"actual": t.ones(2), "expected": t.ones(3)},
    "array_and_tensor": lambda t: {"actual": t.ones(2), "expected": np.ones(2, np.float32)},
    "arrays": lambda t: {"actual": np.ones(2), "expected": np.zeros(2)},
    "one_tolerance": lambda t: {"actual": t.ones(2), "expected": t.ones(2), "rtol": 1.0},
    "exact": lambda t: {"actual": t.ones(2), "expected": t.zeros(2), "rtol": 0, "atol": 0},
    "message": lambda t: {"actual": t.ones(2), "expected": t.zeros(2), "msg": "wrong"},
    "made_message": lambda t: {"actual": 1.0, "expected": 2.0, "msg": lambda m: f"So: {m}"},
    "strides": lambda t: {
        "actual": t.ones(2, 3),
        "expected": t.ones(3, 2).t(),
        "check_stride": True,
    },
    "nan": lambda t: {"actual": t.tensor([np.nan]), "expected": t.tensor([np.nan])},
    "equal_nan": lambda t: {
        "actual": t.tensor([np.nan]),
        "expected": t.tensor([np.nan]),
        "equal_nan": True,
    },
    "within": lambda t: {"actual": t.tensor([1.0]), "expected": t.tensor([1.000002])},
    "halves": lambda t: {
        "actual": t.ones(2, dtype=t.bfloat16),
        "expected": t.ones(2, dtype=t.bfloat16) * 1.1,
    },
    "complex": lambda t: {"actual": t.tensor([1 + 1j]), "expected": t.tensor([1 + 2j])},
    "parameter": lambda t: {"actual": t.nn.Parameter(t.ones(2)), "expected": t.ones(2)},
    "zero_expected": lambda t: {"actual": 1.0, "expected": 0.0},
}


def _said(t: Any, build: Any) -> Any:
    try:
        t.testing.assert_close(**build(t))
    except Exception as error:
        return type(error).__name__, str(error)
    return None


@pytest.mark.parametrize("build", CASES.values(), ids=CASES)
def test_assert_close(build: Any) -> None:
    assert _said(oarlock_torch, build) == _said(torch, build)


@pytest.mark.parametrize(
    "options",
    [{}, {"low": -1, "high": 2}, {"noncontiguous": True}, {"low": 5, "high": 2}],
    ids=["plain", "bounds", "noncontiguous", "empty_interval"],
)
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "bfloat16", "int64", "int8", "uint8", "bool", "complex64"]
)
def test_make_tensor(dtype: str, options: dict[str, Any]) -> None:
    def made(t: Any) -> Any:
        t.manual_seed(3)
        try:
            x = t.testing.make_tensor(3, 4, dtype=getattr(t, dtype), device="cpu", **options)
        except Exception as error:
            return type(error).__name__, str(error)
        return x.tolist(), x.stride()

    assert made(oarlock_torch) == made(torch)
