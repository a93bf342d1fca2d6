"""torch.backends.cuda's choice among attention kernels, of which Oarlock has one result."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_KERNELS = ("flash", "mem_efficient", "math", "cudnn")
_enabled = dict.fromkeys(_KERNELS, True)
_reduced = False


def flash_sdp_enabled() -> bool:
    """What `enable_flash_sdp` was last given."""
    return _enabled["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Remember whether flash attention may be used; results are the same."""
    _enabled["flash"] = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """What `enable_mem_efficient_sdp` was last given."""
    return _enabled["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Remember whether memory-efficient attention may be used; results are the same."""
    _enabled["mem_efficient"] = bool(enabled)


def math_sdp_enabled() -> bool:
    """What `enable_math_sdp` was last given."""
    return _enabled["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Remember whether attention by plain products may be used; results are the same."""
    _enabled["math"] = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """What `enable_cudnn_sdp` was last given."""
    return _enabled["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Remember whether cuDNN's attention may be used; results are the same."""
    _enabled["cudnn"] = bool(enabled)


def allow_fp16_bf16_reduction_math_sdp(enabled: bool) -> None:
    """Remember whether plain products may sum in half precision; Oarlock's never do."""
    global _reduced
    _reduced = bool(enabled)


def fp16_bf16_reduction_math_sdp_allowed() -> bool:
    """What `allow_fp16_bf16_reduction_math_sdp` was last given."""
    return _reduced


def is_flash_attention_available() -> bool:
    """False: torch's own flash attention is not there."""
    return False


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[Any]:
    """A block with another choice of attention kernels, with a FutureWarning."""
    warnings.warn(
        "`torch.backends.cuda.sdp_kernel()` is deprecated. In the future, this context manager will "
        "be removed. Please see `torch.nn.attention.sdpa_kernel()` for the new context manager.",
        FutureWarning,
        stacklevel=3,
    )
    before = dict(_enabled)
    given = (enable_flash, enable_mem_efficient, enable_math, enable_cudnn)
    _enabled.update(zip(_KERNELS, map(bool, given), strict=True))
    try:
        yield {}
    finally:
        _enabled.update(before)
