"""torch.func beside torch's own: values, structures, gradients through transforms, errors, refusals."""

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


def _with_aux(x: Any, y: Any) -> Any:
    return _one(x, y), {"twice": x * 2}


def _several(x: Any, y: Any) -> Any:
    return {"a": x * y.exp(), "b": [x.sum() ** 2]}


def _of_tree(tree: Any, scale: Any = 1.0) -> Any:
    return (tree["w"] ** 3 * tree["b"][0]).sum() * scale


def _in_place(x: Any) -> Any:
    y = x * 2
    y.add_(x.sin())
    return y.sum()


def _model(t: Any) -> Any:
    model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.Tanh(), t.nn.Linear(4, 1))
    draw = np.random.default_rng(1)
    for param in model.parameters():
        param.data = t.tensor(draw.normal(size=tuple(param.shape)))
    return model


def _of_params(t: Any, params: Any, x: Any) -> Any:
    return t.func.functional_call(_model(t), params, (x,)).sum()


def _per_sample(t: Any, x: Any, y: Any) -> Any:
    params = {name: p.detach() for name, p in _model(t).named_parameters()}
    each = t.func.vmap(t.func.grad(lambda given, one: _of_params(t, given, one)), in_dims=(None, 0))
    return each(params, t.stack([x, y]))


def _through(t: Any, x: Any, y: Any) -> Any:
    """Gradients of what a transform returned, by what was outside."""
    x.requires_grad_()
    y.requires_grad_()
    found, value = t.func.grad_and_value(lambda a: (a**3 * y).sum())(x)
    (found.sum() + value).backward()
    return found, value, x.grad, y.grad


def _ensemble(t: Any, x: Any, y: Any) -> Any:
    models = [_model(t), _model(t)]
    params, buffers = t.func.stack_module_state(models)
    call = lambda p, b, one: t.func.functional_call(models[0], (p, b), (one,))  # noqa: E731
    return params, t.vmap(call, in_dims=(0, 0, None))(params, buffers, x)


def _vjp(t: Any, x: Any, y: Any) -> Any:
    value, pull = t.func.vjp(_several, x, y)
    return value, pull({"a": y, "b": [x.sum()]}), pull({"a": x, "b": [y.sum()]})


def _linearized(t: Any, x: Any, y: Any) -> Any:
    value, push = t.func.linearize(_several, x, y)
    return value, push(y, x), push(x, x)


CASES: dict[str, Any] = {
    "grad": lambda t, x, y: t.func.grad(_one)(x, y),
    "grad_of_second": lambda t, x, y: t.func.grad(_one, argnums=-1)(x, y),
    "grad_of_both": lambda t, x, y: t.func.grad(_one, argnums=(1, 0))(x, y),
    "grad_aux": lambda t, x, y: t.func.grad(_with_aux, has_aux=True)(x, y),
    "grad_and_value": lambda t, x, y: t.func.grad_and_value(_one)(x, y),
    "grad_and_value_aux": lambda t, x, y: t.func.grad_and_value(_with_aux, has_aux=True)(x, y),
    "grad_of_tree": lambda t, x, y: t.func.grad(_of_tree)({"w": x, "b": (y,)}, scale=2.0),
    "grad_in_place": lambda t, x, y: t.func.grad(_in_place)(x),
    "grad_unused": lambda t, x, y: t.func.grad(lambda a: (y * 2).sum())(x),
    "grad_of_grad": lambda t, x, y: t.func.grad(
        lambda a: (t.func.grad(lambda b: (b**3 * y).sum())(a) * a.sin()).sum()
    )(x),
    "grad_under_no_grad": lambda t, x, y: t.no_grad()(t.func.grad(_one))(x, y),
    "no_grad_inside": lambda t, x, y: t.func.grad(lambda a: (a * t.no_grad()(t.sin)(a)).sum())(x),
    "through": _through,
    "per_sample": _per_sample,
    "ensemble": _ensemble,
    "vjp": _vjp,
    "vjp_wrong_structure": lambda t, x, y: t.func.vjp(_several, x, y)[1](x),
    "jacrev": lambda t, x, y: t.func.jacrev(_several, argnums=(0, 1))(x, y),
    "jacrev_aux": lambda t, x, y: t.func.jacrev(_with_aux, has_aux=True)(x, y),
    "jacfwd": lambda t, x, y: t.func.jacfwd(_several, argnums=1)(x, y),
    "hessian": lambda t, x, y: t.func.hessian(_one, argnums=(0, 1))(x, y),
    "jacrev_of_jacrev": lambda t, x, y: t.func.jacrev(t.func.jacrev(_one))(x, y),
    "jvp": lambda t, x, y: t.func.jvp(_several, (x, y), (y, x)),
    "jvp_independent": lambda t, x, y: t.func.jvp(lambda a: y * 2, (x,), (x,)),
    "jvp_strict": lambda t, x, y: t.func.jvp(lambda a: y * 2, (x,), (x,), strict=True),
    "jvp_no_tuple": lambda t, x, y: t.func.jvp(_one, x, y),
    "linearize": _linearized,
    "vmap": lambda t, x, y: t.vmap(t.dot)(t.stack([x, y]), t.stack([y, x])),
    "vmap_dims": lambda t, x, y: t.vmap(t.outer, in_dims=(1, None), out_dims=2)(
        t.stack([x, y, x], 1), y
    ),
    "vmap_tree": lambda t, x, y: t.vmap(_several, out_dims={"a": 1, "b": 0})(x, y),
    "vmap_nested_dims": lambda t, x, y: t.vmap(_of_tree, in_dims=({"w": 0, "b": None},))(
        {"w": x, "b": (y,)}
    ),
    "vmap_twice": lambda t, x, y: t.vmap(t.vmap(t.mul, (None, 0)), (0, None))(x, y),
    "vmap_same": lambda t, x, y: t.vmap(lambda a: t.rand(2) * 0 + a, randomness="same")(x),
    "vmap_draws": lambda t, x, y: t.vmap(lambda a: a + t.rand(()))(x),
    "vmap_sizes": lambda t, x, y: t.vmap(t.add)(x, y[:2]),
    "vmap_no_tensor": lambda t, x, y: t.vmap(lambda a: 1)(x),
    "vmap_dim": lambda t, x, y: t.vmap(t.sin, in_dims=1)(x),
    "vmap_wrong_dims": lambda t, x, y: t.vmap(t.sin, in_dims=(0, 0))(x),
    "vmap_nothing": lambda t, x, y: t.vmap(t.sin)(),
    "vmap_chunks": lambda t, x, y: t.vmap(t.sin, chunk_size=2)(x),
    "vmap_randomness": lambda t, x, y: t.vmap(t.sin, randomness="some"),
    "functionalize": lambda t, x, y: t.func.functionalize(_in_place)(x),
    "no_scalar": lambda t, x, y: t.func.grad(lambda a: a)(x),
    "no_tensor": lambda t, x, y: t.func.grad(lambda a: 1.0)(x),
    "no_such_argument": lambda t, x, y: t.func.grad(_one, argnums=2)(x, y),
    "repeated_argument": lambda t, x, y: t.func.grad(_one, argnums=(0, 0))(x, y),
    "given_no_tensor": lambda t, x, y: t.func.grad(_one)(1.0, y),
}


def _seen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _seen(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_seen, value))
    return value.requires_grad, str(value.dtype), np.array(value.tolist())


def _result(t: Any, case: Any) -> Any:
    t.manual_seed(0)
    try:
        found = case(t, *_inputs(t))
    except Exception as error:
        return type(error).__name__, str(error)[:40]
    return "callable" if callable(found) else _seen(found)


def _same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(ours, (tuple, list)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            _same(one, other)
    elif isinstance(ours, np.ndarray):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13, strict=True)
    else:
        assert ours == theirs


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.filterwarnings("ignore")
def test_against_torch(case: Any) -> None:
    _same(_result(oarlock_torch, case), _result(torch, case))


def test_no_gradient_is_left_on_what_was_outside() -> None:
    x, _ = _inputs(oarlock_torch)
    x.requires_grad_()
    oarlock_torch.func.jacrev(lambda a: a.sin())(x)
    assert x.grad is None


def test_a_product_without_second_derivatives_is_made_of_rows() -> None:
    found = []
    for t in (oarlock_torch, torch):
        x, y = _inputs(t)
        norm = t.nn.functional.layer_norm
        found.append(t.func.jvp(lambda a, norm=norm: norm(a, (3,)), (x,), (y,))[1].tolist())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-11, atol=1e-13)


def test_refused() -> None:
    t = oarlock_torch
    x, _ = _inputs(t)
    with pytest.raises(UnsupportedError, match="randomness"):
        t.vmap(lambda a: a + t.randn(()), randomness="different")(x)
    with pytest.raises(UnsupportedError, match="empty batch"):
        t.vmap(t.sin)(x[:0])


def test_different_draws_are_served_where_there_are_none() -> None:
    x, _ = _inputs(oarlock_torch)
    found = oarlock_torch.vmap(lambda a: a * 2, randomness="different")(x)
    assert found.tolist() == (x * 2).tolist()


def test_batch_norm_without_running_statistics() -> None:
    t = oarlock_torch
    root = t.func.replace_all_batch_norm_modules_(t.nn.Sequential(t.nn.BatchNorm1d(3)))
    assert root[0].running_mean is None
    assert not root[0].track_running_stats
    assert list(root.state_dict()) == ["0.weight", "0.bias"]
