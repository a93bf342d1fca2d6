"""torch.cuda's memory limits, reports and figures of the hardware, and its error for full memory."""

from __future__ import annotations

import warnings
from typing import Any

from oarlock.errors import UnsupportedError
from oarlock.hardware.cuda import (
    _check,
    _existing,
    device,
    is_available,
    memory_allocated,
    memory_reserved,
    reset_peak_memory_stats,
)


class OutOfMemoryError(RuntimeError):
    """What torch raises when a GPU's memory is full; Paddle raises an error of its own."""


def _refused(name: str, reason: str, advice: str) -> UnsupportedError:
    return UnsupportedError(api=f"torch.cuda.{name}", reason=reason, advice=advice)


def reset_max_memory_allocated(device: Any = None) -> None:
    """`torch.cuda.reset_peak_memory_stats` under an old name, with a FutureWarning."""
    _warn("reset_max_memory_allocated")
    reset_peak_memory_stats(device)


def reset_max_memory_cached(device: Any = None) -> None:
    """`torch.cuda.reset_peak_memory_stats` under an old name, with a FutureWarning."""
    _warn("reset_max_memory_cached")
    reset_peak_memory_stats(device)


def _warn(name: str) -> None:
    warnings.warn(
        f"torch.cuda.{name} now calls torch.cuda.reset_peak_memory_stats, which resets /all/ peak "
        "memory stats.",
        FutureWarning,
        stacklevel=3,
    )


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Refuse: Paddle's limit is set before it starts.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """
    _check()
    raise _refused(
        "set_per_process_memory_fraction",
        "Paddle's limit can't be set while it runs",
        "Set FLAGS_fraction_of_gpu_memory_to_use in the environment",
    )


def get_per_process_memory_fraction(device: Any = None) -> float:
    """Refuse, as `set_per_process_memory_fraction` does."""
    _check()
    raise _refused(
        "get_per_process_memory_fraction",
        "Paddle's limit is an environment variable",
        "Read FLAGS_fraction_of_gpu_memory_to_use",
    )


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """What memory is allocated and reserved, in a few lines; torch's table has other figures.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
    """
    index = _existing(device)
    return (
        f"Paddle's CUDA memory, device {index}\n"
        f"allocated: {memory_allocated(index)} bytes\nreserved: {memory_reserved(index)} bytes"
    )


def memory_stats_as_nested_dict(device: Any = None) -> dict[str, Any]:
    """Figures of torch's allocator: empty where there is no GPU.

    Raises:
        UnsupportedError: there is one: Paddle's allocator keeps other figures.
    """
    if is_available():
        raise _refused(
            "memory_stats_as_nested_dict",
            "Paddle's allocator keeps other figures",
            "Ask memory_allocated and memory_reserved",
        )
    return {}


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Refuse: Paddle does not tell.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """
    _check()
    raise _refused(
        "can_device_access_peer", "Paddle does not tell", "Ask the driver, by nvidia-smi topo"
    )


def get_gencode_flags() -> str:
    """The compiler's flags for the architectures: none, as Paddle does not tell them."""
    return ""


def initial_seed() -> int:
    """Refuse: Paddle's GPU generator does not tell its seed.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """
    _check()
    raise _refused(
        "initial_seed", "Paddle's GPU generator does not tell its seed", "Keep the seed yourself"
    )


def _hardware(name: str) -> Any:
    raise ModuleNotFoundError(
        "nvidia-ml-py does not seem to be installed or it can't be imported."
        if not is_available()
        else f"torch.cuda.{name} needs nvidia-ml-py, which Oarlock does not use"
    )


def utilization(device: Any = None) -> int:
    """Refuse: what nvidia-smi tells is not asked for.

    Raises:
        ModuleNotFoundError: always, as torch does without nvidia-ml-py.
    """
    return _hardware("utilization")


def memory_usage(device: Any = None) -> int:
    """Refuse, as `utilization` does."""
    return _hardware("memory_usage")


def temperature(device: Any = None) -> int:
    """Refuse, as `utilization` does."""
    return _hardware("temperature")


def power_draw(device: Any = None) -> int:
    """Refuse, as `utilization` does."""
    return _hardware("power_draw")


def clock_rate(device: Any = None) -> int:
    """Refuse, as `utilization` does."""
    return _hardware("clock_rate")


class device_of(device):
    """A block in which the GPU of a tensor is current; nothing happens for a tensor on the CPU.

    Args:
        obj: a tensor.
    """

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else -1)


def amp_definitely_not_available() -> bool:
    """Whether there is no GPU."""
    return not is_available()


has_half = True
has_magma = False
default_generators: tuple[Any, ...] = ()
