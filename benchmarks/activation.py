"""What activation costs: the switch, a script's usual imports, and any import statement afterwards."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

from rich.console import Console
from rich.table import Table

from report import write_results

# Beyond Paddle's own import, which a script on Paddle pays in any case.
STARTING = """
import time, paddle
a = time.perf_counter()
import oarlock
oarlock.activate()
b = time.perf_counter()
import torch, torch.nn as nn, torch.nn.functional as F
from torch import optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader
torch.Tensor, nn.Linear, F.relu, optim.SGD
c = time.perf_counter()
print((b - a) * 1e3, (c - b) * 1e3, (c - a) * 1e3)
"""
# An import statement of a module that is loaded, where a real torch makes Oarlock wrap the import.
IMPORTING = """
import timeit, torch
import oarlock
def best():
    return min(timeit.repeat("import json", number=100000, repeat=9)) / 100000 * 1e9
before = best()
oarlock.activate()
print(before, best())
"""


def medians(code: str, repeats: int) -> list[float]:
    """The median of each number that fresh processes print, after one that warms the disk."""
    runs = []
    for _ in range(repeats + 1):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
        )
        runs.append([float(word) for word in done.stdout.split()])
    return [statistics.median(column) for column in zip(*runs[1:], strict=True)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer repeats")
    repeats = 2 if options.parse_args().quick else 9
    activate, imports, both = medians(STARTING, repeats)
    before, after = medians(IMPORTING, repeats)
    results = {
        "starting": {
            "activate_ms": round(activate, 1),
            "imports_ms": round(imports, 1),
            "total_ms": round(both, 1),
        },
        "import_statement": {
            "before_ns": round(before),
            "beside_real_torch_ns": round(after),
            "added_ns": round(after - before),
        },
    }
    table = Table("beyond paddle's import", "ms")
    table.add_row("oarlock.activate()", f"{activate:.1f}")
    table.add_row("a script's usual imports from torch", f"{imports:.1f}")
    table.add_row("both", f"{both:.1f}")
    console = Console()
    console.print(table)
    console.print(f"an import statement beside a real torch: {before:.0f} ns, then {after:.0f} ns")
    console.print(f"wrote {write_results('activation', results)}")


if __name__ == "__main__":
    main()
