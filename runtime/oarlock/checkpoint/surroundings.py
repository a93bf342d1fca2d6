"""What a function's result depends on besides its arguments: random streams and autocast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import paddle

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor


class Surroundings:
    """The state of the random streams and of autocast at the time it is made.

    Args:
        preserve_rng_state: whether the random streams are kept.
    """

    def __init__(self, preserve_rng_state: bool) -> None:
        self._draws = preserve_rng_state
        if preserve_rng_state:
            self._cpu: Tensor = torch.get_rng_state()
            self._gpu = _gpu_states()
        kinds = ("cuda", "cpu") if paddle.device.is_compiled_with_cuda() else ("cpu",)
        self._autocast = [
            {
                "device_type": kind,
                "enabled": torch.is_autocast_enabled(kind),
                "dtype": torch.get_autocast_dtype(kind),
                "cache_enabled": torch.is_autocast_cache_enabled(),
            }
            for kind in kinds
        ]

    @contextmanager
    def again(self) -> Iterator[None]:
        """Run a block in this state, and leave the random streams outside as they are."""
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(enabled=self._draws))
            if self._draws:
                torch.set_rng_state(self._cpu)
                if self._gpu:
                    paddle.set_cuda_rng_state(self._gpu)
            for options in self._autocast:
                stack.enter_context(torch.amp.autocast(**options))
            yield


def _gpu_states() -> list:
    return paddle.get_cuda_rng_state() if paddle.device.is_compiled_with_cuda() else []
