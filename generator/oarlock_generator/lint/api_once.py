"""Each API belongs to one record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Problem


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report the second record of an API, naming the first."""
    owners: dict[str, Derivation] = {}
    for derivation in derivations:
        for api in derivation.record.apis:
            owner = owners.setdefault(api, derivation)
            if owner is not derivation:
                message = f"{api} already has a record in {owner.source.path.as_posix()}"
                yield derivation.source.problem(("apis", api), message, rule=RULE.name)


RULE = Rule("api-once", "Each API belongs to one record.", check)
