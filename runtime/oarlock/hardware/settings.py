"""Threads, determinism and precision: what scripts set, and what it means on Paddle."""

from __future__ import annotations

import os
from typing import Any

import paddle


def _default_threads() -> int:
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() and int(named) else os.cpu_count() or 1


_threads = _default_threads()
_interop = _threads
_deterministic = False
_warn_only = False
_precision = "highest"
_PRECISIONS = ("highest", "high", "medium")


def get_num_threads() -> int:
    """The number of threads that one operation may use on the CPU."""
    return _threads


def set_num_threads(nthreads: int) -> None:
    """Limit the threads of one operation on the CPU.

    Raises:
        RuntimeError: the number is not positive.
    """
    global _threads
    if not isinstance(nthreads, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(nthreads).__name__}")
    if nthreads <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    paddle.base.core.set_num_threads(nthreads)
    _threads = nthreads


def get_num_interop_threads() -> int:
    """The number of operations that may run side by side; Paddle's eager mode runs one."""
    return _interop


def set_num_interop_threads(nthreads: int) -> None:
    """Remember a number: Paddle's eager mode runs one operation after another in any case."""
    global _interop
    if nthreads <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _interop = nthreads


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Have Paddle's GPU kernels give the same bits each time; the CPU's do in any case."""
    global _deterministic, _warn_only
    _deterministic, _warn_only = bool(mode), bool(warn_only)
    if paddle.device.is_compiled_with_cuda():
        paddle.set_flags({"FLAGS_cudnn_deterministic": _deterministic})


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last given."""
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The ``warn_only`` that `use_deterministic_algorithms` was last given."""
    return _warn_only


def set_float32_matmul_precision(precision: str) -> None:
    """Remember how exact float32 products have to be; Oarlock's are always of the highest precision.

    Raises:
        RuntimeError: the word is none of "highest", "high" and "medium".
    """
    global _precision
    if precision not in _PRECISIONS:
        raise RuntimeError(f"{precision} is not one of 'highest', 'high', or 'medium'")
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was last given."""
    return _precision


def set_flush_denormal(arg: bool) -> bool:
    """False: Paddle has no switch for denormal numbers."""
    return False


def compile(model: Any = None, **options: Any) -> Any:
    """Return ``model`` itself: it runs eagerly, with the same results; the options have no bearing."""
    return (lambda function: function) if model is None else model
