"""torch.optim.swa_utils against torch's: averages, statistics and rates."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch.optim.swa_utils

import oarlock.torch
from oarlock.optim import swa_utils as ours

sys.path.append(str(Path(__file__).parents[1] / "nn"))
from torch_and_oarlock import same_on_both  # type: ignore


def side_of(side) -> Any:
    return ours if side is oarlock.torch else torch.optim.swa_utils


@pytest.mark.parametrize(
    ("kind", "use_buffers"),
    [
        *((kind, False) for kind in ("default", "ema", "multi_ema", "swa", "multi_swa")),
        # torch's own multi_swa raises on buffers of integers.
        *((kind, True) for kind in ("default", "ema", "multi_ema", "swa")),
    ],
)
@same_on_both
def test_averages(side, kind, use_buffers):
    home, nn = side_of(side), side.nn
    given = {
        "default": {},
        "ema": {"avg_fn": home.get_ema_avg_fn(0.9)},
        "multi_ema": {"multi_avg_fn": home.get_ema_multi_avg_fn(0.9)},
        "swa": {"avg_fn": home.get_swa_avg_fn()},
        "multi_swa": {"multi_avg_fn": home.get_swa_multi_avg_fn()},
    }[kind]
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    averaged = home.AveragedModel(model, use_buffers=use_buffers, **given)
    optimizer = side.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        (model(side.randn(6, 4)) ** 2).mean().backward()
        optimizer.step()
        averaged.update_parameters(model)
    home.update_bn([side.randn(6, 4), (side.randn(6, 4), 1)], averaged)
    return dict(averaged.state_dict())


@pytest.mark.parametrize("strategy", ["cos", "linear", "other"])
@pytest.mark.parametrize("epochs", [0, 3])
@same_on_both
def test_rates(side, strategy, epochs):
    groups = [{"params": [side.nn.Parameter(side.ones(2))], "lr": lr} for lr in (0.4, 0.1)]
    optimizer = side.optim.SGD(groups, lr=0.1)
    scheduler = side_of(side).SWALR(
        optimizer, swa_lr=[0.05, 0.2], anneal_epochs=epochs, anneal_strategy=strategy
    )
    rates = []
    for _ in range(5):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr())
    return rates
