"""Names in torch's three test databases, which of them are meant, and a fixed tenth of them."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

DATABASES = ("operators", "modules", "optimizers")
_PREFIXES = {"operators": "torch.", "modules": "torch.", "optimizers": "torch.optim."}
# One in so many is run with every change.
_TENTH = 10


@dataclass(frozen=True)
class Subject:
    """An operator, module or optimizer of a database.

    Args:
        database: one of ``DATABASES``.
        name: its name there, with its variant: ``nn.functional.pad.reflect``.
        operator: the name without the variant: all entries of one operator have it.
    """

    database: str
    name: str
    operator: str

    @property
    def api(self) -> str:
        """The dotted name of the API that it is about, as far as the database tells."""
        return _PREFIXES[self.database] + self.operator

    @property
    def stratum(self) -> str:
        """Its database and namespace."""
        return f"{self.database}:{self.operator.rpartition('.')[0]}"

    def is_meant(self, pattern: str) -> bool:
        """Whether someone who writes ``pattern`` means it.

        A name with or without ``torch.``, with or without its variant, a namespace, or a pattern
        with ``*``.
        """
        pattern = pattern.removeprefix("torch.")
        names = {self.name, self.operator, self.api.removeprefix("torch.")}
        return any(
            name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)
            for name in names
        )


def every_subject() -> list[Subject]:
    """All of torch's databases, in torch's order."""
    from oarlock_generator.conformance.modules import modules
    from oarlock_generator.conformance.operators import operators
    from oarlock_generator.conformance.optimizers import optimizers

    return [
        *(Subject("optimizers", name, name) for name in optimizers()),
        *(Subject("modules", name, name) for name in modules()),
        *(Subject("operators", name, op.name) for name, op in operators().items()),
    ]


def chosen(subjects: Iterable[Subject], patterns: Collection[str]) -> list[Subject]:
    """Those that some pattern means, or all where there is none."""
    return [s for s in subjects if not patterns or any(map(s.is_meant, patterns))]


def tenth(subjects: Iterable[Subject]) -> list[Subject]:
    """A fixed tenth of every namespace, rounded up; one that is added moves few others."""
    strata: dict[str, list[Subject]] = defaultdict(list)
    for subject in subjects:
        strata[subject.stratum].append(subject)
    return [
        subject
        for members in strata.values()
        for subject in sorted(members, key=_place)[: math.ceil(len(members) / _TENTH)]
    ]


def _place(subject: Subject) -> str:
    return hashlib.sha256(subject.name.encode()).hexdigest()
