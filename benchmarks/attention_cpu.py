"""The attention fallback on a CPU, beside Paddle's and torch's own attention: time and peak memory.

Times are medians of interleaved runs, forward and backward. Every ratio is within one run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Paddle uses one thread by default; torch is given the same.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import paddle
import torch
from rich.console import Console
from rich.table import Table

from oarlock.kernels.attention import attention
from report import write_results

BATCH, LENGTH, HEADS, HEAD_DIM = 1, 2048, 4, 64
PATTERNS: dict[str, dict[str, Any]] = {
    "dense": {},
    "causal": {"causal": True},
    "window (256, 0)": {"window_size": (256, 0)},
}
LONG = 16384


def hidden(pattern: str, length: int) -> torch.Tensor | None:
    """Return where a row does not see a key, or None for nowhere."""
    if pattern == "dense":
        return None
    distance = torch.arange(length)[:, None] - torch.arange(length)
    past = distance > 256 if pattern.startswith("window") else torch.zeros_like(distance).bool()
    return (distance < 0) | past


def paddle_composed(q: Any, k: Any, v: Any, mask: Any) -> Any:
    q, k, v = (x.transpose([0, 2, 1, 3]) for x in (q, k, v))
    scores = paddle.matmul(q * HEAD_DIM**-0.5, k, transpose_y=True)
    if mask is not None:
        scores = scores + mask
    return paddle.matmul(paddle.nn.functional.softmax(scores, -1), v).transpose([0, 2, 1, 3])


def torch_composed(q: Any, k: Any, v: Any, mask: Any) -> Any:
    scores = (q * HEAD_DIM**-0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask
    return torch.softmax(scores, -1) @ v


def peers(pattern: str) -> dict[str, Callable[[], Any]]:
    """Return a forward and backward pass of each implementation, by name."""
    shape = [BATCH, LENGTH, HEADS, HEAD_DIM]
    ours = [paddle.randn(shape) for _ in range(4)]
    theirs = [torch.randn(BATCH, HEADS, LENGTH, HEAD_DIM) for _ in range(4)]
    for x, y in zip(ours[:3], theirs[:3], strict=True):
        x.stop_gradient = False
        y.requires_grad_()
    where = hidden(pattern, LENGTH)
    torch_mask = None if where is None else torch.zeros(where.shape).masked_fill(where, -torch.inf)
    paddle_mask = None if torch_mask is None else paddle.to_tensor(torch_mask.numpy())
    sdpa = torch.nn.functional.scaled_dot_product_attention
    options: Any = {"is_causal": True} if pattern == "causal" else {"attn_mask": torch_mask}

    def on_paddle(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
        return lambda: paddle.grad(function(*ours[:3], *args, **kwargs), ours[:3], ours[3])

    def on_torch(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(
            function(*theirs[:3], *args, **kwargs), theirs[:3], theirs[3]
        )

    paddle_sdpa = paddle.nn.functional.scaled_dot_product_attention
    paddle_options: Any = {"is_causal": True} if pattern == "causal" else {"attn_mask": paddle_mask}
    return {
        "Oarlock": on_paddle(attention, **PATTERNS[pattern]),
        "Paddle composed": on_paddle(paddle_composed, paddle_mask),
        "Paddle sdpa": on_paddle(paddle_sdpa, **paddle_options),
        "torch sdpa": on_torch(sdpa, **options),
        "torch composed": on_torch(torch_composed, torch_mask),
    }


def times(repeats: int) -> dict[str, dict[str, float]]:
    """Return the median milliseconds by pattern and implementation."""
    results = {}
    for pattern in PATTERNS:
        functions = peers(pattern)
        runs: dict[str, list[float]] = {name: [] for name in functions}
        for repeat in range(repeats + 1):
            for name, function in functions.items():
                start = time.perf_counter()
                function()
                if repeat:  # the first warms up
                    runs[name].append((time.perf_counter() - start) * 1e3)
        results[pattern] = {name: round(statistics.median(ms), 1) for name, ms in runs.items()}
    return results


def peak(implementation: str, length: int) -> float:
    """Run one head forward and backward here and return the peak above its inputs, in MiB."""

    def resident() -> float:
        # Not ru_maxrss, which a child takes over from its parent.
        status = Path("/proc/self/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

    function: Any = (
        attention if implementation == "Oarlock" else lambda q, k, v: paddle_composed(q, k, v, None)
    )

    def run(length: int) -> float:
        inputs = [paddle.randn([1, length, 1, HEAD_DIM]) for _ in range(3)]
        for x in inputs:
            x.stop_gradient = False
        before = resident()
        function(*inputs).sum().backward()
        return resident() - before

    run(64)
    return run(length)


def peaks(length: int) -> dict[str, float]:
    """Return the peaks of both implementations, each in a process of its own."""
    results = {}
    for name in ("Oarlock", "Paddle composed"):
        command = [sys.executable, __file__, "--peak", name, "--length", str(length)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        results[name] = float(done.stdout.split()[-1])
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats, a shorter long sequence")
    parser.add_argument("--length", type=int, default=LONG, help="tokens of the memory measurement")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print(f"{peak(options.peak, options.length):.1f}")
        return
    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    length = 8192 if options.quick else options.length
    milliseconds, mebibytes = times(3 if options.quick else 15), peaks(length)

    console = Console()
    table = Table(title=f"forward and backward, {LENGTH} tokens, {HEADS} heads, float32")
    table.add_column("pattern")
    for name in milliseconds["dense"]:
        table.add_column(name, justify="right")
    for pattern, row in milliseconds.items():
        ours = row["Oarlock"]
        table.add_row(pattern, *(f"{ms:.0f} ms ({ms / ours:.2f} x)" for ms in row.values()))
    console.print(table)
    table = Table(title=f"peak memory above the inputs, {length} tokens, one head")
    for name in mebibytes:
        table.add_column(name, justify="right")
    table.add_row(*(f"{size:.0f} MiB" for size in mebibytes.values()))
    console.print(table)
    results = {
        "shape": {"batch": BATCH, "seqlen": LENGTH, "heads": HEADS, "head_dim": HEAD_DIM},
        "threads": threads,
        "milliseconds": milliseconds,
        "ratio_to_paddle_composed": {
            pattern: round(row["Oarlock"] / row["Paddle composed"], 3)
            for pattern, row in milliseconds.items()
        },
        "peak": {"tokens": length, "mebibytes": mebibytes},
    }
    console.print(f"written to {write_results('attention_cpu', results)}")


if __name__ == "__main__":
    main()
