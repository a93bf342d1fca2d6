"""The Optimizer base class: groups, hooks, state_dict, errors, pickling; and LBFGS, against torch."""

import copy
import pickle
import sys
import warnings

import numpy as np
import paddle
import pytest
import torch
from torch.optim import Optimizer as TorchOptimizer

from oarlock import UnsupportedError
from oarlock.autograd.grad_mode import is_grad_enabled
from oarlock.optim import optimizer as base
from oarlock.optim.sparse_adam import SparseAdam

torch_base = sys.modules[TorchOptimizer.__module__]


@pytest.fixture
def sides(torch_side, oarlock_side):
    return oarlock_side, torch_side


def failure(function, side):
    try:
        function(side)
    except Exception as error:
        return type(error), str(error).replace("oarlock.nn.parameter", "torch.nn.parameter")
    return None


def two(side):
    return side.parameter(1.0), side.parameter(2.0)


ERRORS = {
    "one tensor": lambda s: s.optim.SGD(s.tensor(np.ones(2, "float32")), lr=1),
    "nothing": lambda s: s.optim.SGD([], lr=1),
    "no tensor": lambda s: s.optim.SGD([1], lr=1),
    "set": lambda s: s.optim.SGD([{"params": set(two(s))}], lr=1),
    "twice": lambda s: s.optim.SGD([{"params": [p]} for p in [two(s)[0]] * 2], lr=1),
    "no dict": lambda s: s.optim.SGD(two(s), lr=1).add_param_group(5),
    "non-leaf": lambda s: s.optim.SGD([two(s)[0] * 2], lr=1),
    "some names": lambda s: s.optim.SGD([("a", two(s)[0]), two(s)[1]], lr=1),
    "group without names": lambda s: s.optim.SGD([("a", two(s)[0])], lr=1).add_param_group(
        {"params": two(s)}
    ),
    "negative lr": lambda s: s.optim.Adam(two(s), lr=-1.0),
    "wide lr": lambda s: s.optim.Adam(two(s), lr=s.tensor(np.ones(2, "float32"))),
    "lr and foreach": lambda s: s.optim.Adam(two(s), lr=s.tensor(0.5), foreach=True),
    "betas": lambda s: s.optim.Adam(two(s), betas=(0.9, 1.0)),
    "mixed betas": lambda s: s.optim.Adam(two(s), betas=(0.9, s.tensor(0.5))),
    "eps": lambda s: s.optim.AdamW(two(s), eps=-1),
    "weight decay": lambda s: s.optim.NAdam(two(s), weight_decay=-1),
    "momentum decay": lambda s: s.optim.NAdam(two(s), momentum_decay=-1),
    "nesterov": lambda s: s.optim.SGD(two(s), nesterov=True),
    "momentum": lambda s: s.optim.SGD(two(s), momentum=-1),
    "fused and foreach": lambda s: s.optim.AdamW(two(s), fused=True, foreach=True),
    "fused and differentiable": lambda s: s.optim.SGD(two(s), fused=True, differentiable=True),
    "alpha": lambda s: s.optim.RMSprop(two(s), alpha=-1),
    "rho": lambda s: s.optim.Adadelta(two(s), rho=1.5),
    "etas": lambda s: s.optim.Rprop(two(s), etas=(0.5, 0.9)),
    "lr_decay": lambda s: s.optim.Adagrad(two(s), lr_decay=-1),
    "accumulator": lambda s: s.optim.Adagrad(two(s), initial_accumulator_value=-1),
    "asgd": lambda s: s.optim.ASGD(two(s), weight_decay=-1),
    "groups of lbfgs": lambda s: s.optim.LBFGS([{"params": [p]} for p in two(s)]),
    "groups to load": lambda s: s.optim.SGD(two(s), lr=1).load_state_dict(
        s.optim.SGD([{"params": [p]} for p in two(s)], lr=1).state_dict()
    ),
    "sizes to load": lambda s: s.optim.SGD(two(s), lr=1).load_state_dict(
        s.optim.SGD(two(s)[:1], lr=1).state_dict()
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_the_same_errors(case, sides):
    ours, theirs = (failure(ERRORS[case], side) for side in sides)
    assert theirs is not None
    assert ours == theirs


def test_capturable_is_an_error_on_the_cpu(run, oarlock_side):
    with pytest.raises(AssertionError, match="If capturable=True"):
        run(oarlock_side, "Adam", capturable=True).steps(0, 1)


def test_what_is_refused(oarlock_side):
    with pytest.raises(UnsupportedError, match="differentiable"):
        oarlock_side.optim.Adam(two(oarlock_side), differentiable=True)
    with pytest.raises(UnsupportedError, match="sparse"):
        SparseAdam(two(oarlock_side))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.5}),
        ("AdamW", {"fused": True}),
        ("RMSprop", {"centered": True}),
        ("LBFGS", {"max_iter": 7}),
    ],
)
def test_prints_as_torch(name, options, sides):
    ours, theirs = (repr(getattr(s.optim, name)(two(s), **options)) for s in sides)
    assert ours == theirs


def test_prints_groups_as_torch(sides):
    ours, theirs = (repr(s.optim.SGD([{"params": [p]} for p in two(s)], lr=0.1)) for s in sides)
    assert ours == theirs


def test_duplicates_in_a_group_warn(sides):
    said = []
    for side in sides:
        p = side.parameter(1.0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            side.optim.SGD([p, p], lr=0.1)
        said.append([str(w.message) for w in caught])
    assert said[0] == said[1]


def test_named_parameters_and_groups(sides):
    found = []
    for side in sides:
        one, other = two(side)
        optimizer = side.optim.SGD([("a", one)], lr=0.1)
        optimizer.add_param_group({"params": [("b", other)], "lr": 0.5})
        assert optimizer.param_groups[1]["params"][0] is other
        found.append(optimizer.state_dict())
    assert found[0] == found[1]


def test_required_options(oarlock_side):
    class Plain(base.Optimizer):
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.add_(p.grad, alpha=-group["rate"])

    with pytest.raises(ValueError, match="required optimization parameter rate"):
        Plain(two(oarlock_side), {"rate": base.required})
    p = oarlock_side.parameter(1.0)
    p.grad = oarlock_side.tensor(0.5)
    Plain([p], {"rate": 0.5}).step()
    assert p.item() == 0.75


def test_zero_grad(sides):
    for side in sides:
        one, other = two(side)
        one.grad = side.tensor(1.0)
        optimizer = side.optim.SGD([one, other], lr=0.1)
        kept = one.grad
        optimizer.zero_grad(set_to_none=False)
        assert one.grad.item() == kept.item() == 0.0
        assert other.grad is None
        optimizer.zero_grad()
        assert one.grad is None


def test_closure_runs_with_gradients_and_gives_the_loss(sides):
    for side in sides:
        p = side.parameter(3.0)
        optimizer = side.optim.Adam([p], lr=0.5)

        def closure(p=p, optimizer=optimizer):
            optimizer.zero_grad()
            loss = p * p
            loss.backward()
            return loss

        grad_off = torch.no_grad() if side is sides[1] else paddle.no_grad()
        with grad_off:
            assert optimizer.step(closure).item() == 9.0
        assert abs(p.item() - 2.5) < 1e-6
    assert is_grad_enabled()


def hooks_of(side, library):
    calls = []
    p = side.parameter(1.0)
    p.grad = side.tensor(1.0)
    optimizer = side.optim.SGD([p], lr=0.1)
    handles = [
        library.register_optimizer_step_pre_hook(lambda o, a, k: calls.append("every before")),
        library.register_optimizer_step_post_hook(lambda o, a, k: calls.append("every after")),
        optimizer.register_step_pre_hook(lambda o, a, k: calls.append(("before", len(a), k))),
        optimizer.register_step_post_hook(lambda o, a, k: calls.append(("after", len(a), k))),
        optimizer.register_state_dict_pre_hook(lambda o: calls.append("saving")),
        optimizer.register_state_dict_post_hook(lambda o, s: {**s, "more": 1}),
        optimizer.register_load_state_dict_pre_hook(lambda o, s: calls.append("loading")),
        optimizer.register_load_state_dict_post_hook(lambda o: calls.append("loaded")),
        optimizer.register_state_dict_pre_hook(lambda o: calls.append("first"), prepend=True),
    ]
    optimizer.step()
    saved = optimizer.state_dict()
    calls.append(sorted(saved))
    optimizer.load_state_dict(saved)
    for handle in handles:
        handle.remove()
    optimizer.step()
    return calls


def test_hooks(sides):
    ours = hooks_of(sides[0], base)
    assert ours == hooks_of(sides[1], torch_base)
    assert len(ours) == 9


def test_a_hook_that_gives_nonsense(sides):
    for side in sides:
        optimizer = side.optim.SGD(two(side), lr=0.1)
        optimizer.register_step_pre_hook(lambda o, a, k: 5)
        with pytest.raises(RuntimeError, match="must return None or a tuple"):
            optimizer.step()


def test_copies_and_pickles_go_on_alike(run, oarlock_side):
    original = run(oarlock_side, "Adam", lr=0.1).steps(0, 3)
    for duplicate in (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        own = duplicate(original.optimizer)
        assert own.state_dict()["param_groups"] == original.optimizer.state_dict()["param_groups"]
        params = [p for group in own.param_groups for p in group["params"]]
        for p, q in zip(params, original.params, strict=True):
            p.grad = q.grad.clone()
        own.step()
        kept = [p.detach().clone() for p in params]
        other = run(oarlock_side, "Adam", lr=0.1).steps(0, 3)
        other.optimizer.step()
        for p, q in zip(kept, other.params, strict=True):
            assert np.array_equal(p.numpy(), q.detach().numpy())


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "LBFGS"])
def test_a_step_counts_as_an_in_place_write(name, oarlock_side):
    p = oarlock_side.parameter(np.ones(3, "float32"))
    optimizer = getattr(oarlock_side.optim, name)([p], lr=0.1)
    before = p.inplace_version

    def closure():
        p.grad = oarlock_side.tensor(np.ones(3, "float32"))
        return oarlock_side.tensor(1.0)

    optimizer.step(closure)
    assert p.inplace_version > before


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adamax"])
@pytest.mark.parametrize("shape", [(), (1,), (4, 3)])
def test_one_parameter_alone(name, shape, run, sides):
    ours, theirs = (run(s, name, "float64", shapes=[shape], lr=0.1).steps(0, 3) for s in sides)
    np.testing.assert_allclose(ours.values()[0], theirs.values()[0], rtol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "LBFGS"])
@pytest.mark.parametrize("view", [lambda x: x.t(), lambda x: x[:, 1]])
def test_a_parameter_that_is_not_contiguous(name, view, sides):
    found = []
    for side in sides:
        value = side.tensor(np.arange(6.0).reshape(2, 3))
        p = side.parameter(np.zeros((3, 2)))
        p.data = view(value)
        kept = p.data
        optimizer = getattr(side.optim, name)([p], lr=0.1)

        def closure(p=p, side=side):
            p.grad = side.tensor(np.arange(1.0, 7.0)[: p.numel()].reshape(p.shape))
            return side.tensor(1.0)

        optimizer.step(closure)
        assert np.array_equal(kept.numpy(), p.detach().numpy())
        found.append((p.detach().numpy(), value.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_state_shows_what_is_updated_and_may_be_written(run, oarlock_side, torch_side):
    found = []
    for side in (oarlock_side, torch_side):
        own = run(side, "Adam", "float64", lr=0.1).steps(0, 2)
        p = own.params[1]
        average = own.optimizer.state[p]["exp_avg"]
        before = average.detach().numpy().copy()
        own.steps(2, 3)
        assert not np.array_equal(before, average.detach().numpy())
        average.mul_(0)
        own.optimizer.state[p]["step"].fill_(7)
        own.optimizer.state[own.params[2]]["exp_avg_sq"] = side.tensor(np.ones((3, 4)))
        own.steps(3, 5)
        found.append(own.values())
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)


def test_a_parameter_may_get_other_data(run, oarlock_side, torch_side):
    found = []
    for side in (oarlock_side, torch_side):
        own = run(side, "AdamW", "float64", lr=0.1).steps(0, 2)
        for p in own.params:
            p.data = side.tensor(np.full(tuple(p.shape), 0.5))
        found.append(own.steps(2, 4).values())
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)


def test_old_checkpoints_with_numbers_for_steps(run, oarlock_side, torch_side):
    found = []
    for side in (oarlock_side, torch_side):
        own = run(side, "Adam", "float64", lr=0.1).steps(0, 3)
        saved = own.optimizer.state_dict()
        for state in saved["state"].values():
            state["step"] = 3
        own.optimizer.load_state_dict(saved)
        found.append(own.steps(3, 5).values())
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11)


LBFGS = [
    {"max_iter": 5},
    {"max_iter": 4, "lr": 0.1, "history_size": 2},
    {"max_iter": 6, "line_search_fn": "strong_wolfe"},
    {"max_iter": 6, "line_search_fn": "strong_wolfe", "max_eval": 3, "history_size": 3},
    {"max_iter": 20, "line_search_fn": "strong_wolfe", "lr": 3.0},
]


def rosenbrock(side, options, dtype, steps, saved=None, start=None):
    values = np.array([-1.2, 1.0, 0.7], dtype) if start is None else start
    p, q = side.parameter(values), side.parameter(np.array(0.3, dtype))
    optimizer = side.optim.LBFGS([p, q], **options)
    if saved is not None:
        q.data = side.tensor(saved[1])
        optimizer.load_state_dict(saved[0])

    def closure():
        optimizer.zero_grad()
        x, y = p[:-1], p[1:]
        loss = (100 * (y - x * x) ** 2 + (1 - x) ** 2).sum() + (q - p[0]) ** 4
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    state = optimizer.state[p]
    return losses, p.detach().numpy(), (state["n_iter"], state["func_evals"]), optimizer, q


@pytest.mark.parametrize("number", range(len(LBFGS)))
def test_lbfgs(number, oarlock_side, torch_side):
    options = LBFGS[number]
    ours = rosenbrock(oarlock_side, options, "float64", 8)
    theirs = rosenbrock(torch_side, options, "float64", 8)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)
    assert ours[2] == theirs[2]


@pytest.mark.parametrize("direction", ["to oarlock", "to torch"])
def test_lbfgs_state_crosses(direction, oarlock_side, torch_side):
    first, second = torch_side, oarlock_side
    if direction == "to torch":
        first, second = second, first
    options = {"max_iter": 3, "line_search_fn": "strong_wolfe"}
    whole = rosenbrock(torch_side, options, "float64", 8)
    half = rosenbrock(first, options, "float64", 4)

    def carried(value):
        if hasattr(value, "detach"):
            return second.tensor(value.detach().numpy().copy())
        if isinstance(value, dict):
            return {k: carried(v) for k, v in value.items()}
        if isinstance(value, list):
            return [carried(v) for v in value]
        return value

    saved = carried(half[3].state_dict()), half[4].detach().numpy().copy()
    rest = rosenbrock(second, options, "float64", 4, saved, half[1].copy())
    np.testing.assert_allclose(half[0] + rest[0], whole[0], rtol=1e-6, atol=1e-12)
    assert rest[3].state_dict()["state"][0].keys() == half[3].state_dict()["state"][0].keys()


def test_lbfgs_knows_one_line_search(oarlock_side):
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        rosenbrock(oarlock_side, {"line_search_fn": "armijo"}, "float32", 1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1, "nesterov": False, "momentum": 0.5, "adjust_lr_fn": "match_rms_adamw"},
        {"lr": 0.05, "ns_steps": 3, "weight_decay": 0.0},
    ],
)
def test_muon(options, run, oarlock_side, torch_side):
    shapes = [(6, 4), (5, 5), (3, 8)]
    ours, theirs = (
        run(side, "Muon", shapes=shapes, **options).steps(0, 10)
        for side in (oarlock_side, torch_side)
    )
    # An update has elements of at most one and is rounded to bfloat16, 2 ** -8 apart.
    rate = options.get("lr", 1e-3) * 10 * 2**-8
    for one, other in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=rate)
    for key, expected in theirs.state().items():
        np.testing.assert_allclose(ours.state()[key], expected, rtol=1e-5, atol=1e-6)


MORE_ERRORS = {
    "muon of a vector": lambda s: s.optim.Muon([s.parameter(np.ones(3, "float32"))]),
    "muon's function": lambda s: s.optim.Muon(two(s), adjust_lr_fn="none"),
    "muon's momentum": lambda s: s.optim.Muon(two(s), momentum=-1),
    "adafactor's d": lambda s: s.optim.Adafactor(two(s), d=0.5),
    "adafactor's decay": lambda s: s.optim.Adafactor(two(s), beta2_decay=0.5),
    "adafactor's rate": lambda s: s.optim.Adafactor(two(s), lr=-1.0),
}


@pytest.mark.parametrize("case", MORE_ERRORS)
def test_the_same_errors_of_newer_optimizers(case, sides):
    ours, theirs = (failure(MORE_ERRORS[case], side) for side in sides)
    assert theirs is not None
    assert ours == theirs
