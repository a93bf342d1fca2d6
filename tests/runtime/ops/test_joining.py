"""Joining, repeating and rearranging tensors, against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from against_torch import same
from samples import cases, check_errors, check_samples

from oarlock.ops import joining, rearranging, repeating, triangles

MODULES = (joining, repeating, rearranging, triangles)
NAMES = [
    "block_diag",
    "broadcast_tensors",
    "cartesian_prod",
    "cat",
    "column_stack",
    "combinations",
    "diag",
    "diag_embed",
    "diagflat",
    "dstack",
    "fliplr",
    "flipud",
    "hstack",
    "meshgrid",
    "repeat",
    "repeat_interleave",
    "roll",
    "rot90",
    "stack",
    "tile",
    "trace",
    "tril",
    "triu",
    "vstack",
]
OURS = {
    name: getattr(module, name) for module in MODULES for name in NAMES if hasattr(module, name)
}
OURS["flip"] = lambda x, dims: rearranging.flip(x, dims)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


@pytest.mark.parametrize("name", ["cat", "stack", "hstack", "vstack", "dstack", "column_stack"])
@pytest.mark.parametrize(
    "dtypes",
    [
        (torch.int64, torch.float32),
        (torch.bool, torch.uint8),
        (torch.bfloat16, torch.float16),
        (torch.float64, torch.complex64),
    ],
)
def test_promotion(name: str, dtypes: tuple[torch.dtype, ...]) -> None:
    tensors = [torch.ones(2, 3).to(dtype) for dtype in dtypes]
    same(getattr(torch, name), OURS[name], (tensors,))


@pytest.mark.parametrize(
    "shapes",
    [[(0,), (2, 3)], [(2, 3), (0,), (1, 3)], [(0,), (0,)], [(2, 0), (2, 3)], [(), (1,)], []],
)
@pytest.mark.parametrize("dim", [0, 1, -1, 5])
def test_cat_of_empty_tensors(shapes: list[tuple[int, ...]], dim: int) -> None:
    same(torch.cat, joining.cat, ([torch.ones(shape) for shape in shapes], dim))


@pytest.mark.parametrize(
    "repeats", [[], [2], [2, 3], [1, 2, 0, 1], [1, 1, 1, 1, 1, 2, 1, 3], [-1, 2]]
)
def test_repeat(repeats: list[int]) -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    same(lambda x, r: x.repeat(r), repeating.repeat, (x, repeats), grad=True)
    same(
        lambda x, r: x.repeat(*r) if r else x.repeat(()),
        lambda x, r: repeating.repeat(x, *r),
        (x, repeats),
    )
    same(lambda x, r: x.tile(r), repeating.tile, (x, repeats), grad=True)


def test_repeat_interleave_of_counts() -> None:
    same(torch.repeat_interleave, repeating.repeat_interleave, (torch.tensor([2, 0, 3]),))
    same(torch.repeat_interleave, repeating.repeat_interleave, (torch.tensor([2, -1]),))


@pytest.mark.parametrize("N", [None, 0, 1, 4])
@pytest.mark.parametrize("increasing", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.float16])
def test_vander(N: int | None, increasing: bool, dtype: torch.dtype) -> None:  # noqa: N803
    x = torch.tensor([1, 2, -3, 0]).to(dtype)
    same(torch.vander, triangles.vander, (x, N, increasing))
