"""Every optimizer step for step against torch's: values, state, groups, and state that crosses."""

import numpy as np
import pytest

from oarlock import UnsupportedError

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": np.array(0.1, "float32"), "momentum": 0.5}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"lr": np.array(0.02, "float32"), "fused": True}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.2, "maximize": True}),
    ("AdamW", {"lr": 0.01, "betas": (0.5, 0.9), "foreach": True}),
    ("AdamW", {"lr": np.float64(0.01), "weight_decay": np.float64(0.2)}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-2, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.01}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "betas": (0.9, 0.9)}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.9, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.8, "centered": True, "maximize": True, "eps": 1e-2}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.8, "centered": True, "momentum": 0.5, "eps": 1e-2}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("ASGD", {"lr": 0.05}),
    ("ASGD", {"lr": 0.05, "lambd": 0.01, "t0": 5, "alpha": 0.6, "weight_decay": 0.1}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.3), "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "eps": (1e-10, 1e-2), "d": 2.0, "weight_decay": 0.1}),
    ("Adafactor", {"lr": 0.1, "beta2_decay": -0.5, "maximize": True}),
]
cases = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=lambda v: v if isinstance(v, str) else ",".join(v) or "defaults"
)
# In double precision both round to a part in 1e16 an operation; 20 steps of some ten operations,
# and one step size that is itself rounded to single precision where lr is a Tensor.
EXACT = {"rtol": 1e-11, "atol": 1e-12}


def assert_same(ours, theirs, **tolerance):
    for key, expected in theirs.items():
        np.testing.assert_allclose(ours[key], expected, err_msg=str(key), **tolerance)
        assert ours[key].dtype == expected.dtype, key
        assert ours[key].shape == expected.shape, key
    assert ours.keys() == theirs.keys()


def numbered(values):
    return dict(enumerate(values))


def error(values, truth):
    """Root of the mean square over all elements."""
    difference = [np.ravel(one - other) for one, other in zip(values, truth, strict=True)]
    return np.sqrt(np.mean(np.concatenate(difference) ** 2))


@cases
def test_double_precision(name, options, run, torch_side, oarlock_side):
    ours = run(oarlock_side, name, "float64", **options).steps(0, 20)
    theirs = run(torch_side, name, "float64", **options).steps(0, 20)
    single = any(isinstance(value, np.ndarray) for value in options.values())
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if single else EXACT
    assert_same(numbered(ours.values()), numbered(theirs.values()), **tolerance)
    assert_same(ours.state(), theirs.state(), **tolerance)


@cases
def test_single_precision_rounds_no_worse_than_torch(name, options, run, torch_side, oarlock_side):
    options = {k: float(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    exact = run(torch_side, name, "float64", **options).steps(0, 20)
    theirs = run(torch_side, name, "float32", **options).steps(0, 20)
    ours = run(oarlock_side, name, "float32", **options).steps(0, 20)
    truth = exact.values()
    assert all(value.dtype == np.float32 for value in ours.values())
    assert error(ours.values(), truth) <= 2 * error(theirs.values(), truth)
    assert ours.state().keys() == theirs.state().keys()


@cases
def test_gradients_that_come_and_go(name, options, run, torch_side, oarlock_side):
    ours = run(oarlock_side, name, "float64", **options).steps(0, 12, skip=(1, 4))
    theirs = run(torch_side, name, "float64", **options).steps(0, 12, skip=(1, 4))
    single = any(isinstance(value, np.ndarray) for value in options.values())
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if single else EXACT
    assert_same(numbered(ours.values()), numbered(theirs.values()), **tolerance)
    steps = {key: v for key, v in theirs.state().items() if key[1] == "step"}
    assert_same({key: ours.state()[key] for key in steps}, steps, rtol=0)


@cases
def test_groups_have_their_own_options(name, options, run, torch_side, oarlock_side):
    groups = {"lr": 0.003}
    ours = run(oarlock_side, name, "float64", groups=groups, **options).steps(0, 6)
    theirs = run(torch_side, name, "float64", groups=groups, **options).steps(0, 6)
    single = any(isinstance(value, np.ndarray) for value in options.values())
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if single else EXACT
    assert_same(numbered(ours.values()), numbered(theirs.values()), **tolerance)


def carried(value, tensor):
    """A state_dict of one side as the other's, through numpy."""
    if hasattr(value, "detach"):
        return tensor(value.detach().numpy().copy())
    if isinstance(value, dict):
        return {key: carried(v, tensor) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(carried(v, tensor) for v in value)
    return value


@cases
@pytest.mark.parametrize("direction", ["to oarlock", "to torch"])
def test_state_dict_crosses(name, options, direction, run, torch_side, oarlock_side):
    first, second = torch_side, oarlock_side
    if direction == "to torch":
        first, second = second, first
    whole = run(torch_side, name, "float64", **options).steps(0, 12)
    before = run(first, name, "float64", **options).steps(0, 6)
    after = run(second, name, "float64")
    for p, value in zip(after.params, before.values(), strict=True):
        p.data = second.tensor(value.copy())
    saved = before.optimizer.state_dict()
    after.optimizer.load_state_dict(carried(saved, second.tensor))
    after.steps(6, 12)
    single = any(isinstance(value, np.ndarray) for value in options.values())
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if single else EXACT
    assert_same(numbered(after.values()), numbered(whole.values()), **tolerance)
    again = after.optimizer.state_dict()
    assert [sorted(g) for g in again["param_groups"]] == [sorted(g) for g in saved["param_groups"]]
    assert again["state"].keys() == saved["state"].keys()


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_complex_parameters_are_refused(name, run, oarlock_side):
    with pytest.raises(UnsupportedError, match="complex64"):
        run(oarlock_side, name, "complex64", lr=0.01).steps(0, 1)
