"""The figures of a run: operators that pass whole, and samples, by database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from oarlock_generator.conformance.outcome import Outcome


@dataclass(frozen=True)
class Figures:
    """What one database came to.

    Args:
        database: its name.
        subjects: operators, modules or optimizers: an operator's variants are one.
        whole: those of which all samples of all variants pass.
        samples: all samples.
        passed: those that pass.
    """

    database: str
    subjects: int
    whole: int
    samples: int
    passed: int

    @classmethod
    def of(cls, outcomes: Iterable[tuple[str, str, Outcome]]) -> list[Figures]:
        """The figures by database, from ``(database, operator, outcome)`` of each entry."""
        entries: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
        for database, operator, outcome in outcomes:
            entries[database][operator].append(outcome)
        return [
            cls(
                database,
                len(operators),
                sum(all(o.whole for o in variants) for variants in operators.values()),
                sum(o.total for variants in operators.values() for o in variants),
                sum(o.good for variants in operators.values() for o in variants),
            )
            for database, operators in entries.items()
        ]

    @property
    def whole_share(self) -> str:
        """The share of subjects that pass whole."""
        return _share(self.whole, self.subjects)

    @property
    def passed_share(self) -> str:
        """The share of samples that pass."""
        return _share(self.passed, self.samples)

    def __str__(self) -> str:
        return (
            f"{self.whole:,} of {self.subjects:,} {self.database} whole ({self.whole_share}), "
            f"{self.passed:,} of {self.samples:,} samples ({self.passed_share})"
        )


def _share(part: int, of: int) -> str:
    """A share in percent, rounded down: what is not whole does not read 100 %."""
    return f"{part * 1000 // of / 10:.1f} %" if of else "–"
