"""Picking and writing by index and mask, against torch."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from against_torch import same
from samples import cases, check_errors, check_samples

from oarlock.ops import gathering, scattering

MODULES = (gathering, scattering)
NAMES = [
    "argwhere",
    "gather",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "index_reduce",
    "index_select",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "nonzero",
    "put",
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "take",
    "take_along_dim",
]
OURS = {
    name: getattr(module, name) for module in MODULES for name in NAMES if hasattr(module, name)
}
# torch's samples call the method, which has the condition second.
OURS["where"] = lambda x, condition, other: gathering.where(condition, x, other)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


INTS = torch.arange(6)
LEAVES = torch.arange(6.0).requires_grad_()


@pytest.mark.parametrize("x", [INTS, LEAVES], ids=["int64", "float32"])
@pytest.mark.parametrize("index", [[0, 2, 2], [5], [6], [-1], [-7], []])
@pytest.mark.parametrize(
    "name",
    [
        "gather",
        "index_select",
        "take",
        "take_along_dim",
        "index_fill",
        "scatter",
        "index_add",
        "index_copy",
        "put",
    ],
)
def test_bounds_and_duplicates(name: str, index: list[int], x: torch.Tensor) -> None:
    places = torch.tensor(index, dtype=torch.int64)
    values = torch.arange(10, 10 + len(index)).to(x.dtype)
    arguments: dict[str, tuple[Any, ...]] = {
        "gather": (x, 0, places),
        "index_select": (x, 0, places),
        "take": (x, places),
        "take_along_dim": (x, places, 0),
        "index_fill": (x, 0, places, 7),
        "scatter": (x, 0, places, values),
        "index_add": (x, 0, places, values),
        "index_copy": (x, 0, places, values),
        "put": (x, places, values),
    }
    theirs = getattr(torch, name)
    same(theirs, OURS[name], arguments[name], grad=True)


@pytest.mark.parametrize("reduce", [None, "add", "multiply", "mean"])
@pytest.mark.parametrize("value", [1.7, 3])
def test_scatter_of_a_number(reduce: str | None, value: float) -> None:
    index = torch.tensor([[0, 1], [1, 0]])
    kwargs = {} if reduce is None else {"reduce": reduce}
    for dtype in (torch.float32, torch.int64, torch.bfloat16):
        x = torch.arange(6).reshape(2, 3).to(dtype)
        same(torch.scatter, scattering.scatter, (x, 0, index, value), kwargs)


def test_source_of_scatter_gets_every_gradient() -> None:
    x = torch.zeros(3, requires_grad=True)
    source = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    same(torch.scatter, scattering.scatter, (x, 0, torch.tensor([1, 1, 2]), source), grad=True)


def test_products_have_gradients_at_zero() -> None:
    x = torch.tensor([0.0, 2.0, 3.0], requires_grad=True)
    source = torch.tensor([0.0, 5.0, 0.0, 7.0, 4.0], requires_grad=True)
    index = torch.tensor([0, 1, 1, 2, 1])
    for include in (True, False):
        same(
            torch.scatter_reduce,
            scattering.scatter_reduce,
            (x, 0, index, source, "prod"),
            {"include_self": include},
            grad=True,
        )


SIDES = [
    1,
    2.5,
    True,
    1j,
    INTS,
    INTS.to(torch.int8),
    torch.ones(6, 1),
    torch.tensor(2.0),
    torch.tensor(3),
]


@pytest.mark.parametrize("other", SIDES, ids=str)
@pytest.mark.parametrize("first", SIDES, ids=str)
def test_where_promotes(first: Any, other: Any) -> None:
    same(torch.where, gathering.where, (INTS > 2, first, other))


@pytest.mark.parametrize("condition", [INTS, (INTS > 2).to(torch.uint8), torch.ones(4) > 0])
def test_conditions_of_where(condition: torch.Tensor) -> None:
    same(torch.where, gathering.where, (condition, 1, INTS))
    same(torch.where, gathering.where, (condition,))


@pytest.mark.parametrize(
    "value",
    [1.5, -1, 300, 1j, float("nan"), True, torch.tensor(2.5), torch.tensor(1j), torch.ones(1)],
    ids=str,
)
@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.uint8, torch.bool, torch.float16, torch.complex64]
)
def test_values_of_masked_fill(value: Any, dtype: torch.dtype) -> None:
    x = INTS.to(dtype)
    same(torch.masked_fill, scattering.masked_fill, (x, INTS > 2, value))
    same(torch.masked_fill, scattering.masked_fill, (x, INTS, value))


def test_value_of_masked_fill_has_a_gradient() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    same(torch.masked_fill, scattering.masked_fill, (LEAVES, INTS > 2, value), grad=True)
    same(
        torch.masked_fill, scattering.masked_fill, (LEAVES, torch.ones(2, 6) > 0, value), grad=True
    )
