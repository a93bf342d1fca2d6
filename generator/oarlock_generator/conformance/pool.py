"""Worker processes that run subjects side by side; one that crashes or hangs loses one check."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from oarlock_generator.conformance.outcome import Outcome

# One check, which is a call on tiny tensors and its gradient.
CHECK_SECONDS = 30.0
# All checks of a subject.
SUBJECT_SECONDS = 300.0
# Importing both frameworks beside others that do the same.
START_SECONDS = 180.0
# After so many lost workers the rest of a subject counts as failed.
_LOSSES = 4


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds."""

    check: float = CHECK_SECONDS
    subject: float = SUBJECT_SECONDS
    start: float = START_SECONDS


@dataclass
class _Subject:
    """A subject being run: what is known of its checks."""

    database: str
    name: str
    labels: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str | None] = field(default_factory=list)
    losses: int = 0
    began: float = 0.0

    def lose(self, why: str) -> None:
        self.losses += 1
        label = self.labels[len(self.faults)][0] if self.labels else "making the samples"
        self.faults.append(f"{label}: {why}")

    def give_up(self) -> None:
        missing = len(self.labels) - len(self.faults)
        self.faults += ["not run: earlier samples crashed or hung"] * missing

    def outcome(self) -> Outcome:
        groups = [group for _, group in self.labels] or ["samples"] * len(self.faults)
        return Outcome.of(self.name, groups, self.faults)


class _Worker:
    """One process, and the subject it is at."""

    def __init__(self, serve: Any, arguments: tuple[Any, ...]):
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=serve, args=(other, *arguments), daemon=True
        )
        with _single_threaded():
            self.process.start()
        other.close()
        self.subject: _Subject | None = None
        self.heard = time.monotonic()
        self.ready = False

    def begin(self, subject: _Subject) -> None:
        self.subject = subject
        self.heard = time.monotonic()
        subject.began = subject.began or self.heard
        self.connection.send((subject.database, subject.name, len(subject.faults)))

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()

    def late(self, limits: Limits) -> str | None:
        """What took too long, or None."""
        now = time.monotonic()
        if not self.ready:
            return "the worker did not start" if now - self.heard > limits.start else None
        if self.subject is None:
            return None
        if now - self.heard > limits.check:
            return f"hung for {limits.check:g} s"
        if now - self.subject.began > limits.subject:
            self.subject.losses = _LOSSES
            return f"the subject took more than {limits.subject:g} s"
        return None


class PoolError(Exception):
    """Workers that can't even start."""


def run_pool(
    tasks: Iterable[tuple[str, str]],
    *,
    workers: int,
    serve: Any,
    arguments: tuple[Any, ...] = (),
    limits: Limits | None = None,
) -> Iterator[tuple[str, Outcome]]:
    """Run subjects in worker processes, and yield ``(database, outcome)`` as each is finished.

    Args:
        tasks: ``(database, name)`` of each.
        workers: how many processes.
        serve: what a process runs, as `oarlock_generator.conformance.worker.serve`.
        arguments: what it gets after its connection.
        limits: how long things may take.

    Raises:
        PoolError: workers do not start.
    """
    limits = limits or Limits()
    waiting = deque(_Subject(database, name) for database, name in tasks)
    count = min(workers, len(waiting))
    running = [_Worker(serve, arguments) for _ in range(count)]
    failed_starts = 0
    try:
        while waiting or any(worker.subject for worker in running):
            for place, worker in enumerate(running):
                finished, lost = _hear(worker, limits)
                if finished is not None:
                    yield finished.database, finished.outcome()
                if lost is None:
                    continue
                subject = worker.subject
                failed_starts = 0 if worker.ready else failed_starts + 1
                worker.end()
                if failed_starts > 2:
                    raise PoolError(f"workers can't start: {lost}")
                running[place] = _Worker(serve, arguments)
                if subject is None:
                    continue
                subject.lose(lost)
                if subject.losses >= _LOSSES or len(subject.faults) >= len(subject.labels):
                    subject.give_up()
                    yield subject.database, subject.outcome()
                else:
                    waiting.appendleft(subject)
            _give(running, waiting)
            if waiting or any(worker.subject for worker in running):
                wait([worker.connection for worker in running], timeout=1.0)
    finally:
        for worker in running:
            worker.end()


def _give(running: list[_Worker], waiting: deque[_Subject]) -> None:
    for worker in running:
        if worker.ready and worker.subject is None and waiting:
            worker.begin(waiting.popleft())


def _hear(worker: _Worker, limits: Limits) -> tuple[_Subject | None, str | None]:
    """What a worker says now: a subject it finished, or why it is lost."""
    connection: Connection = worker.connection  # type: ignore[assignment]
    try:
        while connection.poll():
            kind, what = connection.recv()
            worker.heard, subject = time.monotonic(), worker.subject
            if kind == "ready":
                worker.ready = True
            elif subject is None:
                continue
            elif kind == "total":
                subject.labels = what
            elif kind == "done":
                subject.faults.append(what)
            else:
                if kind == "broken":
                    subject.labels, subject.faults = [], [f"making the samples: {what}"]
                worker.subject = None
                return subject, None
    except (EOFError, OSError):
        worker.process.join(5)
        return None, _death(worker.process.exitcode)
    return None, worker.late(limits)


def _death(code: int | None) -> str:
    """How a process ended, in words."""
    if code is not None and code < 0:
        import signal

        return f"the process crashed ({signal.Signals(-code).name})"
    return f"the process ended with {code}"


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Processes started here compute on one thread each: there is one a core."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ |= dict.fromkeys(names, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
