"""torch.cuda: what GPUs there are, which is current, and their memory."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.tensor.devices import as_device


def is_available() -> bool:
    """Whether this Paddle was built for CUDA and sees a GPU."""
    return paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0


def device_count() -> int:
    """The number of GPUs that Paddle sees."""
    return paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0


def is_initialized() -> bool:
    """Whether a GPU is in use; Paddle sets it up when it is imported."""
    return is_available()


def init() -> None:
    """Do nothing more: Paddle sets the GPU up when it is imported."""
    _check()


def current_device() -> int:
    """The number of the current GPU.

    Raises:
        RuntimeError: there is none.
    """
    _check()
    kind, _, index = paddle.device.get_device().partition(":")
    return int(index) if kind == "gpu" else 0


def set_device(device: Any) -> None:
    """Make a GPU the current one; a negative number changes nothing."""
    index = _index(device)
    if index >= 0:
        _check()
        paddle.device.set_device(f"gpu:{index}")


class device:
    """A GPU that is current inside a ``with`` block.

    Args:
        device: its number, a torch.device or a string; a negative number changes nothing.
    """

    def __init__(self, device: Any) -> None:
        self.idx = _index(device)
        self.before = ""

    def __enter__(self) -> None:
        if self.idx >= 0:
            _check()
            self.before = paddle.device.get_device()
            set_device(self.idx)

    def __exit__(self, *error: object) -> None:
        if self.before:
            paddle.device.set_device(self.before)


def get_device_name(device: Any = None) -> str:
    """The name of a GPU."""
    return paddle.device.cuda.get_device_name(_existing(device))


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of a GPU, (9, 0) for example."""
    return paddle.device.cuda.get_device_capability(_existing(device))


def get_device_properties(device: Any = None) -> Any:
    """Paddle's description of a GPU: name, total_memory, multi_processor_count and others."""
    return paddle.device.cuda.get_device_properties(_existing(device))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the current GPU computes in bfloat16."""
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def synchronize(device: Any = None) -> None:
    """Wait for all work on a GPU."""
    paddle.device.synchronize(f"gpu:{_existing(device)}")


def empty_cache() -> None:
    """Give memory that Paddle keeps for later back to the GPU."""
    if is_available():
        paddle.device.cuda.empty_cache()


def memory_allocated(device: Any = None) -> int:
    """Bytes that tensors take on a GPU; 0 where there is none."""
    return paddle.device.cuda.memory_allocated(_existing(device)) if is_available() else 0


def max_memory_allocated(device: Any = None) -> int:
    """The most that `memory_allocated` has been."""
    return paddle.device.cuda.max_memory_allocated(_existing(device)) if is_available() else 0


def memory_reserved(device: Any = None) -> int:
    """Bytes that Paddle holds on a GPU; 0 where there is none."""
    return paddle.device.cuda.memory_reserved(_existing(device)) if is_available() else 0


def max_memory_reserved(device: Any = None) -> int:
    """The most that `memory_reserved` has been."""
    return paddle.device.cuda.max_memory_reserved(_existing(device)) if is_available() else 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Count the peaks anew."""
    index = _existing(device)
    paddle.device.cuda.reset_max_memory_allocated(index)
    paddle.device.cuda.reset_max_memory_reserved(index)


def manual_seed(seed: int) -> None:
    """Seed the current GPU's draws, which are Paddle's; nothing happens where there is none."""
    if is_available():
        paddle.seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seed all GPUs' draws, which are Paddle's; nothing happens where there is none."""
    manual_seed(seed)


def _check() -> None:
    if not paddle.device.is_compiled_with_cuda():
        raise AssertionError("Torch not compiled with CUDA enabled")
    if not is_available():
        raise RuntimeError("No CUDA GPUs are available")


def _index(given: Any) -> int:
    if isinstance(given, int):
        return given
    found = as_device(given)
    if found is None:
        return -1
    if found.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {found}")
    return current_device() if found.index is None else found.index


def _existing(given: Any) -> int:
    _check()
    index = _index(given)
    return current_device() if index < 0 else index
