"""Products of matrices and vectors, against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from against_torch import same
from samples import cases, check_errors, check_samples

from oarlock.ops import covariance, distances, einsum, matmul, trapezoids

MODULES = (matmul, covariance, distances, trapezoids)
NAMES = [
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "cdist",
    "corrcoef",
    "cross",
    "cumulative_trapezoid",
    "dot",
    "inner",
    "kron",
    "matmul",
    "mm",
    "mv",
    "outer",
    "tensordot",
    "trapezoid",
    "trapz",
    "vdot",
]
OURS = {
    name: getattr(module, name) for module in MODULES for name in NAMES if hasattr(module, name)
}
OURS["linalg.cross"] = matmul.linalg_cross
OURS["einsum"] = lambda operands, equation: einsum.einsum(equation, operands)
OURS |= {"addbmm": matmul.addbmm, "cov": covariance.cov}


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


SHAPES = [
    (),
    (3,),
    (4,),
    (2, 3),
    (3, 4),
    (5, 2, 3),
    (5, 3, 4),
    (1, 3, 4),
    (6, 1, 3, 2),
    (6, 5, 2, 3),
    (2, 0),
    (0, 3),
]


@pytest.mark.parametrize("second", SHAPES, ids=str)
@pytest.mark.parametrize("first", SHAPES, ids=str)
def test_shapes_of_matmul(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    for dtype in (torch.float64, torch.int32):
        x, y = torch.randint(-3, 4, first).to(dtype), torch.randint(-3, 4, second).to(dtype)
        if dtype.is_floating_point:
            x.requires_grad_()
            y.requires_grad_()
        same(torch.matmul, matmul.matmul, (x, y), grad=True)


@pytest.mark.parametrize("name", ["matmul", "mm", "addmm", "dot", "mv", "bmm"])
def test_products_do_not_promote(name: str) -> None:
    shapes = {"dot": [(3,), (3,)], "mv": [(2, 3), (3,)], "bmm": [(1, 2, 3), (1, 3, 2)]}
    first, second = shapes.get(name, [(2, 3), (3, 2)])
    pairs = [
        (torch.float32, torch.float64),
        (torch.float32, torch.int64),
        (torch.float16, torch.float32),
    ]
    for one, other in pairs:
        args = (torch.ones(first).to(one), torch.ones(second).to(other))
        args = (torch.ones(2, 2).to(one), *args) if name == "addmm" else args
        same(getattr(torch, name), getattr(matmul, name), args)


def test_beta_zero_keeps_nan_out() -> None:
    base = torch.full((2, 2), float("nan"), requires_grad=True)
    x = torch.ones(2, 2, requires_grad=True)
    same(torch.addmm, matmul.addmm, (base, x, x), {"beta": 0, "alpha": 2}, grad=True)


EQUATIONS: list[tuple[str, list[tuple[int, ...]]]] = [
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ii->i", [(3, 3)]),
    ("ii", [(3, 3)]),
    ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]),
    ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
    ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)]),
    ("b...,b...->b", [(2, 3, 4), (2, 3, 4)]),
    ("...ii->...i", [(2, 3, 3)]),
    ("ab,cd->abcd", [(2, 3), (4, 5)]),
    ("ij,kj->ik", [(1, 3), (4, 3)]),
    ("ij,jk->ik", [(2, 1), (3, 4)]),
    ("aab,bc->ac", [(2, 2, 3), (3, 2)]),
    ("bn,anm,bm->ba", [(2, 5), (3, 5, 4), (2, 4)]),
    (",i->i", [(), (3,)]),
    ("i...,...j->ij...", [(2, 3), (3, 4)]),
    ("i j , j k", [(2, 3), (3, 4)]),
    ("nhwpqc->nchpwq", [(1, 2, 3, 2, 2, 3)]),
    ("ij,jk->ik", [(2, 3), (4, 4)]),
    ("ij,jk->iz", [(2, 3), (3, 4)]),
    ("ij->ijj", [(2, 3)]),
    ("ij", [(2, 3, 4)]),
    ("i$", [(2,)]),
    ("ij,jk", [(2, 3)]),
]


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS, ids=[e for e, _ in EQUATIONS])
def test_einsum(equation: str, shapes: list[tuple[int, ...]]) -> None:
    operands = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    same(torch.einsum, einsum.einsum, (equation, *operands), grad=True)


def test_einsum_of_lists() -> None:
    x, y = torch.randn(2, 3, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    for args in (
        (x, [0, 1], y, [1, 2], [0, 2]),
        (x, [0, 1], y, [1, 2]),
        (x, [Ellipsis, 1], y, [1, Ellipsis], [Ellipsis]),
        ("ij,jk", [x, y]),
        (x, [0, 52]),
        ("i",),
    ):
        same(torch.einsum, einsum.einsum, args)
