"""Linear algebra, against torch; where signs are open, what does not depend on them."""

from __future__ import annotations

from typing import Any

import paddle
import pytest
import torch
from against_torch import same
from samples import FLOATS, cases, check_errors, check_samples, samples_of

from oarlock.ops import decompositions, matrix_norms, matrix_powers, solving

MODULES = (decompositions, solving, matrix_norms, matrix_powers)
LINALG = [
    "cholesky",
    "cond",
    "det",
    "eigvalsh",
    "inv",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "slogdet",
    "solve",
    "solve_triangular",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
    "qr",
]
PLAIN = [
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "logdet",
    "matrix_exp",
    "pinverse",
    "qr",
    "triangular_solve",
]


def _function(name: str) -> Any:
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


OURS = {f"linalg.{name}": _function(f"linalg_{name}") for name in LINALG}
OURS |= {name: _function(name) for name in PLAIN}
# Of order 0 torch's result is recorded, with zeros for a gradient; here it is a constant.
CONSTANT = ("linalg.norm", "linalg.vector_norm")


def _is_constant(sample: Any) -> bool:
    given = (*sample.args, *sample.kwargs.values())
    return any(value == 0 and type(value) in (int, float) for value in given)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, FLOATS))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    if op.name not in CONSTANT:
        check_samples(op, ours, dtype, seen_as=_plain)
        return
    for sample in samples_of(op, dtype, True):
        args = (sample.input, *sample.args)
        same(op.op, ours, args, sample.kwargs, grad=not _is_constant(sample))


def _plain(result: Any) -> Any:
    return tuple(result) if isinstance(result, tuple) else result


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


def _adjoint(x: Any) -> Any:
    return x.mH if isinstance(x, torch.Tensor) else decompositions.adjoint_of(x)


def _as(x: Any, other: Any) -> Any:
    return x.to(other.dtype) if isinstance(x, torch.Tensor) else x.cast(other.dtype)


def _of_svd(result: Any) -> Any:
    u, s, vh = result
    kept = s.shape[-1]
    return (u[..., :kept] * _as(s, u).unsqueeze(-2)) @ vh[..., :kept, :], s


def _of_old_svd(result: Any) -> Any:
    u, s, v = result
    return _of_svd((u, s, _adjoint(v)))


def _of_eigh(result: Any) -> Any:
    values, vectors = result
    squares = _as(values * values, vectors).unsqueeze(-2)
    return values, (vectors * squares) @ _adjoint(vectors)


def _of_eig(result: Any) -> Any:
    values, vectors = result
    inverse: Any = torch.linalg.inv if isinstance(vectors, torch.Tensor) else solving.linalg_inv
    return (vectors * (values * values).unsqueeze(-2)) @ inverse(vectors)


SEEN_AS = {
    "linalg.svd": (decompositions.linalg_svd, _of_svd),
    "svd": (decompositions.svd, _of_old_svd),
    "linalg.eigh": (decompositions.linalg_eigh, _of_eigh),
    "linalg.eig": (decompositions.linalg_eig, _of_eig),
    "linalg.eigvals": (decompositions.linalg_eigvals, lambda values: (values * values).sum(-1)),
}


@pytest.mark.parametrize(
    ("op", "ours", "dtype"), cases({name: ours for name, (ours, _) in SEEN_AS.items()}, FLOATS)
)
def test_samples_without_their_signs(op: Any, ours: Any, dtype: torch.dtype) -> None:
    theirs = {"svd": torch.svd}.get(op.name) or getattr(
        torch.linalg, op.name.removeprefix("linalg.")
    )
    check_samples(op, ours, dtype, theirs=theirs, seen_as=SEEN_AS[op.name][1])


def test_pinv_of_hermitian_matrices() -> None:
    x = torch.randn(2, 4, 4, dtype=torch.float64, requires_grad=True)
    same(
        lambda x: torch.linalg.pinv(x + x.mT, hermitian=True),
        lambda x: solving.linalg_pinv(x + x.transpose([0, 2, 1]), hermitian=True),
        (x,),
        grad=True,
    )


@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3), (2, 5, 3)])
def test_lstsq(shape: tuple[int, ...], driver: str | None) -> None:
    matrix = torch.randn(shape, dtype=torch.float64)
    right = torch.randn((*shape[:-1], 2), dtype=torch.float64)
    same(
        lambda *args, **kwargs: tuple(torch.linalg.lstsq(*args, **kwargs)),
        solving.linalg_lstsq,
        (matrix, right),
        {"driver": driver},
    )


def test_singular_matrices_raise_torchs_error() -> None:
    singular = paddle.zeros([2, 2])
    assert issubclass(decompositions.LinAlgError, RuntimeError)
    for call in (
        lambda: solving.linalg_inv(singular),
        lambda: decompositions.linalg_cholesky(-paddle.eye(2)),
    ):
        with pytest.raises(decompositions.LinAlgError):
            call()


def test_second_derivatives_are_refused() -> None:
    x = paddle.to_tensor([[2.0, 1.0], [1.0, 3.0]], stop_gradient=False)
    values, _ = decompositions.linalg_eigh(x)
    # Paddle passes an exception on from a backward as the text of its own.
    with pytest.raises(OSError, match=r"UnsupportedError: .*second derivative"):
        paddle.grad(values.sum(), x, create_graph=True)
