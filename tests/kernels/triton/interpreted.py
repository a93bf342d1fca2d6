"""What a process does that runs kernels in Triton's interpreter: on Paddle's tensors, on the CPU.

Whether kernels are interpreted is decided by TRITON_INTERPRET when Triton is imported, for the
whole process; so none of this may run in the tests' own.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import torch
from checks import ROOT, Case, Framework, errors

_PACKAGE = "oarlock.kernels.attention.triton"


def _to_paddle(x: torch.Tensor) -> paddle.Tensor:
    """Return a tensor of the same values and strides."""
    dtype: Any = str(x.dtype).removeprefix("torch.")
    if x.numel() == 0:
        return paddle.empty(list(x.shape), dtype)
    size = 1 + sum((n - 1) * step for n, step in zip(x.shape, x.stride(), strict=True))
    memory = x.as_strided((size,), (1,), x.storage_offset())
    if dtype in ("float16", "bfloat16"):
        memory = memory.float()
    flat = paddle.to_tensor(memory.numpy()).astype(dtype)
    return paddle.as_strided(flat, list(x.shape), list(x.stride()))


def _to_torch(x: paddle.Tensor) -> torch.Tensor:
    if 0 in x.shape:
        return torch.empty(x.shape, dtype=torch.float64)
    return torch.from_numpy(np.array(x.astype("float64").numpy()))


def _empty(like: paddle.Tensor, shape: list[int], dtype: Any) -> paddle.Tensor:
    # What a kernel fails to write shows.
    return paddle.full(shape, float("nan"), dtype)


PADDLE = Framework(_to_paddle, _to_torch, _empty)


def check(case: Case) -> list[tuple[str, float, float]]:
    """Return what is off in a case."""
    return errors(case, PADDLE)


def check_mutant(
    folder: str, name: str, replacements: dict[str, dict[str, str]], case: Case
) -> list[tuple[str, float, float]]:
    """Return what is off in a case with the kernels' text changed: {file: {old: new}}."""
    _write_mutant(folder, name, _frozen(replacements))
    return errors(case, PADDLE, name)


@cache
def _write_mutant(folder: str, name: str, replacements: Any) -> None:
    target = Path(folder, name)
    target.mkdir()
    source = ROOT / "runtime" / _PACKAGE.replace(".", "/")
    for path in source.glob("*.py"):
        text = path.read_text("utf-8").replace(_PACKAGE, name)
        for file, old, new in replacements:
            if file == path.name:
                assert old in text, f"{file} has no {old!r}: the mutation is out of date"
                text = text.replace(old, new)
        (target / path.name).write_text(text, "utf-8")
    sys.path.insert(0, folder)


def _frozen(replacements: dict[str, dict[str, str]]) -> tuple[tuple[str, str, str], ...]:
    return tuple((file, *pair) for file, pairs in replacements.items() for pair in pairs.items())
