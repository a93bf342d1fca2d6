"""Seconds to check and generate 2,000 synthetic records; the figures go to results/generator.json."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from oarlock_generator.project import Project
from report import ROOT, write_results
from synthetic import synthetic_project

RECORDS = 2000
# In memory where the system has such a folder: a disk's mood is not the generator's speed.
MEMORY = Path("/dev/shm")
REPEATS = 3


def seconds(work: Callable[[], Any]) -> float:
    """Time one run."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def load_and_derive(project: Project) -> None:
    """What ``oarlock check`` does before its lint rules, and every other command does first."""
    sources, problems = project.load()
    assert not problems, problems[0]
    assert not any(derivation.problems for derivation in project.derive(sources))


def generate_anew(project: Project) -> float:
    """Time a first run: nothing generated is there."""
    shutil.rmtree(project.root / ".cache", ignore_errors=True)
    for folder in (*project.committed_folders, *project.rendered_folders):
        shutil.rmtree(project.root / folder, ignore_errors=True)
    return seconds(Project(project.root).generate)


def rewrite(project: Project) -> float:
    """Time a run that renders everything anew and finds nothing to write."""
    (project.root / ".cache" / "generate.json").unlink()
    return seconds(Project(project.root).generate)


def measure(project: Project) -> dict[str, float]:
    """The best of some runs of each step: the machine's other work is not the generator's."""
    steps = {
        "load, validate and derive": lambda: seconds(
            lambda: load_and_derive(Project(project.root))
        ),
        "check, lint rules included": lambda: seconds(Project(project.root).check),
        "generate everything": lambda: generate_anew(project),
        "generate again, every page rendered": lambda: rewrite(project),
        "generate again, nothing touched": lambda: seconds(Project(project.root).generate),
    }
    return {step: min(work() for _ in range(REPEATS)) for step, work in steps.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=RECORDS)
    count = options.parse_args().records
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        project = synthetic_project(ROOT, Path(folder), count)
        figures = measure(project)
        files = sum(len(list((project.root / f).rglob("*.*"))) for f in ("docs", "runtime"))
    table = Table("step", "seconds", title=f"{count:,} records, {files:,} files")
    for step, value in figures.items():
        table.add_row(step, f"{value:.2f}")
    Console().print(table)
    path = write_results(
        "generator",
        {
            "records": count,
            "files": files,
            "folder": str(place or tempfile.gettempdir()),
            "seconds": {step: round(value, 2) for step, value in figures.items()},
        },
    )
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
