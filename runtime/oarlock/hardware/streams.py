"""torch.cuda's streams, random states and memory figures, as scripts without a GPU ask for them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import paddle

from oarlock.errors import UnsupportedError
from oarlock.hardware.cuda import _check, is_available, max_memory_reserved, memory_reserved


class StreamContext:
    """A ``with`` block on a stream; nothing happens where the stream is None.

    Args:
        stream: None: Paddle's operations run on the current stream.

    Raises:
        UnsupportedError: a stream is given.
    """

    def __init__(self, stream: Any) -> None:
        if stream is not None:
            raise _refused("StreamContext", "Paddle's eager operations run on one stream")
        self.stream = stream

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        """Do nothing."""


def stream(stream: Any) -> StreamContext:
    """A ``with`` block on a stream, which has to be None."""
    return StreamContext(stream)


def get_rng_state(device: Any = "cuda") -> Any:
    """Refuse: Paddle's GPU generator has a state of another kind.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """
    _check()
    raise _refused("get_rng_state", "the state of Paddle's GPU generator is no tensor of bytes")


def get_rng_state_all() -> list[Any]:
    """The states of all GPUs: an empty list where there is none."""
    return [get_rng_state()] if is_available() else []


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Do nothing where there is no GPU, as torch does until one is in use.

    Raises:
        UnsupportedError: there is one.
    """
    if is_available():
        raise _refused("set_rng_state", "the state of Paddle's GPU generator is no tensor of bytes")


def set_rng_state_all(new_states: Any) -> None:
    """`set_rng_state` for each GPU."""
    for state in new_states:
        set_rng_state(state)


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of a GPU.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
        UnsupportedError: it was: Paddle does not tell what is free.
    """
    _check()
    raise _refused("mem_get_info", "Paddle does not tell how much of a GPU's memory is free")


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Figures of torch's allocator: empty where there is no GPU.

    Raises:
        UnsupportedError: there is one: Paddle's allocator keeps other figures.
    """
    if is_available():
        raise _refused("memory_stats", "Paddle's allocator keeps other figures")
    return OrderedDict()


def memory_cached(device: Any = None) -> int:
    """`torch.cuda.memory_reserved` under its old name."""
    return memory_reserved(device)


def max_memory_cached(device: Any = None) -> int:
    """`torch.cuda.max_memory_reserved` under its old name."""
    return max_memory_reserved(device)


def ipc_collect() -> None:
    """Do nothing more: Paddle frees memory shared between processes by itself.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
    """
    _check()


def get_arch_list() -> list[str]:
    """The GPU architectures that Paddle was built for; none without CUDA.

    Raises:
        UnsupportedError: Paddle was built for CUDA, and does not tell.
    """
    if paddle.device.is_compiled_with_cuda():
        raise _refused("get_arch_list", "Paddle does not tell which architectures it was built for")
    return []


def seed() -> None:
    """Seed the current GPU by chance; nothing happens where there is none."""
    if is_available():
        import secrets

        paddle.seed(secrets.randbits(63))


def seed_all() -> None:
    """Seed all GPUs by chance; nothing happens where there is none."""
    seed()


def is_tf32_supported() -> bool:
    """Whether the current GPU computes in TF32."""
    if not is_available():
        return False
    from oarlock.hardware.cuda import get_device_capability

    return get_device_capability()[0] >= 8


def _refused(name: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        api=f"torch.cuda.{name}",
        reason=reason,
        advice="Leave it out, or use Paddle's own device API",
    )
