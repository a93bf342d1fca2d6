"""Seconds to render and build the site of 2,000 synthetic records; figures to results/site.json."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from oarlock_generator.derive import Derivation
from oarlock_generator.emit.docs import render_docs
from oarlock_generator.emit.files import write_text
from oarlock_generator.evidence import Evidence, Run, digest
from oarlock_generator.project import Project
from oarlock_generator.site import CONFIGS, finish_build, start_build
from report import ROOT, write_results
from synthetic import synthetic_project

# With the pages of their modules, some 2,000 pages per language.
RECORDS = 1640
VERSIONS = {"oarlock": "0.1.0", "paddle": "3.3.1", "torch": "2.13.0"}


def as_if_executed(derivation: Derivation) -> Evidence:
    """Evidence of every example, so that pages are as long as those of executed records."""
    runs = (
        Run(e.id, tuple(e.parameter), digest(e), "cpu", dtype, "native", "result", 1e-7, 1e-6)
        for e in derivation.record.examples
        for dtype in e.dtypes
    )
    return Evidence(VERSIONS, tuple(runs))


def measure(project: Project) -> dict[str, float]:
    """Render every page, write them, build one site after the other."""
    derivations = project.derive(project.load()[0])
    evidence = {derivation.slug: as_if_executed(derivation) for derivation in derivations}
    started = time.perf_counter()
    outputs = render_docs(derivations, project.context, evidence)
    figures = {"render the pages of both languages": time.perf_counter() - started}
    for path, text in outputs.items():
        write_text(project.root / path, text)
    for config in CONFIGS:
        started = time.perf_counter()
        finish_build(start_build(project.root, config))
        figures[f"mkdocs build -f {config}"] = time.perf_counter() - started
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=RECORDS)
    count = options.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        project = synthetic_project(ROOT, Path(folder), count)
        # The guides and nav link to this one.
        shutil.copytree(ROOT / "mappings/flash_attn", project.mappings / "flash_attn")
        shutil.copytree(ROOT / "docs", project.root / "docs", ignore=shutil.ignore_patterns("api"))
        for config in CONFIGS:
            shutil.copy(ROOT / config, project.root)
        figures = measure(project)
        pages = len(list((project.root / "site/api").rglob("index.html")))
        site = project.root / "site"
        size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
        index = (site / "search/search_index.json").stat().st_size
    table = Table("step", "seconds", title=f"{pages:,} API pages per language")
    for step, value in figures.items():
        table.add_row(step, f"{value:.1f}")
    Console().print(table)
    path = write_results(
        "site",
        {
            "records": count,
            "api_pages_per_language": pages,
            "seconds": {step: round(value, 1) for step, value in figures.items()},
            "both_sites_megabytes": round(size / 1e6, 1),
            "search_index_megabytes": round(index / 1e6, 1),
        },
    )
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
