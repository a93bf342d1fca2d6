"""GradScaler step for step against torch's."""

import pickle

import numpy as np
import paddle
import pytest
import torch

from oarlock.amp.grad_scaler import CpuGradScaler, GradScaler
from oarlock.nn.parameter import Parameter
from oarlock.optim.sgd import SGD
from oarlock.tensor import wrap


def tensor(x):
    return wrap(paddle.to_tensor(np.asarray(x, "float32")))


def sides(**options):
    """Scaler, optimizer, parameter and tensor of Oarlock and of torch."""
    start = np.array([1.0, 2.0], "float32")
    p, q = Parameter(tensor(start)), torch.nn.Parameter(torch.tensor(start))
    return [
        (GradScaler("cpu", **options), SGD([p], lr=0.5), p, tensor),
        (torch.amp.GradScaler("cpu", **options), torch.optim.SGD([q], lr=0.5), q, torch.tensor),
    ]


def history(scaler, optimizer, p, tensor, kinds):
    found = []
    for i, kind in enumerate(kinds):
        factor = {"good": 1.5, "inf": float("inf"), "nan": float("nan")}[kind]
        scaled = scaler.scale(tensor([2.0, 3.0]))
        p.grad = scaled * factor
        if i % 2:
            scaler.unscale_(optimizer)
            found.append(p.grad.tolist())
        scaler.step(optimizer)
        scaler.update()
        found.append((p.tolist(), scaler.get_scale(), scaler.state_dict()))
    return found


def test_steps_are_left_out_and_the_scale_adapts():
    kinds = ["good", "good", "inf", "good", "nan", "nan", "good", "good", "good", "good"]
    options = {"init_scale": 8.0, "growth_interval": 3, "growth_factor": 4.0}
    ours, theirs = (history(*side, kinds=kinds) for side in sides(**options))
    assert str(ours) == str(theirs)


def test_nested_outputs_and_set_scale():
    results = []
    for scaler, _, _, make in sides(init_scale=4.0):
        one, (two, three) = scaler.scale((make([1.0]), [make([2.0]), make([3.0])]))
        before = scaler.get_scale()
        scaler.update(32.0)
        results.append((one.tolist(), two.tolist(), three.tolist(), before, scaler.get_scale()))
    assert results[0] == results[1]


def test_a_scaler_that_is_not_enabled():
    results = []
    for scaler, optimizer, p, make in sides(enabled=False):
        x = make([1.0])
        p.grad = make([1.0, 1.0])
        same = scaler.scale(x) is x
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        results.append(
            (same, scaler.get_scale(), scaler.state_dict(), scaler.is_enabled(), p.tolist())
        )
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "misuse",
    [
        lambda s, o, x: s.step(o),
        lambda s, o, x: s.update(),
        lambda s, o, x: (s.scale(x), s.unscale_(o), s.unscale_(o)),
        lambda s, o, x: (s.scale(x), s.step(o), s.step(o)),
        lambda s, o, x: (s.scale(x), s.step(o), s.unscale_(o)),
        lambda s, o, x: (s.scale(x), s.step(o, closure=lambda: None)),
        lambda s, o, x: s.scale(5),
        lambda s, o, x: s.load_state_dict({}),
        lambda s, o, x: (s.scale(x), s.update()),
    ],
)
def test_the_same_errors(misuse):
    found = []
    for scaler, optimizer, p, make in sides():
        p.grad = make([1.0, 1.0])
        with pytest.raises((AssertionError, RuntimeError, ValueError)) as caught:
            misuse(scaler, optimizer, make([1.0]))
        found.append((type(caught.value), str(caught.value)))
    assert found[0] == found[1]


def test_state_crosses_and_pickles():
    (ours, _, _, make), (theirs, _, _, _) = sides(init_scale=2.0)
    theirs.load_state_dict(
        {
            "scale": 16.0,
            "growth_factor": 3.0,
            "backoff_factor": 0.25,
            "growth_interval": 7,
            "_growth_tracker": 5,
        }
    )
    ours.scale(make([1.0]))
    ours.load_state_dict(theirs.state_dict())
    assert ours.state_dict() == theirs.state_dict()
    again = pickle.loads(pickle.dumps(ours))
    assert again.state_dict() == theirs.state_dict()


def test_without_a_gpu_the_gpus_scaler_switches_itself_off():
    if paddle.device.is_compiled_with_cuda():
        pytest.skip("there may be a GPU")
    with pytest.warns(UserWarning, match="CUDA is not available"):
        assert not GradScaler().is_enabled()


def test_the_deprecated_name_warns():
    with pytest.warns(FutureWarning, match="torch.cpu.amp.GradScaler"):
        assert CpuGradScaler().is_enabled()
