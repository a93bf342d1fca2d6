"""Where Oarlock does more than pass a parameter on, an example shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Problem
from oarlock_generator.treatments import Convert, Fallback, Map, Refuse


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report treated parameters without an example, in records that have examples at all.

    A record without examples is unverified, and its page says so.
    """
    for derivation in derivations:
        if derivation.is_draft or not derivation.record.examples:
            continue
        for route in derivation.routes:
            for row in route.parameters:
                # What Oarlock serves whole has no parameter that is treated otherwise than others.
                treated = isinstance(row.treatment, Convert | Map | Refuse) or (
                    route.paddle and isinstance(row.treatment, Fallback)
                )
                if treated and not row.examples and row.name not in context.shared.parameters:
                    yield derivation.source.problem(
                        (*route.where, "parameters", row.name),
                        f"no example has 'parameter: {row.name}' with a value other than the default",
                        rule=RULE.name,
                    )


RULE = Rule("example-cover", "Each treated parameter of a verified record has an example.", check)
