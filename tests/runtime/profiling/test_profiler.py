"""torch.profiler's steps and schedules beside torch's, and the refusal of measurements."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest
import torch
import torch.profiler

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError

SCHEDULES = [
    {"wait": wait, "warmup": warmup, "active": active, "repeat": repeat, "skip_first": skip}
    for wait, warmup, active, repeat, skip in itertools.product(
        (0, 2), (0, 1), (1, 2), (0, 2), (0, 3)
    )
] + [
    {"wait": 2, "warmup": 1, "active": 1, "skip_first": 1, "skip_first_wait": 1},
    {"wait": -1, "warmup": 1, "active": 1},
    {"wait": 0, "warmup": 1, "active": 0},
]


def _actions(t: Any, given: dict[str, int]) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function = t.profiler.schedule(**given)
        except Exception as error:
            return type(error), str(error)
    return [function(n).name for n in range(20)], [
        str(w.message) for w in caught if "warmup" in str(w.message)
    ]


@pytest.mark.parametrize("given", SCHEDULES, ids=str)
def test_schedules(given: dict[str, int]) -> None:
    assert _actions(oarlock_torch, given) == _actions(torch, given)


@pytest.mark.parametrize("scheduled", [True, False])
def test_when_a_trace_is_ready(scheduled: bool) -> None:
    found = []
    for t in (oarlock_torch, torch):
        ready: list[int] = []
        schedule = t.profiler.schedule(wait=1, warmup=1, active=2, repeat=2) if scheduled else None
        with t.profiler.profile(
            activities=[t.profiler.ProfilerActivity.CPU],
            schedule=schedule,
            on_trace_ready=lambda p, ready=ready: ready.append(p.step_num),
        ) as profiler:
            for _ in range(11):
                with t.profiler.record_function("step"):
                    t.ones(2).add(1)
                profiler.step()
        found.append((ready, profiler.step_num))
    assert found[0] == found[1]


def test_a_named_function_does_what_it_did() -> None:
    t = oarlock_torch

    @t.profiler.record_function("double")
    def double(x: Any, times: int = 1) -> Any:
        return x * 2 * times

    assert double(t.ones(2), times=2).tolist() == [4.0, 4.0]
    assert double.__name__ == "double"


def test_measurements_are_refused() -> None:
    t = oarlock_torch
    with t.profiler.profile() as profiler:
        t.ones(2)
    with pytest.raises(UnsupportedError, match=r"paddle\.profiler"):
        profiler.key_averages()
    with t.autograd.profiler.profile() as profiler:
        pass
    with pytest.raises(UnsupportedError, match=r"paddle\.profiler"):
        profiler.export_chrome_trace("trace.json")
