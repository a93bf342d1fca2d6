"""The attention kernels on a GPU beside torch's SDPA (cuDNN, flash) and compiled FlexAttention.

Protocol: bfloat16, batch * seqlen = 16k tokens, hidden size 2048, random inputs that rotate past the
L2 cache, medians of device events, compilation apart, peers interleaved in one run. Operations are
4 * head_dim a visible (row, key) pair and head forward, 2.5 times that backward.

    python benchmarks/attention.py            # writes results/attention.json and attention.svg
    python benchmarks/attention.py --quick
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch

from kernels_without_paddle import attention_kernels

attention_kernels()

from oarlock.kernels.attention.triton import run  # noqa: E402
from oarlock.kernels.attention.triton.tiles import Tile, architecture  # noqa: E402
from report import RESULTS, write_results  # noqa: E402

TOKENS, HIDDEN = 16384, 2048


@dataclass(frozen=True)
class Case:
    """One shape and its features; ``left`` is the window's, ``lengths`` those of packed sequences."""

    name: str
    batch: int
    seqlen: int
    head_dim: int
    heads: int
    kv_heads: int
    causal: bool = True
    left: int | None = None
    softcap: float = 0.0
    alibi: bool = False
    lengths: tuple[int, ...] = ()

    @property
    def pairs(self) -> int:
        """Visible (row, key) pairs of one head, over the whole batch."""
        lengths = self.lengths or (self.seqlen,) * self.batch
        if not self.causal:
            return sum(n * n for n in lengths)
        bound = self.left
        total = 0
        for n in lengths:
            seen = n if bound is None else min(n, bound + 1)
            total += seen * (seen + 1) // 2 + (n - seen) * seen
        return total

    @property
    def operations(self) -> int:
        """Operations of a forward pass."""
        return 4 * self.pairs * self.heads * self.head_dim


def cases(quick: bool) -> list[Case]:
    """Return the cases of the published protocol and those of the features."""

    def case(name: str, seqlen: int, head_dim: int, **features: Any) -> Case:
        heads = features.pop("heads", HIDDEN // head_dim)
        kv_heads = features.pop("kv_heads", heads)
        return Case(name, TOKENS // seqlen, seqlen, head_dim, heads, kv_heads, **features)

    lengths = (16384,) if quick else (512, 1024, 2048, 4096, 8192, 16384)
    found = [
        case("causal" if causal else "full", n, dim, causal=causal)
        for dim in (64, 128, 256)
        for causal in (False, True)
        for n in lengths
    ]
    found += [case("window 1024", n, 128, left=1024) for n in (8192, 16384)]
    found += [case(f"softcap {cap:g}", 8192, 128, softcap=cap) for cap in (15.0, 50.0)]
    found += [
        case("ALiBi", 8192, 128, alibi=True),
        case("window, softcap, ALiBi", 16384, 128, left=1024, softcap=50.0, alibi=True),
        case("window, softcap, ALiBi", 16384, 64, left=1024, softcap=50.0, alibi=True),
        case("GQA 32/8", 512, 128, heads=32, kv_heads=8),
        case("GQA 32/8", 4096, 128, heads=32, kv_heads=8),
        case("packed", 16384, 128, lengths=(100, 900, 3000, 384, 8000, 4000)),
    ]
    return found


@dataclass
class Inputs:
    """q, k, v and the gradient of the output, (batch, seqlen, heads, head_dim)."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    dout: torch.Tensor
    slopes: torch.Tensor | None


def draw(case: Case) -> Inputs:
    def tensor(heads: int) -> torch.Tensor:
        shape = (case.batch, case.seqlen, heads, case.head_dim)
        return torch.randn(shape, dtype=torch.bfloat16, device="cuda")

    slopes = 2.0 ** -(8 * torch.arange(1.0, case.heads + 1, device="cuda") / case.heads)
    q, k, v, dout = map(tensor, (case.heads, case.kv_heads, case.kv_heads, case.heads))
    return Inputs(q, k, v, dout, slopes if case.alibi else None)


Passes = tuple[Callable[[], Any], Callable[[], Any]]


def ours(case: Case, inputs: Inputs, tiles: dict[str, Tile] | None = None) -> Passes:
    scoring = SimpleNamespace(
        window=SimpleNamespace(left=case.left, right=0 if case.causal else None),
        scale=case.head_dim**-0.5,
        softcap=case.softcap,
        slopes=inputs.slopes,
        dropout_p=0.0,
        seed=0,
    )
    q, k, v, dout = inputs.q, inputs.k, inputs.v, inputs.dout

    def empty(like: torch.Tensor, shape: list[int], dtype: str) -> torch.Tensor:
        return torch.empty(shape, dtype=getattr(torch, dtype), device=like.device)

    options: dict[str, Any] = {"scoring": scoring, "empty": empty, "tiles": tiles}
    if case.lengths:
        q, k, v, dout = (x[0] for x in (q, k, v, dout))
        starts = [sum(case.lengths[:i]) for i in range(len(case.lengths) + 1)]
        bounds = torch.tensor(starts, dtype=torch.int32, device="cuda")
        longest = max(case.lengths)
        options |= {"cu_seqlens_q": bounds, "cu_seqlens_k": bounds}
        options |= {"max_seqlen_q": longest, "max_seqlen_k": longest}
    out, lse, _ = run.forward(q, k, v, **options)
    return (
        lambda: run.forward(q, k, v, **options),
        lambda: run.backward(dout, q, k, v, out, lse, **options),
    )


def _differentiated(function: Callable[..., torch.Tensor], inputs: Inputs) -> Passes:
    q, k, v = (x.transpose(1, 2).detach().requires_grad_() for x in (inputs.q, inputs.k, inputs.v))
    dout = inputs.dout.transpose(1, 2)
    out = function(q, k, v)

    def forward() -> Any:
        with torch.no_grad():
            return function(q, k, v)

    return forward, lambda: torch.autograd.grad(out, (q, k, v), dout, retain_graph=True)


def sdpa(case: Case, inputs: Inputs, backend: Any) -> Passes | None:
    if case.left is not None or case.softcap or case.alibi or case.lengths:
        return None
    from torch.nn.attention import sdpa_kernel

    def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        with sdpa_kernel(backend):
            return torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=case.causal, enable_gqa=case.heads != case.kv_heads
            )

    return _differentiated(attention, inputs)


@cache
def _compiled() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False)


def flex(case: Case, inputs: Inputs) -> Passes | None:
    from torch.nn.attention.flex_attention import create_block_mask

    left, softcap, slopes = case.left, case.softcap, inputs.slopes
    document = None
    if case.lengths:
        lengths = torch.tensor(case.lengths, device="cuda")
        document = torch.repeat_interleave(torch.arange(len(case.lengths), device="cuda"), lengths)

    def mask(b: Any, h: Any, i: Any, j: Any) -> Any:
        seen = j <= i
        if left is not None:
            seen = seen & (j >= i - left)
        if document is not None:
            seen = seen & (document[i] == document[j])
        return seen

    def score(s: Any, b: Any, h: Any, i: Any, j: Any) -> Any:
        if softcap:
            s = softcap * torch.tanh(s / softcap)
        if slopes is not None:
            s = s - slopes[h] * (i - j)
        return s

    n = case.seqlen
    block_mask = create_block_mask(mask, None, None, n, n, device="cuda") if case.causal else None
    options: dict[str, Any] = {"block_mask": block_mask, "enable_gqa": case.heads != case.kv_heads}
    if softcap or slopes is not None:
        options["score_mod"] = score
    return _differentiated(lambda q, k, v: _compiled()(q, k, v, **options), inputs)


def peers(case: Case, inputs: Inputs) -> dict[str, Passes]:
    """Return both passes of every implementation that computes the case; others are left out."""
    from torch.nn.attention import SDPBackend

    makers: dict[str, Callable[[], Passes | None]] = {
        "Oarlock": lambda: ours(case, inputs),
        "SDPA, cuDNN": lambda: sdpa(case, inputs, SDPBackend.CUDNN_ATTENTION),
        "SDPA, flash": lambda: sdpa(case, inputs, SDPBackend.FLASH_ATTENTION),
        "FlexAttention": lambda: flex(case, inputs),
    }
    found = {}
    for name, make in makers.items():
        try:
            passes = make()
            if passes is None:
                continue
            for each in passes:
                each()
            torch.cuda.synchronize()
        except Exception as error:
            if name == "Oarlock":
                raise
            print(f"{case.name}: {name} left out: {str(error).splitlines()[0]}")
            continue
        found[name] = passes
    return found


def medians(functions: dict[Any, list[Callable[[], Any]]], repeats: int) -> dict[Any, float]:
    """Return median milliseconds; each has several functions, on inputs that take turns."""
    times: dict[Any, list[float]] = {name: [] for name in functions}
    for repeat in range(repeats + 3):
        for name, turns in functions.items():
            start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            turns[repeat % len(turns)]()
            stop.record()
            stop.synchronize()
            if repeat >= 3:
                times[name].append(start.elapsed_time(stop))
    return {name: statistics.median(each) for name, each in times.items()}


class Timer:
    """Times tiles for tune_attention.py, on the GPU that is here."""

    def __init__(self) -> None:
        self.architecture = architecture(torch.cuda.get_device_capability())

    def fastest(
        self, direction: str, head_dim: int, features: str, tiles: Iterable[Tile]
    ) -> Tile | None:
        heads = max(1, HIDDEN // head_dim)
        scored = {"softcap": 50.0, "alibi": True} if features == "scored" else {}
        case = Case("tuning", 4, 4096, head_dim, heads, heads, **scored)
        inputs = [draw(case) for _ in range(2)]
        turns: dict[Tile, list[Callable[[], Any]]] = {}
        for tile in tiles:
            each = [ours(case, x, {direction: tile}) for x in inputs]
            turns[tile] = [passes[direction != "forward"] for passes in each]
        times = medians(turns, 15)
        return min(times, key=lambda tile: times[tile]) if times else None


def measure(case: Case, repeats: int) -> dict[str, Any]:
    """Return TFLOP/s and milliseconds of both passes of every implementation."""
    turns = [peers(case, draw(case)) for _ in range(3)]
    names = [name for name in turns[0] if all(name in each for each in turns)]
    result: dict[str, Any] = {}
    for index, (kind, factor) in enumerate((("forward", 1.0), ("backward", 2.5))):
        times = medians({name: [each[name][index] for each in turns] for name in names}, repeats)
        for name, milliseconds in times.items():
            result.setdefault(name, {})[kind] = {
                "milliseconds": round(milliseconds, 4),
                "tflops": round(factor * case.operations / milliseconds / 1e9, 1),
            }
    return result


def plot(rows: list[dict[str, Any]]) -> None:
    """Write results/attention.svg: forward and backward TFLOP/s of every case, as bars."""
    import matplotlib  # pyright: ignore[reportMissingImports]

    matplotlib.use("svg")
    from matplotlib import pyplot  # pyright: ignore[reportMissingImports]

    figure, axes = pyplot.subplots(1, 2, figsize=(14, 0.5 * len(rows) + 2), sharey=True)
    labels = [f"{row['case']}, {row['seqlen']}, D{row['head_dim']}" for row in rows]
    names = sorted({name for row in rows for name in row["results"]}, key=lambda n: n != "Oarlock")
    for axis, kind in zip(axes, ("forward", "backward"), strict=True):
        for i, name in enumerate(names):
            heights = [row["results"].get(name, {}).get(kind, {}).get("tflops", 0) for row in rows]
            positions = [y + 0.2 * i for y in range(len(rows))]
            axis.barh(positions, heights, 0.2, label=name)
        axis.set_title(f"{kind}, TFLOP/s")
    axes[0].set_yticks([y + 0.3 for y in range(len(rows))], labels)
    axes[0].invert_yaxis()
    axes[1].legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "attention.svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="16k tokens alone, few repeats")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("needs an NVIDIA GPU and torch with CUDA")
    rows = []
    for case in cases(options.quick):
        torch.compiler.reset()
        results = measure(case, 10 if options.quick else 30)
        shape = {"batch": case.batch, "seqlen": case.seqlen, "head_dim": case.head_dim}
        rows.append({"case": case.name, **shape, "results": results})
        print(case.name, shape, results, flush=True)
    device = torch.cuda.get_device_name()
    path = write_results("attention", {"device": device, "cases": rows})
    plot(rows)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
