"""No two records may share a file or page name where case is ignored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Problem


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report record paths that collide on a case-insensitive file system or in a URL."""
    seen: dict[str, Derivation] = {}
    for derivation in derivations:
        key = derivation.slug.casefold().replace("-", "_")
        first = seen.setdefault(key, derivation)
        if first is not derivation:
            stem = derivation.source.path.stem
            message = (
                f"differs from {first.source.path.as_posix()} in case only, which many file systems "
                f"and URLs ignore; name this file {stem}_{derivation.primary.entry.kind}.yaml"
            )
            yield derivation.source.problem((), message, rule=RULE.name)


RULE = Rule("case-collision", "Record paths differ by more than case.", check)
