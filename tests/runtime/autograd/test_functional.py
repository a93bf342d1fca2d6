"""torch.autograd.functional beside torch's own: values, structures, gradients through them and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError


def _inputs(t: Any) -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    return tuple(t.tensor(draw.normal(size=3)) for _ in range(2))  # type: ignore[return-value]


def _one(x: Any, y: Any) -> Any:
    return (x * x * y.sin()).sum() + (x * y).prod()


def _several(x: Any, y: Any) -> Any:
    return x * y.exp(), x.sum() ** 2


def _ignoring(x: Any, y: Any) -> Any:
    return x * x


CASES: dict[str, Any] = {
    "jacobian": lambda f, x, y: f.jacobian(_several, (x, y)),
    "jacobian_of_one": lambda f, x, y: f.jacobian(lambda a: a.exp(), x),
    "jacobian_vectorized": lambda f, x, y: f.jacobian(_several, (x, y), vectorize=True),
    "unused": lambda f, x, y: f.jacobian(_ignoring, (x, y)),
    "unused_strict": lambda f, x, y: f.jacobian(_ignoring, (x, y), strict=True),
    "hessian": lambda f, x, y: f.hessian(_one, (x, y)),
    "hessian_of_one": lambda f, x, y: f.hessian(lambda a: (a**3).sum(), x),
    "hessian_of_several": lambda f, x, y: f.hessian(_ignoring, (x, y)),
    "vjp": lambda f, x, y: f.vjp(_several, (x, y), (x, y.sum())),
    "vjp_without": lambda f, x, y: f.vjp(_one, (x, y)),
    "vjp_missing": lambda f, x, y: f.vjp(_ignoring, (x, y)),
    "vjp_wrong_shape": lambda f, x, y: f.vjp(_ignoring, (x, y), y.sum()),
    "jvp": lambda f, x, y: f.jvp(_several, (x, y), (y, x)),
    "hvp": lambda f, x, y: f.hvp(_one, (x, y), (y, x)),
    "vhp": lambda f, x, y: f.vhp(_one, (x, y), (y, x)),
    "no_tensor": lambda f, x, y: f.jacobian(_one, (x, 1.0)),
}


def _seen(value: Any) -> Any:
    return tuple(map(_seen, value)) if isinstance(value, tuple) else value.tolist()


def _result(t: Any, case: Any) -> Any:
    try:
        return _seen(case(t.autograd.functional, *_inputs(t)))
    except Exception as error:
        return type(error).__name__


def _same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            _same(one, other)
    elif isinstance(ours, str):
        assert ours == theirs
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_against_torch(case: Any) -> None:
    _same(_result(oarlock_torch, case), _result(torch, case))


def test_gradient_through_a_jacobian() -> None:
    found = []
    for t in (oarlock_torch, torch):
        x, _ = _inputs(t)
        x.requires_grad_()
        t.autograd.functional.jacobian(lambda a: a**3, x, create_graph=True).sum().backward()
        found.append(x.grad.tolist())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_forward_mode_is_refused() -> None:
    x, _ = _inputs(oarlock_torch)
    with pytest.raises(UnsupportedError, match="forward-mode"):
        oarlock_torch.autograd.functional.jacobian(lambda a: a, x, strategy="forward-mode")
