"""Attention kernels against the dense oracle in float64: the cases, and what may be off by how much.

The cases run on whatever tensors a `Framework` makes: Paddle's on a CPU in Triton's interpreter, or
torch's on a GPU.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/oracles"), str(ROOT / "benchmarks")]

import flash_attn as oracle  # noqa: E402

from kernels_without_paddle import attention_kernels  # noqa: E402

# What a dtype may be off where the oracle in that dtype happens to be exact: a few roundings.
CONSTANT = {"float32": 4e-6, "float16": 2e-3, "bfloat16": 1.6e-2}


@dataclass(frozen=True)
class Case:
    """A call of the kernels.

    Attributes:
        lengths: (seqlen_q, seqlen_k) of every sequence: of a dense batch all the same.
        heads: (heads, kv_heads).
        slopes: how many dimensions ALiBi's slopes have, 0 for none.
        layout: how q, k and v lie: "contiguous"; "heads first" (batch, heads, seqlen, head_dim);
            "together" as slices of one tensor; or "spread" with a last stride of 2.
    """

    name: str
    lengths: tuple[tuple[int, int], ...] = ((50, 77),)
    heads: tuple[int, int] = (2, 1)
    head_dim: int = 64
    dtype: str = "float32"
    packed: bool = False
    causal: bool = False
    window: tuple[int, int] = (-1, -1)
    softcap: float = 0.0
    slopes: int = 0
    dropout_p: float = 0.0
    scale: float | None = None
    layout: str = "contiguous"
    tile: tuple[int, int] | None = (32, 32)


@dataclass(frozen=True)
class Framework:
    """Makes tensors of torch's on a CPU, with their strides, and the reverse."""

    tensor: Callable[[torch.Tensor], Any]
    torch: Callable[[Any], torch.Tensor]
    empty: Callable[[Any, list[int], str], Any]


_PACKED = ((40, 40), (0, 20), (17, 65), (33, 0), (64, 33))
_GRID = [
    Case("dense"),
    Case("causal, more keys than rows", causal=True),
    Case("causal, more rows than keys: some see nothing", ((77, 45),), causal=True),
    Case("causal, whole blocks", ((96, 96),), (1, 1), causal=True),
    Case("window on both sides", ((96, 90),), (1, 1), window=(40, 7)),
    Case("causal window", ((110, 110),), (1, 1), causal=True, window=(37, 0), tile=(16, 64)),
    Case("window to the right alone", ((40, 60),), window=(-1, 5)),
    Case("window of one key", window=(0, 0)),
    Case("softcap", ((40, 50),), softcap=1.5, scale=0.5),
    Case("ALiBi on both sides", ((45, 70),), slopes=1),
    Case("ALiBi by batch, causal", ((45, 45), (45, 45)), (2, 2), slopes=2, causal=True),
    Case("all but dropout", ((70, 90),), causal=True, window=(40, 0), softcap=2.0, slopes=1),
    Case("dropout", ((60, 70),), dropout_p=0.3),
    Case(
        "dropout and all it goes with",
        ((50, 60),),
        (2, 2),
        dropout_p=0.5,
        causal=True,
        window=(30, 0),
        slopes=1,
    ),
    Case("negative scale", scale=-0.4, causal=True),
    Case("scale of 0", ((30, 40),), scale=0.0, causal=True),
    Case("one row, as in decoding", ((1, 70),), (4, 1), causal=True),
    Case("one key", ((40, 1),)),
    Case("no keys", ((20, 0),)),
    Case("GQA", ((40, 40),), (6, 2), head_dim=32, causal=True),
    Case("packed", _PACKED, packed=True),
    Case("packed, causal", _PACKED, packed=True, causal=True, tile=(64, 16)),
    Case("packed, window and ALiBi", _PACKED, packed=True, window=(20, 3), slopes=2),
    Case("packed, dropout", ((40, 40), (17, 65)), packed=True, dropout_p=0.25),
    Case("heads first", layout="heads first", causal=True),
    Case("slices of one tensor", ((50, 50),), (2, 2), layout="together", causal=True),
    Case("last stride of 2", ((40, 40),), layout="spread"),
]
_HEAD_DIMS = [
    Case(f"head_dim {dim}, {dtype}", ((40, 60),), (1, 1), dim, dtype, causal=True)
    for dim, dtype in [
        (1, "float32"),
        (8, "bfloat16"),
        (40, "float16"),
        (40, "bfloat16"),
        (64, "float16"),
        (64, "bfloat16"),
        (80, "bfloat16"),
        (96, "bfloat16"),
        (128, "float16"),
        (128, "bfloat16"),
        (192, "bfloat16"),
        (256, "float16"),
        (256, "bfloat16"),
    ]
]
_HALVES = [
    Case(
        "all but dropout, bfloat16",
        ((70, 90),),
        dtype="bfloat16",
        causal=True,
        window=(40, 0),
        softcap=15.0,
        slopes=1,
    ),
    Case("dropout, float16", ((40, 50),), dtype="float16", dropout_p=0.2, slopes=1),
    Case("packed, bfloat16", _PACKED[:3], dtype="bfloat16", packed=True, causal=True),
    Case("the table's tile", ((130, 150),), (1, 1), dtype="bfloat16", causal=True, tile=None),
]
CASES = _GRID + _HEAD_DIMS + _HALVES


def errors(case: Case, framework: Framework, kernels: str = "oarlock.kernels.attention.triton"):
    """Return what is off by more than it may: (name, by how much, what is allowed)."""
    attention_kernels()
    run = __import__(f"{kernels}.run", fromlist=["run"])
    tiles = __import__(f"{kernels}.tiles", fromlist=["tiles"])
    inputs = _draw(case)
    found = _run(case, framework, inputs, run, tiles)
    signed = found.pop("S_dmask", None)
    exact = _expected(case, [x.double() for x in inputs], signed)
    rounded = _expected(case, inputs, signed)
    if signed is not None:
        found["S_dmask"] = signed
    wrong = []
    for name, values in found.items():
        expected = exact[name]
        assert values.shape == expected.shape, (name, values.shape, expected.shape)
        infinite = expected.isinf()
        if not torch.equal(values.isinf() & (values > 0), infinite) or values.isnan().any():
            wrong.append((name, float("inf"), 0.0))
            continue
        off = _largest(values - expected, infinite)
        # Several gradients are sums of many terms: what they may be off grows with their size.
        constant = CONSTANT[case.dtype] * max(1.0, _largest(expected, infinite))
        if name == "lse":
            constant = CONSTANT["float32"] * max(1.0, _largest(expected, infinite))
        allowed = 2 * _largest(rounded[name].double() - expected, infinite) + constant
        if not off <= allowed:
            wrong.append((name, off, allowed))
    return wrong


def _largest(x: torch.Tensor, leaving_out: torch.Tensor) -> float:
    x = x.masked_fill(leaving_out, 0.0).abs()
    return x.max().item() if x.numel() else 0.0


def _draw(case: Case) -> list[torch.Tensor]:
    """Return q, k, v and the gradient of the output, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    heads, kv_heads = case.heads
    if case.packed:
        rows, keys = (sum(lengths) for lengths in zip(*case.lengths, strict=True))
        shapes = [(rows, heads), (keys, kv_heads), (keys, kv_heads), (rows, heads)]
    else:
        batch, (rows, keys) = len(case.lengths), case.lengths[0]
        shapes = [(batch, rows, heads), *[(batch, keys, kv_heads)] * 2, (batch, rows, heads)]
    dtype = getattr(torch, case.dtype)
    drawn = [torch.randn(*shape, case.head_dim, generator=generator).to(dtype) for shape in shapes]
    if case.layout == "together":
        drawn[:3] = torch.stack(drawn[:3], 2).unbind(2)
    elif case.layout == "heads first":
        drawn = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in drawn]
    elif case.layout == "spread":
        drawn = [torch.stack([x, x], -1)[..., 0] for x in drawn]
    return drawn


def _slopes(case: Case) -> torch.Tensor | None:
    heads = case.heads[0]
    if not case.slopes:
        return None
    slopes = 0.05 + torch.arange(float(heads)) * 0.1
    if case.slopes == 2:
        slopes = slopes + torch.arange(float(len(case.lengths)))[:, None] * 0.07
    return slopes


def _starts(lengths: list[int]) -> torch.Tensor:
    return torch.tensor([sum(lengths[:i]) for i in range(len(lengths) + 1)], dtype=torch.int32)


def _run(case: Case, framework: Framework, inputs: list[torch.Tensor], run: Any, tiles: Any) -> Any:
    q, k, v, dout = (framework.tensor(x) for x in inputs)
    left, right = (None if bound < 0 else bound for bound in case.window)
    slopes = _slopes(case)
    scoring = SimpleNamespace(
        window=SimpleNamespace(left=left, right=0 if case.causal else right),
        scale=case.head_dim**-0.5 if case.scale is None else case.scale,
        softcap=case.softcap,
        slopes=None if slopes is None else framework.tensor(slopes),
        dropout_p=case.dropout_p,
        seed=1234,
    )
    options: dict[str, Any] = {"scoring": scoring, "empty": framework.empty}
    if case.packed:
        rows, keys = ([*lengths] for lengths in zip(*case.lengths, strict=True))
        options |= {
            "cu_seqlens_q": framework.tensor(_starts(rows)),
            "cu_seqlens_k": framework.tensor(_starts(keys)),
            "max_seqlen_q": max(rows),
            "max_seqlen_k": max(keys),
        }
    if case.tile:
        options["tiles"] = {name: tiles.Tile(*case.tile, 4, 1) for name in tiles.DIRECTIONS}
    out, lse, signed = run.forward(q, k, v, return_softmax=case.dropout_p > 0, **options)
    dq, dk, dv = run.backward(dout, q, k, v, out, lse, **options)
    results = {"out": out, "lse": lse, "dq": dq, "dk": dk, "dv": dv, "S_dmask": signed}
    return {name: framework.torch(x) for name, x in results.items() if x is not None}


def _expected(case: Case, inputs: list[torch.Tensor], signed: torch.Tensor | None) -> Any:
    """Return the oracle's results in the dtype of the inputs, sequence by sequence."""
    q, k, v = (x.detach().clone().requires_grad_() for x in inputs[:3])
    slopes = _slopes(case)
    outs, lses = [], []
    parts = _sequences(case, [q, k, v])
    probabilities = None if signed is None else torch.zeros(signed.shape, dtype=torch.float64)
    for b, (qb, kb, vb) in enumerate(parts):
        options: dict[str, Any] = {
            "softmax_scale": case.scale,
            "causal": case.causal,
            "window_size": case.window,
            "softcap": case.softcap,
            "alibi_slopes": slopes[b : b + 1]
            if case.slopes == 2 and slopes is not None
            else slopes,
            "dropout_p": case.dropout_p,
            "return_attn_probs": True,
        }
        if kb.shape[1] == 0:
            outs.append(qb * 0 + kb.sum() + vb.sum())
            lses.append(torch.full((1, qb.shape[2], qb.shape[1]), torch.inf))
            continue
        if signed is None:
            out, lse, _ = oracle.flash_attn_func(qb, kb, vb, **options)
        else:
            shown = signed[b : b + 1]
            with oracle.replay((None, None, shown)):
                out, lse, mine = oracle.flash_attn_func(qb, kb, vb, **options)
            assert probabilities is not None
            rows, keys = mine.shape[2:]
            probabilities[b, :, :rows, :keys] = mine[0].double()
        outs.append(out)
        lses.append(lse)
    out = torch.cat([x[0] for x in outs]) if case.packed else torch.cat(outs)
    lse = torch.cat([x[0] for x in lses], 1) if case.packed else torch.cat(lses)
    dq, dk, dv = torch.autograd.grad(out, [q, k, v], inputs[3].to(out.dtype))
    results = {"out": out.detach(), "lse": lse.double(), "dq": dq, "dk": dk, "dv": dv}
    if probabilities is not None:
        results["S_dmask"] = probabilities
    return results


def _sequences(case: Case, tensors: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    if not case.packed:
        return [[x[b : b + 1] for x in tensors] for b in range(len(case.lengths))]
    rows, keys = ([*lengths] for lengths in zip(*case.lengths, strict=True))
    cut = [x.split(lengths) for x, lengths in zip(tensors, (rows, keys, keys), strict=True)]
    return [[x.unsqueeze(0) for x in sequence] for sequence in zip(*cut, strict=True)]
