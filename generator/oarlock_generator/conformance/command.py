"""`oarlock verify --conformance`: choose, run, judge, keep and print."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from oarlock_generator.conformance.databases import Subject, chosen, every_subject, tenth
from oarlock_generator.conformance.expected import Reviewed, load_reviewed
from oarlock_generator.conformance.figures import Figures
from oarlock_generator.conformance.running import Outcomes, cache_of, run_subjects
from oarlock_generator.conformance.store import code_digest, publish
from oarlock_generator.problems import suggest
from oarlock_generator.project import Project
from oarlock_generator.verify import versions


class NoSubjectError(Exception):
    """Names that torch's databases have not."""


@dataclass(frozen=True)
class Verdict:
    """What a run came to.

    Args:
        subjects: what was run, in torch's order.
        outcomes: by database and name.
        reviewed: the lists that it was judged by.
        faults: what is not as those lists say.
    """

    subjects: list[Subject]
    outcomes: Outcomes
    reviewed: Reviewed
    faults: list[str]


def verify_conformance(
    project: Project,
    patterns: Collection[str],
    *,
    only_tenth: bool = False,
    again: bool = False,
    workers: int | None = None,
    console: Console,
) -> Verdict:
    """Run torch's databases, or what the patterns mean of them, and keep the evidence.

    Args:
        project: the checkout.
        patterns: names of operators, modules and optimizers, and namespaces.
        only_tenth: whether to run the tenth that is run with every change.
        again: whether to run anew what an earlier run of this code finished.
        workers: how many processes; one a core where none is said.
        console: where progress is shown.

    Raises:
        NoSubjectError: a pattern means nothing, or a list has a name that torch has not.
        RecordError: a list of reviewed names has faults.
    """
    reviewed = load_reviewed(project.mappings)
    everything = every_subject()
    if unknown := reviewed.unknown(everything):
        raise NoSubjectError("\n".join(unknown))
    counted = [s for s in everything if (s.database, s.name) not in reviewed.excluded]
    for pattern in patterns:
        if not chosen(counted, [pattern]):
            raise NoSubjectError(_why_nothing(pattern, everything, reviewed))
    wanted = chosen(counted, patterns)
    wanted = tenth(wanted) if only_tenth else wanted
    now = versions()
    digest = code_digest(project.root, now)
    with _progress(console, len(wanted)) as advance:
        outcomes = run_subjects(
            wanted,
            cache_of(project.root, digest, again),
            undefined=reviewed.undefined,
            workers=workers,
            advance=advance,
        )
    publish(project.mappings, outcomes, counted, now, digest)
    faults = reviewed.faults((database, outcome) for (database, _), outcome in outcomes.items())
    return Verdict(wanted, outcomes, reviewed, faults)


def table(verdict: Verdict) -> list[str]:
    """The table, a line a subject: passed, samples, name, and the first failure or why it is known."""
    lines = []
    for subject in verdict.subjects:
        outcome = verdict.outcomes[subject.database, subject.name]
        reason = verdict.reviewed.failures.get((subject.database, subject.name))
        remark = "" if outcome.whole else outcome.faults[0] if outcome.faults else "no samples"
        known = f"  [expected: {reason.en}]" if reason and not outcome.whole else ""
        lines.append(
            f"{outcome.good:>6} of {outcome.total:<6} {subject.name}  {remark}{known}".rstrip()
        )
    return lines


def summary(verdict: Verdict) -> list[str]:
    """The figures of each database, a line each."""
    figures = Figures.of(
        (subject.database, subject.operator, verdict.outcomes[subject.database, subject.name])
        for subject in verdict.subjects
    )
    return [str(of_database) for of_database in figures]


def _why_nothing(pattern: str, everything: Collection[Subject], reviewed: Reviewed) -> str:
    for subject in chosen(everything, [pattern]):
        reason = reviewed.excluded[subject.database, subject.name]
        return f"{subject.name} can't exist on Paddle: {reason.en}"
    names = [subject.name for subject in everything]
    near = suggest(pattern.removeprefix("torch."), names)
    return f"torch's test databases have no {pattern}{near}"


def _progress(console: Console, total: int) -> AbstractContextManager[Callable[[Subject], None]]:
    return _Bar(console, total)


class _Bar(AbstractContextManager[Callable[[Subject], None]]):
    """A bar on a terminal; nothing elsewhere."""

    def __init__(self, console: Console, total: int):
        self._bar = Progress(
            TextColumn("{task.description:<40}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> Callable[[Subject], None]:
        self._bar.start()
        return lambda subject: self._bar.update(self._task, advance=1, description=subject.name)

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()
