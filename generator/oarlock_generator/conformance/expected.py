"""What is known to fail and what can't exist on Paddle, one by one with reasons, and strictly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field, ValidationError

from oarlock_generator.conformance.databases import DATABASES, Subject
from oarlock_generator.conformance.outcome import Outcome
from oarlock_generator.load import parse, read_text
from oarlock_generator.model import Model, Text
from oarlock_generator.problems import Problem, RecordError

FOLDER = "_conformance"
Key = tuple[str, str]


class _Reasons(Model):
    """A file of names with the reason of each, which several may share."""

    reasons: dict[str, Text] = Field(default_factory=dict)
    operators: dict[str, str] = Field(default_factory=dict)
    modules: dict[str, str] = Field(default_factory=dict)
    optimizers: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Reviewed:
    """What people wrote down about torch's databases.

    Args:
        failures: what is expected to fail, and why, by database and name.
        excluded: what can't exist on Paddle, and why; it is in no count.
        undefined: names of operators whose values are what memory holds.
    """

    failures: Mapping[Key, Text] = field(default_factory=dict)
    excluded: Mapping[Key, Text] = field(default_factory=dict)
    undefined: frozenset[str] = frozenset()

    def faults(self, outcomes: Iterable[tuple[str, Outcome]]) -> list[str]:
        """What an expected-failure list that is strict has to say about outcomes."""
        found = []
        for database, outcome in outcomes:
            expected = (database, outcome.name) in self.failures
            if outcome.whole and expected:
                found.append(
                    f"{outcome.name}: passes whole, and {FOLDER}/expected_failures.yaml lists it; "
                    "take it out there"
                )
            elif not outcome.whole and not expected:
                fault = outcome.faults[0] if outcome.faults else "it has no samples here"
                found.append(f"{outcome.name}: {fault}")
        return found

    def unknown(self, subjects: Collection[Subject]) -> list[str]:
        """Names in the lists that torch's databases have not."""
        known = {(subject.database, subject.name) for subject in subjects}
        names = {subject.name for subject in subjects}
        listed = [*self.failures, *self.excluded]
        return [
            *(
                f"{name}: torch's {database} have no such name"
                for database, name in listed
                if (database, name) not in known
            ),
            *(f"{name}: torch's operators have no such name" for name in self.undefined - names),
        ]


def load_reviewed(mappings: Path) -> Reviewed:
    """Read ``mappings/_conformance``, or raise RecordError with every fault.

    Records without that folder have nothing reviewed.
    """
    problems: list[Problem] = []
    if not (mappings / FOLDER).is_dir():
        return Reviewed()

    def read(name: str) -> dict[Key, Text]:
        shown = Path(mappings.name, FOLDER, f"{name}.yaml")
        try:
            data = parse(read_text(mappings / FOLDER / f"{name}.yaml", shown), shown)
            reasons = _Reasons.model_validate(data)
        except RecordError as error:
            problems.extend(error.problems)
            return {}
        except ValidationError as error:
            problems.extend(Problem(shown, e["loc"], e["msg"]) for e in error.errors())
            return {}
        listed = {
            (database, name): reason
            for database in DATABASES
            for name, reason in getattr(reasons, database).items()
        }
        problems.extend(
            Problem(shown, key, f"{reason!r} is not among the reasons")
            for key, reason in listed.items()
            if reason not in reasons.reasons
        )
        problems.extend(
            Problem(shown, ("reasons", reason), "nothing has this reason")
            for reason in reasons.reasons
            if reason not in listed.values()
        )
        return {key: reasons.reasons[r] for key, r in listed.items() if r in reasons.reasons}

    failures, excluded = read("expected_failures"), read("excluded")
    undefined = read("undefined_values")
    if problems:
        raise RecordError(problems)
    return Reviewed(failures, excluded, frozenset(name for _, name in undefined))
