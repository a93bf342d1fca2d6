"""Hooks of the recorded graph, anomaly detection, once_differentiable and gradcheck, beside torch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad
import torch.autograd.graph

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError


def _leaves(t: Any, count: int = 3) -> list[Any]:
    return [t.tensor([0.5, 2.0], dtype=t.float64).add(n).requires_grad_() for n in range(count)]


def _listed(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_listed(one) for one in value]
    return None if value is None else (value.tolist(), value.requires_grad)


def _post_accumulate(t: Any) -> Any:
    x, y, _ = _leaves(t)
    seen = []

    def step(p: Any) -> None:
        seen.append(_listed(p.grad))
        with t.no_grad():
            p.add_(p.grad, alpha=-0.5)
        p.grad = None

    first = x.register_post_accumulate_grad_hook(step)
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad is None))
    (x * y).sum().backward()
    (x * y + x).sum().backward()
    handle.remove()
    (x * y).sum().backward(inputs=[x])
    t.autograd.grad((x * y).sum(), x)
    first.remove()
    (x * y).sum().backward()
    return seen, _listed(x), _listed(x.grad), _listed(y.grad)


def _post_accumulate_error(t: Any) -> Any:
    x = _leaves(t)[0]

    def fail(p: Any) -> None:
        raise KeyError("stop")

    x.register_post_accumulate_grad_hook(fail)
    x.sum().backward()


def _multi(t: Any, mode: str) -> Any:
    x, y, z = _leaves(t)
    seen: list[Any] = []
    product = x * y
    handle = t.autograd.graph.register_multi_grad_hook(
        # Which gradient is known first is the engine's affair.
        [x, product, z],
        lambda g: seen.append(_listed(g) if mode == "all" else g.requires_grad),
        mode=mode,
    )
    product.sum().backward()
    (x * z).sum().backward()
    (x * y * z).sum().backward()
    handle.remove()
    (x * z).sum().backward()
    return seen


def _saved(t: Any) -> Any:
    x, y, _ = _leaves(t)
    kept = []

    def pack(value: Any) -> Any:
        kept.append(value.tolist())
        return value.numpy() if not value.requires_grad else value.detach().numpy()

    with t.autograd.graph.saved_tensors_hooks(pack, t.from_numpy):
        z = x.sin() * 1.0
    z.backward(y.detach())
    return kept, _listed(x.grad)


def _on_cpu(t: Any) -> Any:
    x, y, _ = _leaves(t)
    with t.autograd.graph.save_on_cpu(pin_memory=False):
        z = (x * y).exp()
    z.sum().backward()
    return _listed([x.grad, y.grad])


def _forbidden(t: Any) -> Any:
    graph = t.autograd.graph
    with (
        graph.disable_saved_tensors_hooks("not here"),
        graph.saved_tensors_hooks(lambda x: x, lambda x: x),
    ):
        pass


def _nan(t: Any, mode: str) -> Any:
    x = t.zeros(2, requires_grad=True)
    before = t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()
    try:
        if mode == "block":
            with t.autograd.detect_anomaly():
                (x.sqrt() * x).sum().backward()
        elif mode == "without_nan":
            with t.autograd.set_detect_anomaly(True, check_nan=False):
                (x.sqrt() * x).sum().backward()
        else:
            t.autograd.set_detect_anomaly(True)
            t.autograd.grad((x.sqrt() * x).sum(), x)
    finally:
        after = t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()
        t.autograd.set_detect_anomaly(False)
    return before, after, np.isnan(x.grad.tolist()).tolist()


def _once(t: Any) -> Any:
    class Cube(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @t.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return 3 * ctx.saved_tensors[0] ** 2 * g

    x = _leaves(t)[0]
    (found,) = t.autograd.grad(Cube.apply(x).sum(), x)
    (again,) = t.autograd.grad((Cube.apply(x) * x).sum(), x, create_graph=True)
    return _listed(found), _listed(again), again.sum().backward


CASES: dict[str, Any] = {
    "post_accumulate": _post_accumulate,
    "post_accumulate_error": _post_accumulate_error,
    "post_accumulate_no_leaf": lambda t: (_leaves(t)[0] * 2).register_post_accumulate_grad_hook(
        print
    ),
    "post_accumulate_no_grad": lambda t: t.ones(2).register_post_accumulate_grad_hook(print),
    "multi_all": lambda t: _multi(t, "all"),
    "multi_any": lambda t: _multi(t, "any"),
    "multi_other": lambda t: _multi(t, "some"),
    "saved": _saved,
    "on_cpu": _on_cpu,
    "forbidden": _forbidden,
    "nan": lambda t: _nan(t, "block"),
    "nan_in_grad": lambda t: _nan(t, "grad"),
    "nan_unchecked": lambda t: _nan(t, "without_nan"),
    "once": lambda t: _once(t)[:2],
    "once_twice": lambda t: _once(t)[2](),
}


def _result(t: Any, case: Any) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = case(t)
        except Exception as error:
            found = type(error).__name__, str(error)
    ours = [w.category.__name__ for w in caught if "nomaly Detection has" in str(w.message)]
    return found, ours


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_against_torch(case: Any) -> None:
    assert _result(oarlock_torch, case) == _result(torch, case)


def _wrong(t: Any) -> Any:
    class Wrong(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3

    return Wrong.apply


CHECKS: dict[str, Any] = {
    "right": lambda t, x, y: t.autograd.gradcheck(lambda a, b: (a * b.sin(), b.sum()), (x, y)),
    "fast": lambda t, x, y: t.autograd.gradcheck(t.mul, (x, y), fast_mode=True),
    "wrong": lambda t, x, y: t.autograd.gradcheck(_wrong(t), (x,)),
    "wrong_false": lambda t, x, y: t.autograd.gradcheck(_wrong(t), (x,), raise_exception=False),
    "wide": lambda t, x, y: t.autograd.gradcheck(_wrong(t), x, atol=2.0),
    "no_grad": lambda t, x, y: t.autograd.gradcheck(t.sin, (x.detach(),)),
    "constant": lambda t, x, y: t.autograd.gradcheck(lambda a: t.ones(2), (x,)),
    "hidden": lambda t, x, y: t.autograd.gradcheck(lambda a: a.detach() * 2, (x,)),
    "complex_output": lambda t, x, y: t.autograd.gradcheck(lambda a: t.complex(a, a * 2), (x,)),
    "nothing": lambda t, x, y: t.autograd.gradcheck(t.sin, (x,), check_backward_ad=False),
    "second": lambda t, x, y: t.autograd.gradgradcheck(lambda a, b: a * a * b.exp(), (x, y)),
    "second_given": lambda t, x, y: t.autograd.gradgradcheck(lambda a: a**3, (x,), (y,)),
    "second_wrong": lambda t, x, y: t.autograd.gradgradcheck(
        lambda a: _wrong(t)(a) * a, (x,), raise_exception=False
    ),
}


@pytest.mark.parametrize("case", CHECKS.values(), ids=CHECKS)
def test_gradcheck(case: Any) -> None:
    found = []
    for t in (oarlock_torch, torch):
        x, y, _ = _leaves(t)
        try:
            found.append(case(t, x, y))
        except Exception as error:
            found.append((type(error).__name__, str(error).partition("\n")[0]))
    assert found[0] == found[1]


def test_refused() -> None:
    t = oarlock_torch
    x = _leaves(t)[0]
    with pytest.raises(UnsupportedError, match="forward-mode"):
        t.autograd.gradcheck(t.sin, (x,), check_forward_ad=True)
    with pytest.raises(UnsupportedError, match="forward-mode"), t.autograd.forward_ad.dual_level():
        pass
    with pytest.raises(UnsupportedError, match=r"torch\.func\.jvp"):
        t.autograd.forward_ad.make_dual(x, x)
