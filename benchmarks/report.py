"""Where a benchmark ran, and its results as JSON below benchmarks/results/."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def environment() -> dict[str, Any]:
    """Versions, processor, cores and commit."""
    packages = {}
    for name in ("paddlepaddle", "torch", "numpy"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "python": platform.python_version(),
        **packages,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "commit": commit,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def write_results(name: str, results: dict[str, Any]) -> Path:
    """Write ``results/<name>.json`` with the environment beside the results."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps({"environment": environment(), "results": results}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    return path
