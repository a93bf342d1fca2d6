"""What is wrong with a record: file:line: field: message, and the nearest valid spelling."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

FieldPath = tuple["str | int", ...]


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the characters [start, end) of a record's text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Problem:
    """One fault, at one place of one record."""

    path: Path
    where: FieldPath
    message: str
    rule: str = "record"
    line: int | None = None
    fix: tuple[Edit, ...] = field(default=(), compare=False)

    @property
    def field(self) -> str:
        """The place in dotted form, for example ``examples[2].inputs.q``."""
        out = ""
        for part in self.where:
            out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
        return out

    def __str__(self) -> str:
        place = f"{self.path.as_posix()}:{self.line}" if self.line else self.path.as_posix()
        return (
            f"{place}: {self.field}: {self.message}" if self.where else f"{place}: {self.message}"
        )


class RecordError(Exception):
    """Records with faults, all of them."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest spelling, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
