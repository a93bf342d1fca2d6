"""torch.cuda's streams, events, graphs and NVTX ranges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import paddle
from paddle.base import core as _core

from oarlock.errors import UnsupportedError
from oarlock.hardware.cuda import _check, is_available

# Paddle's stub leaves out most of what is in it.
core: Any = _core


def _refused(name: str, reason: str) -> UnsupportedError:
    return UnsupportedError(
        api=f"torch.cuda.{name}",
        reason=reason,
        advice="Leave it out: operations run in order on one stream",
    )


class Event:
    """A mark in the current stream's work, which times and synchronises.

    Args:
        enable_timing: whether `elapsed_time` is asked for.
        blocking: whether `synchronize` lets other threads run.
        interprocess: refused where True.
        external: accepted: there are no captured graphs.

    Raises:
        RuntimeError: there is no GPU.
        UnsupportedError: ``interprocess``.
    """

    def __init__(
        self,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        external: bool = False,
    ) -> None:
        if not is_available():
            raise RuntimeError("Tried to instantiate dummy base class Event")
        if interprocess:
            raise _refused("Event", "Paddle's events are not shared between processes")
        self._event: Any = paddle.device.Event(enable_timing=enable_timing, blocking=blocking)

    def record(self, stream: Any = None) -> None:
        """Put the mark into the current stream."""
        self._event.record()

    def wait(self, stream: Any = None) -> None:
        """Do nothing more: all work is in one stream, and in order."""

    def query(self) -> bool:
        """Whether all work before the mark is done."""
        return self._event.query()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this mark to another."""
        return self._event.elapsed_time(end_event._event)

    def synchronize(self) -> None:
        """Wait for all work before the mark."""
        self._event.synchronize()


class Stream:
    """Refused: Paddle's eager operations run on one stream.

    Raises:
        RuntimeError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """

    def __new__(cls, device: Any = None, priority: int = 0, **kwargs: Any) -> Any:  # noqa: D102
        if not paddle.device.is_compiled_with_cuda():
            raise RuntimeError("torch.cuda.Stream requires CUDA support")
        raise _refused("Stream", "Paddle's eager operations run on one stream")


def current_stream(device: Any = None) -> Any:
    """Refuse.

    Raises:
        AssertionError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """
    _check()
    raise _refused("current_stream", "Paddle's eager operations run on one stream")


def default_stream(device: Any = None) -> Any:
    """Refuse; errors as `current_stream`."""
    _check()
    raise _refused("default_stream", "Paddle's eager operations run on one stream")


def set_stream(stream: Any) -> None:
    """Do nothing for None.

    Raises:
        UnsupportedError: a stream is given.
    """
    if stream is not None:
        raise _refused("set_stream", "Paddle's eager operations run on one stream")


class CUDAGraph:
    """Refused: operations are not captured.

    Raises:
        RuntimeError: this Paddle was not built for CUDA.
        UnsupportedError: it was.
    """

    def __new__(cls, keep_graph: bool = False) -> Any:  # noqa: D102
        if not paddle.device.is_compiled_with_cuda():
            raise RuntimeError("Tried to instantiate dummy base class CUDAGraph")
        raise _refused("CUDAGraph", "Oarlock's operations are not captured into graphs")


def is_current_stream_capturing() -> bool:
    """False: operations are never captured."""
    return False


def _nvtx() -> NoReturn:
    raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")


def range_push(msg: str) -> int:
    """Begin a range in the profiler's timeline, which affects no results.

    Raises:
        RuntimeError: this Paddle was not built for CUDA.
    """
    if not paddle.device.is_compiled_with_cuda():
        _nvtx()
    core.nvprof_nvtx_push(msg)
    return 0


def range_pop() -> int:
    """End the range; errors as `range_push`."""
    if not paddle.device.is_compiled_with_cuda():
        _nvtx()
    core.nvprof_nvtx_pop()
    return 0


@contextmanager
def nvtx_range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A block that is a range in the profiler's timeline; errors as `range_push`."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
