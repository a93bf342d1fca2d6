"""torch.cuda's streams, random states and figures without a GPU, beside torch's CPU build."""

from __future__ import annotations

from typing import Any

import paddle
import pytest
import torch

import oarlock.torch as oarlock_torch

pytestmark = pytest.mark.skipif(
    paddle.device.is_compiled_with_cuda() or torch.version.cuda is not None,
    reason="compares two builds without CUDA",
)


def _state(cuda: Any) -> Any:
    return (torch if cuda is torch.cuda else oarlock_torch).get_rng_state()


CALLS: dict[str, Any] = {
    "get_rng_state": lambda c: c.get_rng_state(),
    "get_rng_state_all": lambda c: c.get_rng_state_all(),
    "set_rng_state": lambda c: c.set_rng_state(_state(c)),
    "set_rng_state_all": lambda c: c.set_rng_state_all([]),
    "mem_get_info": lambda c: c.mem_get_info(),
    "memory_stats": lambda c: dict(c.memory_stats()),
    "memory_cached": lambda c: c.memory_cached(),
    "max_memory_cached": lambda c: c.max_memory_cached(),
    "ipc_collect": lambda c: c.ipc_collect(),
    "get_arch_list": lambda c: c.get_arch_list(),
    "seed": lambda c: c.seed(),
    "seed_all": lambda c: c.seed_all(),
    "is_tf32_supported": lambda c: c.is_tf32_supported(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.filterwarnings("ignore")
def test_without_cuda(call: Any) -> None:
    def said(t: Any) -> Any:
        try:
            return call(t.cuda)
        except Exception as error:
            return type(error), str(error)

    assert said(oarlock_torch) == said(torch)


def test_no_stream() -> None:
    with oarlock_torch.cuda.stream(None):
        assert oarlock_torch.ones(1).item() == 1
