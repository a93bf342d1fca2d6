"""torch.backends: what may be used, and settings that have no bearing on Paddle's results."""

from __future__ import annotations

from typing import Any

import paddle


class _Flags:
    """Settings of one group, kept as they are set."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


# cuDNN's settings: assigned to the module, so that scripts may set them as they do torch's.
enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True

matmul = _Flags(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    fp32_precision="none",
)


def cudnn_is_available() -> bool:
    """Whether this Paddle was built with cuDNN."""
    return paddle.device.is_compiled_with_cuda() and cudnn_version() is not None


def cudnn_version() -> int | None:
    """CuDNN's version, 90100 for example, or None."""
    return paddle.device.get_cudnn_version() if paddle.device.is_compiled_with_cuda() else None


def is_built() -> bool:
    """Whether this Paddle was built for CUDA."""
    return paddle.device.is_compiled_with_cuda()


def mkl_is_available() -> bool:
    """Whether this Paddle was built with MKL."""
    return paddle.base.core.is_compiled_with_mkldnn()


def never() -> bool:
    """False: Paddle has no such backend."""
    return False
