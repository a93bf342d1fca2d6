"""What a lint rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.problems import Problem

Check = Callable[[Sequence[Derivation], Context], Iterable[Problem]]


@dataclass(frozen=True)
class Rule:
    """A rule: ``check`` sees all records at once and yields problems, with edits that mend them."""

    name: str
    description: str
    check: Check
