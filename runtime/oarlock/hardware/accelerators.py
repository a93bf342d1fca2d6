"""torch.cpu, torch.mps, torch.xpu and torch.accelerator, as scripts on CPUs and NVIDIA GPUs ask them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from oarlock.hardware import cuda
from oarlock.tensor.devices import as_device


def always() -> bool:
    """True: the CPU is there."""
    return True


def one() -> int:
    """1: the CPU counts as one device."""
    return 1


def none() -> int:
    """0: Oarlock serves no such device."""
    return 0


def cpu_current_device() -> str:
    """The name of the CPU, "cpu"."""
    return "cpu"


def cpu_set_device(device: Any) -> None:
    """Do nothing: there is one CPU."""


def cpu_synchronize(device: Any = None) -> None:
    """Do nothing: operations on the CPU are done when they return."""


class CpuStream:
    """The CPU's only stream.

    Args:
        priority: of no effect.
    """

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Do nothing: all work is done."""

    def record_event(self) -> None:
        """Do nothing: all work is done."""

    def wait_event(self, event: Any) -> None:
        """Do nothing: all work is done."""


_stream = CpuStream()


def cpu_current_stream(device: Any = None) -> CpuStream:
    """The CPU's only stream."""
    return _stream


def cpu_stream(stream: Any) -> AbstractContextManager[Any]:
    """A block that changes nothing: there is one stream."""
    return nullcontext()


def mps_manual_seed(seed: int) -> None:
    """Do nothing: there is no such device to draw on."""


def xpu_manual_seed(seed: int) -> None:
    """Do nothing: there is no such device to draw on."""


def xpu_empty_cache() -> None:
    """Do nothing: there is no such device."""


def mps_synchronize() -> NoReturn:
    """Refuse as torch does without MPS.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("Cannot execute deviceSynchronize() without MPS backend.")


def mps_empty_cache() -> NoReturn:
    """Refuse as torch does without MPS.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("Cannot execute emptyCache() without MPS backend.")


def xpu_synchronize(device: Any = None) -> NoReturn:
    """Refuse as torch does without XPU.

    Raises:
        AssertionError: always.
    """
    raise AssertionError("Torch not compiled with XPU enabled")


def current_accelerator(check_available: bool = False) -> Any:
    """torch.device("cuda") where there is a GPU, else None."""
    return as_device("cuda") if cuda.is_available() else None


def _needed() -> None:
    if not cuda.is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")


def current_device_index() -> int:
    """The number of the current GPU.

    Raises:
        RuntimeError: there is none.
    """
    _needed()
    return cuda.current_device()


def set_device_index(device: Any, /) -> None:
    """Make a GPU the current one; errors as `current_device_index`."""
    _needed()
    cuda.set_device(device)


def synchronize(device: Any = None, /) -> None:
    """Wait for all work on a GPU; errors as `current_device_index`."""
    _needed()
    cuda.synchronize(device)


def empty_cache() -> None:
    """Give memory kept for later back to the GPU; errors as `current_device_index`."""
    _needed()
    cuda.empty_cache()


def memory_allocated(device_index: Any = None, /) -> int:
    """Bytes that tensors take on a GPU; errors as `current_device_index`."""
    _needed()
    return cuda.memory_allocated(device_index)


def max_memory_allocated(device_index: Any = None, /) -> int:
    """The most that `memory_allocated` has been; errors as `current_device_index`."""
    _needed()
    return cuda.max_memory_allocated(device_index)


def memory_reserved(device_index: Any = None, /) -> int:
    """Bytes that Paddle holds on a GPU; errors as `current_device_index`."""
    _needed()
    return cuda.memory_reserved(device_index)
