"""LU, LDL and Householder factors, and what is solved with them, against torch."""

from __future__ import annotations

from typing import Any

import paddle
import pytest
import torch
from against_torch import same
from samples import FLOATS, cases, check_errors, check_samples

from oarlock.ops import householder, ldl, lu
from oarlock.ops.decompositions import LinAlgError

OURS = {
    "geqrf": householder.geqrf,
    "linalg.householder_product": householder.linalg_householder_product,
    "ormqr": householder.ormqr,
    "lu": lu.lu,
    "lu_solve": lu.lu_solve,
    "lu_unpack": lu.lu_unpack,
    "linalg.lu": lu.linalg_lu,
    "linalg.lu_factor": lu.linalg_lu_factor,
    "linalg.lu_factor_ex": lu.linalg_lu_factor_ex,
    "linalg.lu_solve": lu.linalg_lu_solve,
    "linalg.inv_ex": lu.linalg_inv_ex,
    "linalg.solve_ex": lu.linalg_solve_ex,
    "linalg.cholesky_ex": lu.linalg_cholesky_ex,
    "linalg.ldl_factor": ldl.linalg_ldl_factor,
    "linalg.ldl_factor_ex": ldl.linalg_ldl_factor_ex,
    "linalg.ldl_solve": ldl.linalg_ldl_solve,
}


def _plain(result: Any) -> Any:
    return tuple(result) if isinstance(result, tuple) else result


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, FLOATS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype, seen_as=_plain)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("size", [1, 2, 7, 20])
def test_indefinite_matrices_have_torchs_pivots(
    size: int, dtype: torch.dtype, hermitian: bool
) -> None:
    # A zero diagonal makes blocks of two, whose pivots are negative.
    x = torch.randn(3, size, size, dtype=dtype)
    x = x + (x.mH if hermitian else x.mT)
    x[0].fill_diagonal_(0)
    right = torch.randn(3, size, 2, dtype=dtype)
    if size == 1:
        x = x + 1

    def theirs(x: Any, right: Any) -> Any:
        factor, pivots = torch.linalg.ldl_factor(x, hermitian=hermitian)
        return factor, pivots, torch.linalg.ldl_solve(factor, pivots, right, hermitian=hermitian)

    def ours(x: Any, right: Any) -> Any:
        factor, pivots = ldl.linalg_ldl_factor(x, hermitian=hermitian)
        return factor, pivots, ldl.linalg_ldl_solve(factor, pivots, right, hermitian=hermitian)

    same(theirs, ours, (x, right))


def test_singular_matrices_are_reported() -> None:
    x = torch.tensor([[[2.0, 1.0], [4.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]])
    same(lambda x: torch.linalg.lu_factor_ex(x).info, lambda x: lu.linalg_lu_factor_ex(x)[2], (x,))
    same(lambda x: tuple(torch.linalg.inv_ex(x)), lu.linalg_inv_ex, (x,))
    same(lambda x: torch.linalg.cholesky_ex(-x).info, lambda x: lu.linalg_cholesky_ex(-x)[1], (x,))
    singular = paddle.zeros([1, 2, 2])
    with pytest.raises(RuntimeError, match=r"lu_factor: \(Batch element 0\): U\[1,1\] is zero"):
        lu.linalg_lu_factor(singular)
    with pytest.raises(LinAlgError, match=r"inv_ex: .*diagonal element 1 is zero"):
        lu.linalg_inv_ex(singular, check_errors=True)
    with pytest.raises(LinAlgError, match="leading minor of order 1"):
        lu.linalg_cholesky_ex(singular, check_errors=True)
