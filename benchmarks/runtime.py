"""What the shim costs: the routing of a call, and importing the package."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import timeit
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paddle
from rich.console import Console
from rich.table import Table

from oarlock_generator.derive import derive
from oarlock_generator.emit.shim import render_module
from oarlock_generator.load import Source, load_text
from oarlock_generator.project import Project
from report import ROOT, write_results

# flash_attn_func goes native on a GPU only, so the route is timed on records that Paddle's CPU
# functions serve: one that needs no choice, and one with six conditions to test.
RECORDS = {
    "relu": """
apis: {torch.nn.functional.relu: {}}
paddle: paddle.nn.functional.relu
parameters: {inplace: {drop: {zh: 测量用, en: For measurement.}}}
""",
    "interpolate": """
apis: {torch.nn.functional.interpolate: {}}
paddle: paddle.nn.functional.interpolate
parameters:
  mode: {treat: fallback, only: [nearest-exact], note: {zh: 测量用, en: For measurement.}}
  antialias: {treat: fallback, note: {zh: 测量用, en: For measurement.}}
  recompute_scale_factor: {treat: fallback, note: {zh: 测量用, en: For measurement.}}
fallback: {kernel: attention}
""",
}


def shim(name: str, project: Project) -> Any:
    """The generated function of a record written for measurement."""
    text = RECORDS[name]
    path = Path(f"mappings/torch/nn/functional/{name}.yaml")
    derivation = derive(Source(path, text, load_text(text, path)), project.context)
    if derivation.problems:
        sys.exit("\n".join(map(str, derivation.problems)))
    module = types.ModuleType(name)
    exec(render_module(derivation, project.context), module.__dict__)
    return getattr(module, name)


def microseconds(*functions: Callable[[], Any], number: int, repeats: int) -> list[float]:
    """The best time of each function, their runs interleaved."""
    best = [float("inf")] * len(functions)
    for _ in range(repeats):
        for index, function in enumerate(functions):
            best[index] = min(best[index], timeit.timeit(function, number=number) / number * 1e6)
    return best


def routing(repeats: int) -> dict[str, Any]:
    """The generated function beside the direct Paddle call, in microseconds."""
    project, x = Project(ROOT), paddle.randn([16])
    image = paddle.randn([1, 1, 4, 4])
    functional = paddle.nn.functional
    relu, interpolate = shim("relu", project), shim("interpolate", project)
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "relu": (lambda: functional.relu(x), lambda: relu(x)),
        "interpolate": (
            lambda: functional.interpolate(image, None, 2.0, mode="nearest", align_corners=False),
            lambda: interpolate(image, None, 2.0, align_corners=False),
        ),
    }
    results = {}
    for name, (direct, through) in pairs.items():
        number = 20000 if name == "relu" else 4000
        before, after = microseconds(direct, through, number=number, repeats=repeats)
        times = {"direct_us": before, "shim_us": after, "routing_us": after - before}
        results[name] = {step: round(value, 3) for step, value in times.items()}
    return results


def importing(repeats: int) -> dict[str, float]:
    """What ``import oarlock`` and its first function add to ``import paddle``, in milliseconds."""
    code = (
        "import time, paddle; a = time.perf_counter(); import oarlock; b = time.perf_counter(); "
        "from oarlock.flash_attn import flash_attn_func; c = time.perf_counter(); "
        "print((b - a) * 1e3, (c - b) * 1e3)"
    )
    runs = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
        )
        runs.append([float(word) for word in done.stdout.split()])
    package, function = (statistics.median(column) for column in zip(*runs, strict=True))
    return {"import_oarlock_ms": round(package, 1), "first_function_ms": round(function, 1)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer repeats")
    quick = options.parse_args().quick
    routes, imports = routing(3 if quick else 15), importing(2 if quick else 7)
    table = Table("native route", "direct, µs", "through the shim, µs", "routing, µs")
    for name, row in routes.items():
        table.add_row(name, *(f"{value:.2f}" for value in row.values()))
    console = Console()
    console.print(table)
    console.print(
        f"import oarlock: {imports['import_oarlock_ms']:.1f} ms beyond paddle; "
        f"its first function: {imports['first_function_ms']:.1f} ms more"
    )
    console.print(f"wrote {write_results('runtime', {'routing': routes, 'import': imports})}")


if __name__ == "__main__":
    main()
