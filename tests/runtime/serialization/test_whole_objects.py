"""Modules and optimizers pickled whole, from torch to Oarlock and back, and their state_dicts."""

from __future__ import annotations

import importlib
import inspect
import io
from typing import Any

import pytest
import torch
from crossing import FORMATS, from_torch, to_torch

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError
from oarlock.serialization import names
from oarlock.serialization.loading import load
from oarlock.serialization.saving import save

nn = torch.nn
MODULES = {
    "mlp": (lambda nn: nn.Sequential(nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 2)), (3, 6)),
    "conv": (
        lambda nn: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        ),
        (2, 3, 8, 8),
    ),
    "norms": (
        lambda nn: nn.Sequential(
            nn.GroupNorm(2, 4), nn.InstanceNorm1d(4, affine=True), nn.LayerNorm(5), nn.RMSNorm(5)
        ),
        (2, 4, 5),
    ),
    "transposed": (lambda nn: nn.ConvTranspose1d(3, 2, 3, stride=2), (2, 3, 5)),
    "encoder": (lambda nn: nn.TransformerEncoderLayer(8, 2, 16, activation="gelu"), (4, 2, 8)),
    "prelu": (lambda nn: nn.Sequential(nn.PReLU(), nn.Upsample(scale_factor=2)), (1, 2, 4)),
}


def built(name: str, space: Any) -> Any:
    return MODULES[name][0](space)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
@pytest.mark.parametrize("name", MODULES)
def test_modules_of_torch_run_as_oarlocks(name, options):
    theirs = built(name, torch.nn).eval()
    ours = from_torch(theirs, options=options, weights_only=False)
    assert type(ours).__module__.startswith("oarlock.")
    x = torch.randn(MODULES[name][1], generator=torch.Generator().manual_seed(3))
    given = oarlock_torch.tensor(x.tolist())
    assert torch.allclose(torch.tensor(ours(given).tolist()), theirs(x), atol=1e-5)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
@pytest.mark.parametrize("name", MODULES)
def test_modules_of_oarlock_run_as_torchs(name, options):
    ours = built(name, oarlock_torch.nn).eval()
    theirs = to_torch(ours, options=options, weights_only=False)
    assert type(theirs) is type(built(name, torch.nn))
    x = torch.randn(MODULES[name][1], generator=torch.Generator().manual_seed(3))
    given = oarlock_torch.tensor(x.tolist())
    assert torch.allclose(torch.tensor(ours(given).tolist()), theirs(x), atol=1e-5)
    assert list(theirs.state_dict()) == list(ours.state_dict())


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_modules(kind):
    theirs = getattr(torch.nn, kind)(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    x = torch.randn(2, 5, 3)
    ours = from_torch(theirs, weights_only=False)
    assert torch.allclose(
        torch.tensor(ours(oarlock_torch.tensor(x.tolist()))[0].tolist()), theirs(x)[0], atol=1e-5
    )
    again = to_torch(ours, weights_only=False)
    assert torch.equal(again(x)[0], theirs(x)[0])


def test_tied_weights_stay_tied():
    theirs = torch.nn.ModuleDict({"embed": nn.Embedding(5, 3), "head": nn.Linear(3, 5, bias=False)})
    theirs["head"].weight = theirs["embed"].weight
    ours = from_torch(theirs, weights_only=False)
    assert ours["head"].weight is ours["embed"].weight
    again = to_torch(ours, weights_only=False)
    assert again["head"].weight is again["embed"].weight
    state = from_torch(theirs.state_dict())
    state["head.weight"].fill_(2.0)
    assert state["embed.weight"].tolist() == [[2.0] * 3] * 5


class Net(oarlock_torch.nn.Module):
    """A class of the user's own, which both sides find where it is defined."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = oarlock_torch.nn.Linear(2, 1)


def test_a_users_own_module():
    file = io.BytesIO()
    net = Net()
    save(net, file)
    file.seek(0)
    loaded = load(file, weights_only=False)
    assert type(loaded) is Net
    assert loaded.layer.weight.tolist() == net.layer.weight.tolist()


OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "Adam": {"lr": 0.01, "amsgrad": True},
    "AdamW": {"lr": 0.01},
    "RMSprop": {"lr": 0.01, "centered": True},
    "Adagrad": {"lr": 0.1},
}


def trained(space: Any, module: Any, optimizer: Any, steps: int) -> list[float]:
    x = space.tensor([[1.0, -2.0, 0.5], [0.0, 1.0, 2.0]])
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (module(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_training_goes_on_from_torch_to_oarlock_and_back(kind, options):
    theirs = torch.nn.Linear(3, 2)
    theirs_step = getattr(torch.optim, kind)(theirs.parameters(), **OPTIMIZERS[kind])
    trained(torch, theirs, theirs_step, 3)
    checkpoint = {"model": theirs.state_dict(), "optim": theirs_step.state_dict(), "epoch": 3}
    loaded = from_torch(checkpoint, options=options)
    ours = oarlock_torch.nn.Linear(3, 2)
    ours.load_state_dict(loaded["model"])
    ours_step = getattr(oarlock_torch.optim, kind)(ours.parameters(), **OPTIMIZERS[kind])
    ours_step.load_state_dict(loaded["optim"])
    expected = trained(torch, theirs, theirs_step, 4)
    assert trained(oarlock_torch, ours, ours_step, 4) == pytest.approx(expected, rel=1e-5)
    checkpoint = {"model": ours.state_dict(), "optim": ours_step.state_dict()}
    back = to_torch(checkpoint, options=options)
    fresh = torch.nn.Linear(3, 2)
    fresh.load_state_dict(back["model"])
    fresh_step = getattr(torch.optim, kind)(fresh.parameters(), **OPTIMIZERS[kind])
    fresh_step.load_state_dict(back["optim"])
    expected = trained(torch, theirs, theirs_step, 4)
    assert trained(torch, fresh, fresh_step, 4) == pytest.approx(expected, rel=1e-4)


def test_whole_optimizers():
    module = torch.nn.Linear(3, 2)
    theirs = torch.optim.AdamW(module.parameters(), lr=0.01)
    trained(torch, module, theirs, 2)
    ours_module, ours = from_torch([module, theirs], weights_only=False)
    assert type(ours) is oarlock_torch.optim.AdamW
    assert ours.param_groups[0]["params"][0] is ours_module.weight
    expected = trained(torch, module, theirs, 3)
    assert trained(oarlock_torch, ours_module, ours, 3) == pytest.approx(expected, rel=1e-5)
    back_module, back = to_torch([ours_module, ours], weights_only=False)
    assert type(back) is torch.optim.AdamW
    expected = trained(torch, module, theirs, 3)
    assert trained(torch, back_module, back, 3) == pytest.approx(expected, rel=1e-4)


def test_functions_cross_by_name():
    assert from_torch(torch.nn.functional.relu, weights_only=False) is (
        oarlock_torch.nn.functional.relu
    )
    assert from_torch(torch.nn.functional.gelu, weights_only=False) is (
        oarlock_torch.nn.functional.gelu
    )
    assert (
        to_torch(oarlock_torch.nn.functional.relu, weights_only=False) is torch.nn.functional.relu
    )


def test_objects_without_a_counterpart():
    with pytest.raises(UnsupportedError, match=r"torch\.nn\.quantizable\.|torch\.ao\."):
        from_torch(torch.ao.nn.quantizable.LSTM(2, 2), weights_only=False)
    with pytest.raises(UnsupportedError, match="torch has no such object"):
        save({"f": load.__globals__["_chosen"]}, io.BytesIO())


def test_the_table_of_defining_modules_is_torchs():
    for (space, name), module in names._MODULE_OF.items():
        defined = getattr(importlib.import_module(module), name)
        assert getattr(importlib.import_module(space), name) is defined
        # A file names a class by its own module, which must be the table's.
        if inspect.isclass(defined):
            assert defined.__module__ == module


def test_the_table_of_objects_is_torchs():
    for path in names._OBJECTS:
        space, _, name = path.rpartition(".")
        defined = getattr(importlib.import_module(space), name)
        assert defined.__qualname__ == name
        assert names.path_of(names.find(space, name)) == (space, name)
