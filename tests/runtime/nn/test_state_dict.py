"""state_dict and load_state_dict held against torch's, and crossing between both sides."""

from collections import OrderedDict

import numpy as np
import pytest
import torch as real_torch
from torch_and_oarlock import same_on_both

import oarlock.torch


def net(torch):
    nn = torch.nn
    return nn.Sequential(
        OrderedDict(conv=nn.Conv1d(2, 3, 2), norm=nn.BatchNorm1d(3), out=nn.Linear(3, 1))
    )


@same_on_both
def test_contents_and_metadata(torch):
    m = net(torch)
    state = m.state_dict()
    kept = m.state_dict(keep_vars=True)
    given = OrderedDict(first=1)
    m.out.state_dict(destination=given, prefix="x.")
    return [
        dict(state),
        dict(state._metadata),
        {name: value.requires_grad for name, value in kept.items()},
        kept["out.weight"] is m.out.weight,
        list(given),
        list(m.out.state_dict(given, "y.", True)),
    ]


@same_on_both
def test_state_shares_storage(torch):
    m = net(torch)
    state = m.state_dict()
    with torch.no_grad():
        m.out.bias.fill_(7)
    return state["out.bias"]


@same_on_both
def test_loading(torch):
    a, b = net(torch), net(torch)
    b.norm.running_mean.fill_(3)
    weight = a.out.weight
    result = a.load_state_dict(b.state_dict())
    return [
        repr(result),
        result,
        a.out.weight is weight,
        dict(a.state_dict()),
        weight.requires_grad,
    ]


@pytest.mark.parametrize("strict", [True, False])
@same_on_both
def test_missing_and_unexpected_keys(torch, strict):
    m = net(torch)
    state = m.state_dict()
    del state["out.bias"]
    del state["norm.num_batches_tracked"]
    state["out.more"] = torch.ones(1)
    state["other.weight"] = torch.ones(1)
    result = m.load_state_dict(state, strict=strict)
    return [result, result.missing_keys, result.unexpected_keys]


@pytest.mark.parametrize("strict", [True, False])
@same_on_both
def test_size_mismatch(torch, strict):
    m = net(torch)
    state = m.state_dict()
    state["out.weight"] = torch.ones(2, 3)
    state["conv.bias"] = torch.ones(1)
    return m.load_state_dict(state, strict=strict)


@same_on_both
def test_values_that_are_no_tensors(torch):
    m = torch.nn.Linear(1, 1)
    return m.load_state_dict({"weight": [[1.0]], "bias": torch.ones(1)})


@same_on_both
def test_no_mapping(torch):
    return torch.nn.Linear(1, 1).load_state_dict([1])


@same_on_both
def test_scalars_take_tensors_of_one_element(torch):
    m = torch.nn.Module()
    m.s = torch.nn.Parameter(torch.tensor(1.0))
    m.load_state_dict({"s": torch.tensor([4.0])})
    return m.s


@same_on_both
def test_assign(torch):
    m = torch.nn.Linear(2, 1)
    m.bias.requires_grad = False
    state = {"weight": torch.ones(1, 2, dtype=torch.float64), "bias": torch.ones(1)}
    m.load_state_dict(state, assign=True)
    state["weight"][0, 0] = 9
    return [m.weight, m.bias, type(m.weight).__name__]


@same_on_both
def test_dtypes_are_converted_when_copied(torch):
    m = torch.nn.Linear(2, 1)
    m.load_state_dict({"weight": torch.ones(1, 2, dtype=torch.float64), "bias": torch.ones(1)})
    return m.weight


@same_on_both
def test_extra_state(torch):
    class Extra(torch.nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def get_extra_state(self):
            return {"value": self.value}

        def set_extra_state(self, state):
            self.value = state["value"]

    a, b = torch.nn.Sequential(Extra(1)), torch.nn.Sequential(Extra(2))
    state = b.state_dict()
    a.load_state_dict(state)
    seen = [dict(state), a[0].value]
    for m, given in ((a, {}), (torch.nn.Sequential(torch.nn.Identity()), state)):
        try:
            m.load_state_dict(given)
        except RuntimeError as error:
            seen.append(error)
    return seen


@same_on_both
def test_hooks(torch):
    m = net(torch)
    seen = []

    def loads(mod, state, prefix, metadata, strict, missing, unexpected, errors):
        seen.append((type(mod).__name__, prefix, sorted(state)))
        state.pop(prefix + "extra", None)

    m.out.register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append((prefix, keep)))
    m.out.register_state_dict_post_hook(lambda mod, state, prefix, meta: state.update(x=1))
    m.out.register_load_state_dict_pre_hook(loads)
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.unexpected_keys.clear())
    state = m.state_dict()
    seen.append(list(state))
    state["out.extra"] = torch.ones(1)
    seen.append(m.load_state_dict(state))
    m.register_state_dict_post_hook(lambda mod, state, prefix, meta: state)
    try:
        m.state_dict()
    except RuntimeError as error:
        seen.append(error)
    return seen


@same_on_both
def test_old_batch_norm_states(torch):
    m = torch.nn.BatchNorm1d(2)
    state = OrderedDict(m.state_dict())
    del state["num_batches_tracked"]
    return m.load_state_dict(state)


@same_on_both
def test_taking_a_prefix_off(torch):
    state = torch.nn.Sequential(torch.nn.Linear(1, 1)).state_dict(prefix="module.")
    torch.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
    return [list(state), list(state._metadata)]


def test_crossing():
    theirs, ours = net(real_torch), net(oarlock.torch)
    given = {name: oarlock.torch.tensor(v.numpy()) for name, v in theirs.state_dict().items()}
    assert repr(ours.load_state_dict(given)) == "<All keys matched successfully>"
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 2, 3)
    with real_torch.no_grad():
        expected = theirs.eval()[:2](real_torch.tensor(x)).numpy()
    found = ours.eval()[:2](oarlock.torch.tensor(x))
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    back = {n: real_torch.tensor(v.numpy()) for n, v in ours.state_dict().items()}
    theirs.load_state_dict(back)
