"""Every class of torch.nn held against torch's, on the inputs of torch's own module database."""

import collections
import warnings
from typing import Any

import numpy as np
import paddle
import pytest
import torch as real_torch
from torch.testing._internal.common_modules import module_db

import oarlock.torch
from oarlock.tensor import Tensor, plain

# Paddle keeps settings such as a momentum in float32, whose rounding is 6e-8, for float64 tensors too.
TOLERANCE = 2e-6
# A normal draw goes through transcendental functions, whose last bit differs between libraries.
DRAW_TOLERANCE = 3e-7
# Hundreds of combinations of flags: every fifth shows each flag in both states.
STRIDES = collections.defaultdict(
    lambda: 1,
    {
        "MultiheadAttention": 5,
        "Transformer": 7,
        "TransformerDecoderLayer": 7,
        "TransformerEncoderLayer": 5,
        "LSTM": 3,
        "GRU": 3,
    },
)
# LinearCrossEntropyLoss came with torch 2.13 and has no record.
LEFT_OUT = {"LinearCrossEntropyLoss"}
INFOS = [
    info
    for info in module_db
    if info.module_cls.__module__.startswith("torch.nn.modules")
    and info.module_cls.__name__ not in LEFT_OUT
]


def across(value) -> Any:
    """The Oarlock twin of a value of torch's."""
    if isinstance(value, real_torch.Tensor):
        made = oarlock.torch.tensor(value.detach().numpy())
        made.requires_grad = value.requires_grad
        return made
    if isinstance(value, real_torch.dtype):
        return getattr(oarlock.torch, str(value).removeprefix("torch."))
    if isinstance(value, real_torch.nn.utils.rnn.PackedSequence):
        return oarlock.torch.nn.utils.rnn.PackedSequence(*map(across, value))
    if isinstance(value, real_torch.Size):
        return tuple(value)
    if isinstance(value, collections.OrderedDict):
        return collections.OrderedDict((key, across(one)) for key, one in value.items())
    if isinstance(value, dict):
        return {key: across(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(across(one) for one in value)
    name = getattr(value, "__name__", "")
    if callable(value) and getattr(real_torch.nn.functional, name, None) is value:
        return getattr(oarlock.torch.nn.functional, name)
    return value


def tensors(value):
    """The tensors in a value, in order."""
    if isinstance(value, (real_torch.Tensor, Tensor)):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    return [one for item in value for one in tensors(item)]


def samples(info, dtype, training):
    """Constructor and forward inputs, thinned out; those that need modules are tested elsewhere."""
    real_torch.manual_seed(7)
    given = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    for sample in given[:: STRIDES[info.module_cls.__name__]]:
        made = sample.constructor_input
        if not any(
            isinstance(one, real_torch.nn.Module) for one in (*made.args, *made.kwargs.values())
        ):
            yield sample


def pair(info, sample, training, dtype):
    """Both sides' modules, drawn from one seed; None where torch's own constructor raises."""
    made = sample.constructor_input
    keywords = dict(made.kwargs)
    real_torch.manual_seed(3)
    try:
        theirs = info.module_cls(*made.args, **keywords).train(training)
    except Exception:
        return None
    oarlock.torch.manual_seed(3)
    kind = getattr(oarlock.torch.nn, info.module_cls.__name__)
    ours = kind(*across(tuple(made.args)), **across(keywords)).train(training)
    if dtype is not None and "Lazy" not in type(theirs).__name__:
        theirs.to(dtype)
        ours.to(across(dtype))
        # float64 parameters drawn in float32 differ in their last bits.
        for one, other in zip(
            ours.state_dict().values(), theirs.state_dict().values(), strict=True
        ):
            one.copy_(across(other.detach()))
    return theirs, ours


def close(found, expected, what, tolerance=TOLERANCE):
    assert tuple(found.shape) == tuple(expected.shape), what
    assert str(found.dtype) == str(expected.dtype), what
    np.testing.assert_allclose(
        found.detach().numpy(),
        expected.detach().numpy(),
        rtol=tolerance,
        atol=tolerance,
        err_msg=what,
    )


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.module_cls.__name__)
def test_construction(info):
    """Parameters, draws, text and state_dict of every constructor call."""
    if "Lazy" in info.module_cls.__name__:
        pytest.skip("its parameters come with the first input: see test_forward_and_gradients")
    for sample in samples(info, real_torch.float32, True):
        both = pair(info, sample, True, None)
        if both is None:
            continue
        theirs, ours = both
        assert repr(ours) == repr(theirs)
        expected, found = theirs.state_dict(), ours.state_dict()
        assert list(found) == list(expected)
        assert found._metadata == expected._metadata
        for name, value in expected.items():
            close(found[name], value, name, DRAW_TOLERANCE)
        for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert one.requires_grad == other.requires_grad, name


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.module_cls.__name__)
def test_forward_and_gradients(info, training):
    """Outputs, gradients and buffers of every forward call, in float64."""
    dtype = real_torch.float64
    for sample in samples(info, dtype, training):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            both = pair(info, sample, training, dtype)
            given = sample.forward_input
            if both is None or given is None:
                continue
            theirs, ours = both
            args = [
                one.detach().clone().requires_grad_(one.requires_grad)
                if isinstance(one, real_torch.Tensor)
                else one
                for one in given.args
            ]
            own_args, own_kwargs = across(tuple(args)), across(dict(given.kwargs))
            real_torch.manual_seed(5)
            try:
                expected = theirs(*args, **given.kwargs)
            except Exception:
                with pytest.raises(Exception):  # noqa: B017, PT011
                    ours(*own_args, **own_kwargs)
                continue
            oarlock.torch.manual_seed(5)
            found = ours(*own_args, **own_kwargs)
        compare(theirs, ours, tensors(expected), tensors(found), args, own_args)


def compare(theirs, ours, expected, found, args, own_args):
    """Compare outputs, then gradients for one random cotangent, then buffers."""
    assert len(found) == len(expected)
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        close(one, other, f"output {place}")
        assert one.requires_grad == other.requires_grad
    needing = [(a, b) for a, b in zip(found, expected, strict=True) if b.requires_grad]
    if needing:
        cotangents = [real_torch.randn_like(other) for _, other in needing]
        real_torch.autograd.backward([other for _, other in needing], cotangents)
        paddle.autograd.backward(
            [plain(one) for one, _ in needing], [plain(across(one)) for one in cotangents]
        )
    inputs = zip(tensors(own_args), tensors(args), strict=True)
    named = zip(ours.named_parameters(), theirs.parameters(), strict=True)
    pairs = [(f"input {i}", *both) for i, both in enumerate(inputs)]
    pairs += [(name, one, other) for (name, one), other in named]
    for what, one, other in pairs:
        if other.requires_grad and other.grad is not None:
            assert one.grad is not None, f"no gradient of {what}"
            close(one.grad, other.grad, f"gradient of {what}")
    for (name, one), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        close(one, other, name)
