"""Every example executed on the oracle and on the shim; what agrees is written down as evidence."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from oarlock_generator.compare import Finding
from oarlock_generator.emit.files import write_text
from oarlock_generator.evidence import (
    Evidence,
    Run,
    digest,
    evidence_file,
    evidence_text,
    load_evidence,
)
from oarlock_generator.examples import CallError, parse_call
from oarlock_generator.executed import Code
from oarlock_generator.load import Source
from oarlock_generator.model import Example
from oarlock_generator.oracles import ORACLES, Oracle, Resolver, shim_function
from oarlock_generator.trial import Trial, TrialError

Work = tuple[Source, int]


@dataclass(frozen=True)
class Outcome:
    """What became of an example: the runs that agreed, and (dtype, fault) where one did not."""

    source: Source
    index: int
    runs: tuple[Run, ...]
    faults: tuple[tuple[str, str], ...]

    @property
    def example(self) -> Example:
        """The example."""
        return self.source.record.examples[self.index]

    @property
    def agrees(self) -> bool:
        """Whether all its dtypes agree."""
        return not self.faults

    def __str__(self) -> str:
        dtypes = dict.fromkeys(dtype for dtype, _ in self.faults)
        summary = f"differs on {', '.join(dtypes)}" if dtypes else "agrees"
        title = f"{self.example.id} ({self.example.title.en}) {summary}"
        place = self.source.problem(("examples", self.index), title)
        return "\n".join([str(place), *(f"  {dtype}: {fault}" for dtype, fault in self.faults)])


def verify(
    sources: Iterable[Source],
    *,
    known: Collection[str] = (),
    oracles: Path = ORACLES,
    device: str = "cpu",
    progress: Callable[[list[Work]], Iterable[Work]] = iter,
) -> list[Outcome]:
    """Execute every example of these records; ``progress`` wraps the list of (record, index).

    ``known`` are the APIs of all records, which an example may call besides its own record's.
    """
    work = [(source, index) for source in sources for index in range(len(source.record.examples))]
    return [
        verify_example(source, index, known=known, oracles=oracles, device=device)
        for source, index in progress(work)
    ]


def verify_example(
    source: Source,
    index: int,
    *,
    known: Collection[str] = (),
    oracles: Path = ORACLES,
    shim: Resolver = shim_function,
    device: str = "cpu",
) -> Outcome:
    """Execute one example on all its dtypes.

    Args:
        source: the record.
        index: which of its examples.
        known: the APIs of all records.
        oracles: the folder of oracles for packages that can't run here.
        shim: finds the function under test by its torch-side name.
        device: "cpu" or "gpu", where the shim runs; the oracle runs on the CPU.
    """
    example = source.record.examples[index]
    runs: list[Run] = []
    faults: list[tuple[str, str]] = []
    for dtype in example.dtypes:
        try:
            call = parse_call(example, source.record.apis, known)
            oracle = Oracle(min(call.apis).partition(".")[0], oracles)
            trial = Trial(example, call, dtype, oracle, shim, device)
            findings = trial.findings()
        except (CallError, TrialError) as error:
            faults.append((dtype, str(error)))
            continue
        if found := [(dtype, finding.fault) for finding in findings if finding.fault]:
            faults += found
            continue
        # A dtype, a name or None has no values; its structure was compared.
        worst = max(findings, key=lambda finding: finding.strain, default=Finding("result"))
        runs.append(
            Run(
                example=example.id,
                parameters=tuple(example.parameter),
                digest=digest(example),
                device=device,
                dtype=dtype,
                route=trial.route,
                compared=worst.place,
                error=_two_digits(worst.error),
                tolerance=_two_digits(worst.tolerance),
            )
        )
    return Outcome(source, index, tuple(runs), tuple(faults))


def versions() -> dict[str, str]:
    """The frameworks that an execution here is about."""
    return {
        name: importlib.import_module(name).__version__.partition("+")[0]
        for name in ("paddle", "torch")
    }


def write_evidence(
    mappings: Path, slug: str, outcomes: Collection[Outcome], code: Code
) -> Evidence:
    """Write what agreed among the outcomes of one record, and return it.

    Runs of the same examples on another device are kept where versions and code are the same.

    Args:
        mappings: the folder of records.
        slug: the record's path in it, without its suffix.
        outcomes: what became of its examples; at least one.
        code: the code they ran on.
    """
    now = versions()
    runs = [run for outcome in outcomes for run in outcome.runs]
    source = next(iter(outcomes)).source
    executed = code.digest(source)
    before = load_evidence(mappings, slug)
    if before and (dict(before.versions), before.executed) == (now, executed):
        devices = {run.device for run in runs}
        current = before.current([outcome.example for outcome in outcomes])
        runs += [run for run in current if run.device not in devices]
    evidence = Evidence(now, tuple(runs), code.oracle(source), executed)
    write_text(evidence_file(mappings, slug), evidence_text(evidence))
    return evidence


def _two_digits(number: float) -> float:
    return float(f"{number:.1e}")
