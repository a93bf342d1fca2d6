"""What came of one subject of a database: samples, how many passed, and the first that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Of each subject, so many faults are kept.
_KEPT = 3


@dataclass(frozen=True)
class Outcome:
    """One operator, module or optimizer that was run.

    Args:
        name: its name in torch's database.
        samples: checks by group (a dtype, or "errors").
        passed: those that passed, by group.
        faults: the first faults, in words.
    """

    name: str
    samples: Mapping[str, int] = field(default_factory=dict)
    passed: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, groups: Iterable[str], faults: Iterable[str | None]) -> Outcome:
        """Count checks, given the group and the fault (or None) of each."""
        pairs = list(zip(groups, faults, strict=True))
        return cls(
            name,
            dict(Counter(group for group, _ in pairs)),
            dict(Counter(group for group, fault in pairs if fault is None)),
            tuple(fault for _, fault in pairs if fault)[:_KEPT],
        )

    @property
    def total(self) -> int:
        """How many checks there are."""
        return sum(self.samples.values())

    @property
    def good(self) -> int:
        """How many passed."""
        return sum(self.passed.values())

    @property
    def whole(self) -> bool:
        """Whether all passed, and there is one."""
        return not self.faults and self.good == self.total > 0
