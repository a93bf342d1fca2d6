"""What scripts ask of torch.cuda, torch.backends and other devices without a GPU, beside torch's CPU build."""

from __future__ import annotations

import warnings
from typing import Any

import paddle
import pytest
import torch
import torch.backends.mkldnn
import torch.cuda.nvtx

import oarlock.torch as oarlock_torch

pytestmark = pytest.mark.skipif(
    paddle.device.is_compiled_with_cuda() or torch.version.cuda is not None,
    reason="compares two builds without CUDA",
)


def _set_and_back(t: Any) -> Any:
    cuda = t.backends.cuda
    found = []
    for name in ("flash", "mem_efficient", "math", "cudnn"):
        enable, asked = getattr(cuda, f"enable_{name}_sdp"), getattr(cuda, f"{name}_sdp_enabled")
        enable(False)
        found.append(asked())
        enable(True)
        found.append(asked())
    return found


def _cudnn_flags(t: Any) -> Any:
    cudnn = t.backends.cudnn
    with cudnn.flags(enabled=False, benchmark=True, deterministic=True):
        inside = cudnn.enabled, cudnn.benchmark, cudnn.deterministic
    return inside, (cudnn.enabled, cudnn.benchmark, cudnn.deterministic)


def _mkldnn_flags(t: Any) -> Any:
    mkldnn = t.backends.mkldnn
    with mkldnn.flags(enabled=False):
        inside = mkldnn.enabled
    return inside, mkldnn.enabled


def _old_decorators(t: Any) -> Any:
    class Twice(t.autograd.Function):
        @staticmethod
        @t.cuda.amp.custom_fwd(cast_inputs=t.float32)
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        @t.cuda.amp.custom_bwd
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = t.ones(2, requires_grad=True)
    Twice.apply(x).sum().backward()
    return x.grad.tolist()


def _sdp_kernel(t: Any) -> Any:
    with t.backends.cuda.sdp_kernel(enable_flash=False, enable_cudnn=False):
        inside = t.backends.cuda.flash_sdp_enabled(), t.backends.cuda.math_sdp_enabled()
    return inside, t.backends.cuda.flash_sdp_enabled()


QUERIES: dict[str, Any] = {
    "event": lambda t: t.cuda.Event(enable_timing=True),
    "stream": lambda t: t.cuda.Stream(),
    "current_stream": lambda t: t.cuda.current_stream(),
    "default_stream": lambda t: t.cuda.default_stream(),
    "set_stream": lambda t: t.cuda.set_stream(None),
    "graph": lambda t: t.cuda.CUDAGraph(),
    "range_push": lambda t: t.cuda.nvtx.range_push("a"),
    "range_pop": lambda t: t.cuda.nvtx.range_pop(),
    "range": lambda t: t.cuda.nvtx.range("a").__enter__(),
    "types": lambda t: t.cuda.FloatTensor([1.0]),
    "instances": lambda t: isinstance(t.ones(1), t.cuda.FloatTensor),
    "out_of_memory": lambda t: (
        issubclass(t.cuda.OutOfMemoryError, RuntimeError),
        t.OutOfMemoryError is t.cuda.OutOfMemoryError,
    ),
    "set_fraction": lambda t: t.cuda.set_per_process_memory_fraction(0.5),
    "fraction": lambda t: t.cuda.get_per_process_memory_fraction(),
    "nested_stats": lambda t: t.cuda.memory_stats_as_nested_dict(),
    "peers": lambda t: t.cuda.can_device_access_peer(0, 1),
    "gencode": lambda t: t.cuda.get_gencode_flags(),
    "initial_seed": lambda t: t.cuda.initial_seed(),
    "utilization": lambda t: t.cuda.utilization(),
    "memory_usage": lambda t: t.cuda.memory_usage(),
    "generators": lambda t: t.cuda.default_generators,
    "device_of": lambda t: t.cuda.device_of(t.ones(1)).__enter__(),
    "no_amp": lambda t: t.cuda.amp.common.amp_definitely_not_available(),
    "custom_fwd": _old_decorators,
    "sdp": _set_and_back,
    "sdp_kernel": _sdp_kernel,
    "half_sums": lambda t: t.backends.cuda.fp16_bf16_reduction_math_sdp_allowed(),
    "flash_attention": lambda t: t.backends.cuda.is_flash_attention_available(),
    "cudnn_flags": _cudnn_flags,
    "cudnn_acceptable": lambda t: t.backends.cudnn.is_acceptable(t.ones(1)),
    "mkldnn": lambda t: t.backends.mkldnn.is_available(),
    "mkldnn_flags": _mkldnn_flags,
    "acl": lambda t: t.backends.mkldnn.is_acl_available(),
    "openmp": lambda t: t.backends.openmp.is_available(),
    "capability": lambda t: t.backends.cpu.get_cpu_capability(),
    "cpu": lambda t: (
        t.cpu.is_available(),
        t.cpu.device_count(),
        t.cpu.current_device(),
        t.cpu.synchronize(),
        t.cpu.is_initialized(),
    ),
    "mps": lambda t: (t.mps.device_count(), t.mps.manual_seed(1)),
    "mps_synchronize": lambda t: t.mps.synchronize(),
    "mps_empty_cache": lambda t: t.mps.empty_cache(),
    "xpu": lambda t: (t.xpu.device_count(), t.xpu.manual_seed(1), t.xpu.empty_cache()),
    "xpu_synchronize": lambda t: t.xpu.synchronize(),
    "accelerator": lambda t: (
        t.accelerator.is_available(),
        t.accelerator.device_count(),
        t.accelerator.current_accelerator(),
    ),
    "accelerator_index": lambda t: t.accelerator.current_device_index(),
    "accelerator_synchronize": lambda t: t.accelerator.synchronize(),
    "accelerator_memory": lambda t: t.accelerator.memory_allocated(),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_without_a_gpu(query: Any) -> None:
    def said(t: Any) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FutureWarning)
            try:
                found = query(t)
            except Exception as error:
                found = type(error), str(error).strip()
        return found, [w.category for w in caught if w.category is FutureWarning]

    assert said(oarlock_torch) == said(torch)


def test_settings_can_be_assigned() -> None:
    backends = oarlock_torch.backends
    backends.mkldnn.enabled = False
    try:
        assert backends.mkldnn.enabled is False
    finally:
        backends.mkldnn.enabled = True
