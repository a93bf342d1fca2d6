"""torch.backends on a CPU: oneDNN, OpenMP, einsum's paths, instruction sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import paddle

# Settings of torch.backends.mkldnn and torch.backends.quantized, which
# scripts may assign and which have no bearing on Paddle's results.
enabled = True
deterministic = False
allow_tf32: bool | None = None
engine = "none"
supported_engines: list[str] = ["none"]


def mkldnn_is_available() -> bool:
    """Whether this Paddle was built with oneDNN."""
    return paddle.base.core.is_compiled_with_mkldnn()


def is_acl_available() -> bool:
    """False: Paddle does not use Arm's Compute Library."""
    return False


def set_flags(
    _enabled: Any = None,
    _deterministic: Any = None,
    _allow_tf32: Any = None,
    _fp32_precision: Any = "none",
) -> tuple[Any, ...]:
    """Remember oneDNN's settings, and return the ones before."""
    import oarlock.torch as torch

    module: Any = torch.backends.mkldnn
    before = module.enabled, module.deterministic, module.allow_tf32, "none"
    if _enabled is not None:
        module.enabled = _enabled
    if _deterministic is not None:
        module.deterministic = _deterministic
    if _allow_tf32 is not None:
        module.allow_tf32 = _allow_tf32
    return before


@contextmanager
def flags(
    enabled: bool = False,
    deterministic: bool = False,
    allow_tf32: bool = True,
    fp32_precision: str = "none",
) -> Iterator[None]:
    """A block with other settings of oneDNN, which have no bearing on results."""
    before = set_flags(enabled, deterministic, allow_tf32)
    try:
        yield
    finally:
        set_flags(*before)


@contextmanager
def cudnn_flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
    fp32_precision: str = "none",
) -> Iterator[None]:
    """A block with other settings of cuDNN, which have no bearing on Paddle's results."""
    import oarlock.torch as torch

    module: Any = torch.backends.cudnn
    given = {
        "enabled": enabled,
        "benchmark": benchmark,
        "benchmark_limit": benchmark_limit,
        "deterministic": deterministic,
        "allow_tf32": allow_tf32,
    }
    before = {name: getattr(module, name) for name in given}
    for name, value in given.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def cudnn_is_acceptable(tensor: Any) -> bool:
    """Whether cuDNN can be used for a tensor: it lies on a GPU, in a floating-point dtype."""
    import oarlock.torch as torch

    return (
        tensor.is_cuda
        and torch.backends.cudnn.is_available()
        and tensor.dtype in (torch.float16, torch.float32, torch.float64)
    )


def openmp_is_available() -> bool:
    """True: Paddle is built with OpenMP."""
    return True


def opt_einsum_is_available() -> bool:
    """False: Oarlock's einsum takes its operands from left to right."""
    return False


@cache
def get_cpu_capability() -> str:
    """The widest of the instruction sets that torch knows and this CPU has: "AVX512", "AVX2", "DEFAULT"."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    found = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "fma"} <= set(found):
        return "AVX512"
    return "AVX2" if {"avx2", "fma"} <= set(found) else "DEFAULT"
