"""What the torch side costs beside plain Paddle: functions, methods, attributes, a training step."""

from __future__ import annotations

import argparse
import statistics
import time
import timeit
from collections.abc import Callable
from typing import Any

import paddle
from rich.console import Console
from rich.table import Table

import oarlock.torch as torch
from oarlock.tensor import plain
from report import write_results

nn, F = torch.nn, torch.nn.functional


def calls() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Name to the direct Paddle call and the torch-side one, on the same values."""
    x, y = torch.randn(4, 4), torch.randn(4, 4)
    p, q = plain(x), plain(y)
    weight, image = torch.randn(4, 4), torch.randn(1, 1, 8, 8)
    w, i = plain(weight), plain(image)
    return {
        "torch.add(x, y)": (lambda: paddle.add(p, q), lambda: torch.add(x, y)),
        "x + y": (lambda: p + q, lambda: x + y),
        "x * 2.0": (lambda: p * 2.0, lambda: x * 2.0),
        "torch.exp(x)": (lambda: paddle.exp(p), lambda: torch.exp(x)),
        "x.tanh()": (lambda: p.tanh(), lambda: x.tanh()),
        "x.sum(1)": (lambda: p.sum(1), lambda: x.sum(1)),
        "x @ y": (lambda: p @ q, lambda: x @ y),
        "F.relu(x)": (lambda: paddle.nn.functional.relu(p), lambda: F.relu(x)),
        "F.linear(x, w)": (lambda: paddle.nn.functional.linear(p, w), lambda: F.linear(x, weight)),
        "F.max_pool2d(x, 2)": (
            lambda: paddle.nn.functional.max_pool2d(i, 2),
            lambda: F.max_pool2d(image, 2),
        ),
        "x.reshape(2, 8)": (lambda: p.reshape([2, 8]), lambda: x.reshape(2, 8)),
        "x.transpose(0, 1)": (lambda: p.transpose([1, 0]), lambda: x.transpose(0, 1)),
        "x[0]": (lambda: p[0], lambda: x[0]),
        "x[:, 1:3]": (lambda: p[:, 1:3], lambda: x[:, 1:3]),
    }


def overheads(repeats: int) -> dict[str, dict[str, float]]:
    """Microseconds of each pair, and what the torch side adds; their runs interleaved."""
    found = {}
    for name, (direct, through) in calls().items():
        best = [float("inf"), float("inf")]
        for _ in range(repeats):
            for place, function in enumerate((direct, through)):
                best[place] = min(best[place], timeit.timeit(function, number=5000) / 5000 * 1e6)
        found[name] = {
            "direct_us": round(best[0], 2),
            "torch_side_us": round(best[1], 2),
            "added_us": round(best[1] - best[0], 2),
        }
    return found


def shape_us(repeats: int) -> float:
    """Microseconds of reading ``x.shape``."""
    x = torch.randn(4, 4)
    times = timeit.repeat("x.shape", globals={"x": x}, number=50000, repeat=repeats)
    return round(min(times) / 50000 * 1e6, 3)


class Perceptron(nn.Module):
    """784 → 256 → 256 → 10."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class PaddlePerceptron(paddle.nn.Layer):
    """The same in plain Paddle."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = paddle.nn.Sequential(
            paddle.nn.Linear(784, 256),
            paddle.nn.ReLU(),
            paddle.nn.Linear(256, 256),
            paddle.nn.ReLU(),
            paddle.nn.Linear(256, 10),
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class Convolutional(nn.Module):
    """Two convolutions with batch normalization and pooling, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, 10),
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class PaddleConvolutional(paddle.nn.Layer):
    """The same in plain Paddle."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = paddle.nn.Sequential(
            paddle.nn.Conv2D(1, 16, 3, padding=1),
            paddle.nn.BatchNorm2D(16),
            paddle.nn.ReLU(),
            paddle.nn.MaxPool2D(2),
            paddle.nn.Conv2D(16, 32, 3, padding=1),
            paddle.nn.BatchNorm2D(32),
            paddle.nn.ReLU(),
            paddle.nn.MaxPool2D(2),
            paddle.nn.Flatten(),
            paddle.nn.Linear(32 * 7 * 7, 10),
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


def steps() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Name to one training step with Adam in plain Paddle and on the torch side."""
    pairs = {
        "perceptron": (Perceptron(), PaddlePerceptron(), (64, 784)),
        "convolutional": (Convolutional(), PaddleConvolutional(), (32, 1, 28, 28)),
    }
    made = {}
    for name, (ours, theirs, size) in pairs.items():
        x, y = torch.randn(*size), torch.randint(0, 10, (size[0],))
        optimizer = torch.optim.Adam(ours.parameters(), lr=1e-3)
        paddles = paddle.optimizer.Adam(1e-3, parameters=theirs.parameters())
        made[name] = (
            _paddle_step(theirs, paddles, plain(x), plain(y)),
            _torch_step(ours, optimizer, x, y),
        )
    return made


def _torch_step(model: Any, optimizer: Any, x: Any, y: Any) -> Callable[[], None]:
    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def _paddle_step(model: Any, optimizer: Any, x: Any, y: Any) -> Callable[[], None]:
    def step() -> None:
        paddle.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.clear_grad()

    return step


def training(rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of a step, the two interleaved, and the median of their ratios."""
    found = {}
    for name, functions in steps().items():
        for function in functions:
            for _ in range(20):
                function()
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for place, function in enumerate(functions):
                start = time.perf_counter()
                for _ in range(20):
                    function()
                times[place].append((time.perf_counter() - start) / 20 * 1e3)
        ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
        found[name] = {
            "paddle_ms": round(statistics.median(times[0]), 3),
            "torch_side_ms": round(statistics.median(times[1]), 3),
            "ratio": round(ratio, 3),
        }
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer repeats")
    quick = options.parse_args().quick
    table = Table("call", "direct, µs", "torch side, µs", "added, µs")
    found = overheads(3 if quick else 25)
    for name, row in found.items():
        table.add_row(name, *(f"{value:.2f}" for value in row.values()))
    console = Console()
    console.print(table)
    shape = shape_us(3 if quick else 25)
    console.print(f"x.shape: {shape:.2f} µs")
    trained = training(5 if quick else 40)
    for name, row in trained.items():
        console.print(f"training step, {name}: {row}")
    results = {"calls": found, "shape_us": shape, "training": trained}
    console.print(f"wrote {write_results('torch_side', results)}")


if __name__ == "__main__":
    main()
