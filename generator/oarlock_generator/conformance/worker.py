"""A process that runs checks one after another and tells what came of each."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from oarlock_generator.conformance.checks import Check, told


class Runner:
    """Finds the checks of a subject by its database and name."""

    def __init__(self, undefined: frozenset[str]):
        from oarlock_generator.conformance.calls import Caller
        from oarlock_generator.conformance.conversion import Conversion
        from oarlock_generator.conformance.counterparts import Counterparts
        from oarlock_generator.conformance.modules import ModuleChecks, modules
        from oarlock_generator.conformance.operators import OperatorChecks, operators
        from oarlock_generator.conformance.optimizers import OptimizerChecks, optimizers

        caller = Caller(Conversion(Counterparts()))
        caller.torch.set_num_threads(1)
        self._found: dict[str, tuple[dict[str, Any], Any]] = {
            "operators": (operators(), OperatorChecks(caller, undefined)),
            "modules": (modules(), ModuleChecks(caller)),
            "optimizers": (optimizers(), OptimizerChecks(caller)),
        }

    def checks(self, database: str, name: str) -> Iterator[Check]:
        """Every check of one subject."""
        subjects, checks = self._found[database]
        return checks.of(subjects[name])


def serve(connection: Connection, undefined: frozenset[str]) -> None:
    """Run what comes through a connection: ``(database, name, checks to pass over)``.

    Answers with ``("total", groups)``, then ``("done", fault or None)`` per check, then
    ``("end", None)``; ``("broken", why)`` where the checks can't even be made.
    """
    warnings.simplefilter("ignore")
    # What Paddle prints must not mix with the command's own output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    runner = Runner(undefined)
    connection.send(("ready", None))
    while True:
        try:
            task: Any = connection.recv()
        except EOFError:
            return
        _run(connection, runner, *task)


def _run(connection: Connection, runner: Runner, database: str, name: str, over: int) -> None:
    try:
        checks = list(runner.checks(database, name))
    except Exception as error:
        connection.send(("broken", told(error)))
        return
    connection.send(("total", [(check.label, check.group) for check in checks]))
    for check in checks[over:]:
        connection.send(("done", check.fault()))
    connection.send(("end", None))
