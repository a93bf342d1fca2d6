"""Partial support is explained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Problem
from oarlock_generator.treatments import Fallback


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report a parameter that Paddle's function lacks, or has with another meaning, without a note."""
    for derivation in derivations:
        for route in () if derivation.is_draft else derivation.routes:
            for row in route.parameters:
                is_standard = row.name in context.shared.parameters
                fallback = isinstance(row.treatment, Fallback) and not is_standard
                if route.paddle and fallback and not row.remarks:
                    yield derivation.source.problem(
                        (*route.where, "parameters", row.name),
                        "is served by a fallback: say in a note what Paddle lacks, zh and en",
                        rule=RULE.name,
                    )


RULE = Rule("note-required", "A parameter served by a fallback has a note.", check)
