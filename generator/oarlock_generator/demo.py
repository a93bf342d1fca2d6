"""The main job on real input: validate, generate, run the doctests, build both sites, sum up."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from oarlock_generator.problems import RecordError
from oarlock_generator.project import Project
from oarlock_generator.site import CONFIGS, SiteError, finish_build, start_build
from oarlock_generator.verify import ORACLES, Outcome, verify, versions


def run_demo(project: Project, console: Console) -> bool:
    """Run every step with its progress shown; False where a step failed, after saying so."""
    started = time.perf_counter()
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=console) as bars:

            def shown(items: Iterable[Any], title: str) -> Iterable[Any]:
                return bars.track(list(items), description=title)

            derivations = [d for d in project.derive_all(shown) if not d.is_draft]
            for _ in shown([project], "Generating"):
                project.generate()
            english = start_build(project.root, CONFIGS[0])
            # Some examples call what torch has deprecated: its warnings would tear the bars apart.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes = verify(
                    [derivation.source for derivation in derivations],
                    known={api.name for derivation in derivations for api in derivation.apis},
                    oracles=project.root / ORACLES,
                    progress=lambda work: shown(work, "Executing examples"),
                )
            sites = bars.add_task("Building the sites", total=2)
            finish_build(english)
            bars.advance(sites)
            # site/zh lies inside site/, which the English build empties first.
            finish_build(start_build(project.root, CONFIGS[1]))
            bars.advance(sites)
    except (RecordError, SiteError) as error:
        console.print(str(error), markup=False)
        return False
    failed = [outcome for outcome in outcomes if outcome.faults]
    for outcome in failed:
        console.print(str(outcome), markup=False)
    console.print(_summary(project, derivations, outcomes, time.perf_counter() - started))
    console.print(
        "Open the site: [bold]make serve[/bold]   Prove everything: [bold]make test[/bold]"
    )
    return not failed


def _summary(
    project: Project, derivations: list[Any], outcomes: list[Outcome], seconds: float
) -> Table:
    runs = [run for outcome in outcomes for run in outcome.runs]
    passed = sum(not outcome.faults for outcome in outcomes)
    parameters = sum(len({row.name for r in d.routes for row in r.parameters}) for d in derivations)
    table = Table(show_header=False, title="Oarlock", title_justify="left", box=None)
    table.add_row(
        "records", f"{len(derivations)} ({sum(len(d.apis) for d in derivations)} API names)"
    )
    table.add_row("parameters", str(parameters))
    table.add_row("examples", f"{passed} of {len(outcomes)} passed, on {len(runs)} dtype runs")
    if runs:
        worst = max(runs, key=lambda run: run.error / run.tolerance if run.tolerance else 0.0)
        table.add_row(
            "largest error",
            f"{worst.error:.1e} of {worst.tolerance:.1e} allowed ({worst.example}, {worst.dtype}, {worst.compared})",
        )
    installed = {**versions(), "flash_attn": project.context.locks["flash_attn"].version}
    table.add_row("versions", ", ".join(f"{name} {number}" for name, number in installed.items()))
    table.add_row("time", f"{seconds:.0f} s")
    return table
