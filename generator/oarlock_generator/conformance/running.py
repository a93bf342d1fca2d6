"""A run over subjects of torch's databases: what is known already, and the rest in workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from oarlock_generator.conformance.databases import Subject
from oarlock_generator.conformance.outcome import Outcome
from oarlock_generator.conformance.pool import Limits, run_pool
from oarlock_generator.conformance.store import Journal
from oarlock_generator.conformance.worker import serve

Outcomes = dict[tuple[str, str], Outcome]


def run_subjects(
    subjects: Collection[Subject],
    journal: Journal | None,
    *,
    undefined: frozenset[str] = frozenset(),
    workers: int | None = None,
    limits: Limits | None = None,
    advance: Callable[[Subject], None] = lambda subject: None,
) -> Outcomes:
    """Run subjects in worker processes, and return what came of each, by database and name.

    Args:
        subjects: what to run.
        journal: has what an earlier run of this code finished, and gets what this one finishes.
        undefined: names of operators whose values are what memory holds.
        workers: how many processes; one a core where none is said.
        limits: how long things may take.
        advance: told of each that is finished.
    """
    known = journal.read() if journal else {}
    wanted = {(subject.database, subject.name): subject for subject in subjects}
    outcomes = {key: known[key] for key in wanted if key in known}
    for key in outcomes:
        advance(wanted[key])
    rest = [key for key in wanted if key not in outcomes]
    for database, outcome in _run(rest, undefined, workers, limits):
        outcomes[database, outcome.name] = outcome
        if journal:
            journal.add(database, outcome)
        advance(wanted[database, outcome.name])
    return outcomes


def _run(
    tasks: list[tuple[str, str]],
    undefined: frozenset[str],
    workers: int | None,
    limits: Limits | None,
) -> Iterator[tuple[str, Outcome]]:
    if not tasks:
        return iter(())
    count = workers or os.cpu_count() or 1
    return run_pool(tasks, workers=count, serve=serve, arguments=(undefined,), limits=limits)


def cache_of(root: Path, digest: str, again: bool) -> Journal:
    """The journal of this code, emptied where everything is to be run again."""
    journal = Journal(root, digest)
    if again:
        journal.clear()
    return journal
