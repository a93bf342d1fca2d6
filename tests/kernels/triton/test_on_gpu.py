"""The kernels on a GPU, on torch's tensors: the grid of the interpreter, and what it can't show.

Where there is no Paddle: pytest --confcutdir tests/kernels/triton -m gpu tests/kernels/triton
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from checks import CASES, Case, Framework, attention_kernels, errors

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]


def _empty(like: torch.Tensor, shape: list[int], dtype: str) -> torch.Tensor:
    return torch.full(shape, float("nan"), dtype=getattr(torch, dtype), device="cuda")


def _on_gpu(x: torch.Tensor) -> torch.Tensor:
    if x.numel() == 0 or x.is_contiguous():
        return x.cuda()
    memory = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cuda")
    return memory.copy_(x)


GPU = Framework(_on_gpu, lambda x: x.cpu().double(), _empty)
_HALF = [
    replace(case, dtype=dtype if case.dtype == "float32" else case.dtype, tile=None)
    for case in CASES
    for dtype in ("float16", "bfloat16")
]


@pytest.mark.parametrize("case", _HALF, ids=lambda case: f"{case.name}, {case.dtype}")
def test_results_are_as_exact_as_the_dtype(case):
    assert errors(case, GPU) == []


def _call(rows: int, keys: int, batch: int = 1, heads: int = 4, kv_heads: int = 2, **features: Any):
    """Return q, k, v, dout and the options of both passes."""
    shapes = [(batch, rows, heads, 128), *[(batch, keys, kv_heads, 128)] * 2]
    q, k, v, dout = (
        torch.randn(shape, dtype=torch.bfloat16, device="cuda") for shape in (*shapes, shapes[0])
    )
    window = SimpleNamespace(left=features.get("left"), right=features.get("right"))
    scoring = SimpleNamespace(
        window=window,
        scale=128**-0.5,
        softcap=features.get("softcap", 0.0),
        slopes=features.get("slopes"),
        dropout_p=features.get("dropout_p", 0.0),
        seed=7,
    )
    return (q, k, v, dout), {"scoring": scoring, "empty": _empty}


def _gradients(inputs: Any, options: Any) -> list[torch.Tensor]:
    attention_kernels()
    from oarlock.kernels.attention.triton import run

    q, k, v, dout = inputs
    out, lse, _ = run.forward(q, k, v, **options)
    return [out, lse, *run.backward(dout, q, k, v, out, lse, **options)]


@pytest.mark.parametrize("features", [{"right": 0}, {"right": 0, "dropout_p": 0.1}], ids=str)
def test_250_repeats_give_the_same_bits(features):
    inputs, options = _call(1000, 1100, batch=2, **features)
    first = _gradients(inputs, options)
    for _ in range(250):
        for x, y in zip(_gradients(inputs, options), first, strict=True):
            assert torch.equal(x, y)


def test_a_sequence_of_131072_tokens_ends_as_its_window_says():
    length, left = 131072, 500
    inputs, options = _call(length, length, heads=2, kv_heads=1, left=left, right=0)
    out, *_ = _gradients(inputs, options)
    tail = 256
    q, k, v, _ = (x[:, -left - tail :].float().cpu() for x in inputs)
    import flash_attn as oracle

    expected = oracle.flash_attn_func(q, k, v, causal=True, window_size=(left, 0))
    assert (out[:, -tail:].float().cpu() - expected[:, -tail:]).abs().max() < 1e-2


def test_memory_grows_with_the_length():
    inputs, options = _call(32768, 32768, right=0)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    _gradients(inputs, options)
    largest = inputs[0].numel() * 2
    # Output, dq, dk and dv, and a few numbers a row; a row of scores alone would be 32 times that.
    assert torch.cuda.max_memory_allocated() - before < 4 * largest


def test_offsets_past_32_bits():
    """Rows of a slice that lie so far apart that their offsets need 33 bits."""
    case = Case("far apart", ((600, 600),), (1, 1), 64, "bfloat16", causal=True, tile=None)

    def far(x: torch.Tensor) -> torch.Tensor:
        if x.ndim != 4:
            return x.cuda()
        _, rows, _, dim = x.shape
        memory = torch.empty(rows * 2**22, dtype=x.dtype, device="cuda")
        return memory.as_strided(x.shape, (0, 2**22, dim, 1)).copy_(x)

    if torch.cuda.mem_get_info()[0] < 30 << 30:
        pytest.skip("needs 30 GiB of GPU memory")
    assert errors(case, replace(GPU, tensor=far)) == []
