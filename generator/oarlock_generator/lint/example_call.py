"""Example calls stay inside their grammar and use what they draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.examples import check_examples
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Problem


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report calls that are no plain calls of mapped APIs on the example's inputs."""
    known = frozenset(
        api.name for derivation in derivations if not derivation.is_draft for api in derivation.apis
    )
    for derivation in derivations:
        yield from check_examples(derivation.source, known)


RULE = Rule(
    "example-call",
    "An example calls its record's APIs, and mapped ones beside them, on its own inputs.",
    check,
)
