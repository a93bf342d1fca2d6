"""What a Tensor prints, held against torch on random values, shapes, dtypes and options."""

import math
import random
from typing import Any

import numpy as np
import paddle
import pytest
import torch
from torch import _tensor_str as theirs_printing

from oarlock.tensor import dtypes
from oarlock.tensor.core import wrap
from oarlock.tensor.printing import (
    get_printoptions,
    printoptions,
    set_printoptions,
    tensor_str,
)

SHAPES = [
    (),
    (1,),
    (5,),
    (7,),
    (40,),
    (1001,),
    (2, 3),
    (3, 400),
    (400, 3),
    (11, 11, 11),
    (1, 2, 2, 3),
]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


def both(array, dtype):
    theirs = torch.tensor(array).to(getattr(torch, dtype))
    ours = paddle.to_tensor(array)
    return wrap(ours.astype(dtype)), theirs


def floats(generator, shape):
    """Values as they come: usual, integral, tiny, huge, mixed, with zeros and non-finite ones."""
    kind = generator.integers(8)
    values = generator.standard_normal(shape)
    if kind == 1:
        values = np.round(values * 10)
    elif kind == 2:
        values = values * 1e-6
    elif kind == 3:
        values = values * 1e6
    elif kind == 4:
        values = values * 10.0 ** generator.integers(-6, 6, shape)
    elif kind == 5:
        values = np.where(generator.random(shape) < 0.3, 0.0, values)
    elif kind == 6:
        values = np.where(generator.random(shape) < 0.5, np.nan, values)
        values = np.where(generator.random(shape) < 0.2, np.inf, values)
    elif kind == 7:
        values = np.where(generator.random(shape) < 0.5, -np.inf, np.round(values * 1e5))
    return np.asarray(values, dtype=np.float64)


def options(generator):
    chosen = random.Random(int(generator.integers(1 << 30)))
    return {
        "precision": chosen.choice([4, 4, 0, 2, 8]),
        "threshold": chosen.choice([1000, 1000, 5, math.inf]),
        "edgeitems": chosen.choice([3, 3, 1, 2, 5, 0]),
        "linewidth": chosen.choice([80, 80, 20, 120]),
        "sci_mode": chosen.choice([None, None, True, False]),
    }


@pytest.fixture(autouse=True)
def torch_options():
    before = theirs_printing.get_printoptions()
    yield
    torch.set_printoptions(**before)


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.parametrize("dtype", [*FLOATS, "complex64", "complex128"])
def test_floating_point(seed, dtype):
    generator = np.random.default_rng(seed)
    shape = SHAPES[generator.integers(len(SHAPES))]
    values = floats(generator, shape)
    if dtype.startswith("complex"):
        # Part by part: inf * 1j would put a NaN beside it.
        values = np.asarray(values + 0j)
        values.imag = floats(generator, shape)
    ours, theirs = both(values, dtype)
    chosen = options(generator) if seed % 2 else {}
    torch.set_printoptions(**chosen)
    with printoptions(**chosen):
        assert tensor_str(ours) == repr(theirs)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
def test_integers(seed, dtype):
    generator = np.random.default_rng(seed)
    shape = SHAPES[generator.integers(len(SHAPES))]
    most = int(generator.choice([2, 100, 10**9 if dtype in ("int32", "int64") else 100]))
    least = 0 if dtype in ("uint8", "bool") else -most
    ours, theirs = both(np.asarray(generator.integers(least, most, shape)), dtype)
    chosen = options(generator) if seed % 2 else {}
    torch.set_printoptions(**chosen)
    with printoptions(**chosen):
        assert tensor_str(ours) == repr(theirs)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_nothing(shape, dtype):
    ours, theirs = both(np.zeros(shape), dtype)
    assert tensor_str(ours) == repr(theirs)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bits(dtype):
    ours, theirs = both(np.array([0.5, 1.75, -3.0, 40.0], "float32"), dtype)
    assert tensor_str(ours) == repr(theirs)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_the_default_dtype_is_not_said(dtype):
    before = dtypes.get_default_dtype()
    dtypes.set_default_dtype(getattr(dtypes, dtype))
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        for other in ("float32", "float64", "complex64", "complex128", "int64"):
            ours, theirs = both(np.ones(2), other)
            assert tensor_str(ours) == repr(theirs)
    finally:
        dtypes.set_default_dtype(before)
        torch.set_default_dtype(torch.float32)


GRADIENTS = [
    ("x", "x"),
    ("x * x", "x * x"),
    ("x + x", "x + x"),
    ("x / x", "x / x"),
    ("x.sum()", "x.sum()"),
    ("x.sum(0)", "x.sum(0)"),
    ("x.mean()", "x.mean()"),
    ("x @ x", "x @ x"),
    ("x.exp()", "x.exp()"),
    ("x.reshape([9])", "x.view(9)"),
    ("x[0:2]", "x[0:2]"),
    ("paddle.concat([x, x])", "torch.cat([x, x])"),
    ("paddle.nn.functional.relu(x)", "torch.relu(x)"),
    ("paddle.nn.functional.softmax(x)", "x.softmax(-1)"),
    ("x.clone()", "x.clone()"),
    ("x.detach()", "x.detach()"),
]


@pytest.mark.parametrize(("ours", "theirs"), GRADIENTS)
def test_gradients(ours, theirs):
    values = np.random.default_rng(0).random((3, 3), dtype=np.float32)
    x = paddle.to_tensor(values, stop_gradient=False)
    made = wrap(eval(ours, {"x": x, "paddle": paddle}))
    x = torch.tensor(values, requires_grad=True)
    assert tensor_str(made) == repr(eval(theirs, {"x": x, "torch": torch}))


def test_a_function_of_ones_own_has_its_name():
    class Double(paddle.autograd.PyLayer):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, *grads):
            return grads[0] * 2

    x = paddle.ones([1])
    x.stop_gradient = False
    assert tensor_str(wrap(Double.apply(x))) == "tensor([2.], grad_fn=<DoubleBackward>)"


def test_long_suffixes_go_to_a_line_of_their_own():
    values = np.ones((1, 12), dtype=np.float64)
    x = wrap(paddle.to_tensor(values, stop_gradient=False))
    assert tensor_str(x) == repr(torch.tensor(values, requires_grad=True))


def test_contents_can_be_given():
    x = wrap(paddle.ones([2], dtype="float64"))
    assert tensor_str(x, tensor_contents="...") == "tensor(..., dtype=torch.float64)"


def test_options_are_kept_as_torch_keeps_them():
    settings: list[dict[str, Any]] = [
        {"profile": "short"},
        {"precision": 2},
        {"sci_mode": True},
        {"profile": "full", "edgeitems": 7},
        {"linewidth": 100},
        {"profile": "unknown"},
        {"profile": "default"},
    ]
    for chosen in settings:
        set_printoptions(**chosen)
        torch.set_printoptions(**chosen)
        assert get_printoptions() == theirs_printing.get_printoptions()
