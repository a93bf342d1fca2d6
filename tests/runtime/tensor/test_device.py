"""torch.device held against torch's, and Paddle's places."""

import copy
import pickle
import threading
import warnings

import paddle
import pytest
import torch

from oarlock import UnsupportedError
from oarlock.tensor import devices
from oarlock.tensor.devices import device

EXPRESSIONS = [
    "d('cuda:1')",
    "d('cuda', 1)",
    "d(type='cuda', index=2)",
    "d(type='cuda')",
    "d('cpu')",
    "d('cpu:0')",
    "d(d('cpu'))",
    "d(device='cuda:1')",
    "d(device=d('cpu'))",
    "d('cuda', None)",
    "d('meta')",
    "d('mps')",
    "d('xpu:1')",
    "d(b'cpu')",
    "str(d('cuda:1'))",
    "str(d('cpu'))",
    "f\"{d('cuda', 0)}\"",
    "d('cpu').index",
    "d('cuda:3').index",
    "d('cuda:3').type",
    "d('cpu') == d('cpu')",
    "d('cpu') == d('cpu:0')",
    "d('cuda:1') == d('cuda', 1)",
    "d('cpu') == 'cpu'",
    "d('cpu') != d('cuda')",
    "{d('cuda:1'): 1}[d('cuda', 1)]",
    "copy.deepcopy(d('cuda:1'))",
    "pickle.loads(pickle.dumps(d('cuda:1'))) == d('cuda:1')",
]
FAULTS = [
    *("d('cuda:-1')", "d('cuda:')", "d('cuda:01')", "d('foo')", "d('CUDA')", "d('')"),
    *("d('cuda:1:2')", "d('cuda:1x')", "d('cuda:1', 1)", "d('cuda', -1)", "d('cuda', '1')"),
    *("d('cuda', True)", "d()", "d(None)", "d(2.0)", "d(True)", "d('cpu', 0, 1)", "d(name='cpu')"),
    *("setattr(d('cpu'), 'type', 'cuda')", "d('cpu') < d('cuda')", "type('D', (d,), {})"),
    "d('cpu').name",
]


def value(expression, kind):
    return eval(expression, {"d": kind, "copy": copy, "pickle": pickle})


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_does_what_torchs_does(expression):
    assert repr(value(expression, device)) == repr(value(expression, torch.device))


@pytest.mark.parametrize("expression", FAULTS)
def test_it_refuses_what_torchs_refuses(expression):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        value(expression, torch.device)
    with pytest.raises(theirs.type):
        value(expression, device)


def test_it_knows_every_type_that_torch_knows():
    with pytest.raises(RuntimeError) as theirs:
        torch.device("nothing")
    for kind in devices._TYPES:
        assert kind in str(theirs.value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.device(kind)
        device(kind)


def test_a_tensors_place_and_back():
    assert devices.from_place(paddle.zeros([1], device="cpu").place) == device("cpu")
    assert devices.place(device("cpu")).__class__ is paddle.CPUPlace
    assert devices.place("cpu").__class__ is paddle.CPUPlace
    assert devices.place().__class__ is paddle.CPUPlace


@pytest.mark.parametrize("name", ["meta", "mps", "xpu:0"])
def test_a_device_that_paddle_has_not_is_refused_where_it_is_used(name):
    with pytest.raises(UnsupportedError, match="device"):
        devices.place(device(name), "torch.zeros")


@pytest.mark.skipif(paddle.device.is_compiled_with_cuda(), reason="a CPU build is meant")
def test_a_gpu_is_refused_by_a_cpu_build():
    with pytest.raises(UnsupportedError, match="CPU build of Paddle"):
        devices.place("cuda")
    with pytest.raises(RuntimeError, match="accelerator"):
        device(0)


def test_the_default_device_is_set_and_entered():
    assert devices.get_default_device() == device("cpu")
    with device("cuda:1") as entered, device("meta"):
        assert entered == device("cuda:1")
        assert devices.get_default_device() == device("meta")
        seen = []
        other = threading.Thread(target=lambda: seen.append(devices.get_default_device()))
        other.start()
        other.join()
        assert seen == [device("cpu")]
    assert device("meta")(devices.get_default_device)() == device("meta")
    devices.set_default_device("cuda:1")
    try:
        assert devices.get_default_device() == device("cuda:1")
    finally:
        devices.set_default_device(None)
    assert devices.get_default_device() == device("cpu")
