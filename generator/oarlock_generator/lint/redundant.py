"""What is derived is not typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.lint.rule import Rule
from oarlock_generator.load import node_at
from oarlock_generator.problems import Edit, Problem


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report parameters whose entry says only what follows without it; the fix removes the entry."""
    for derivation in derivations:
        if derivation.problems:
            continue
        for name, spec in derivation.record.parameters.items():
            if spec.model_fields_set - {"to", "treat"} or spec.treat == "fallback":
                continue
            if _rows(derivation) == _rows(_without(derivation, name, context)):
                key, node = node_at(derivation.source.text, ("parameters", name))
                edits = (_line(derivation.source.text, key, node),) if key and node else ()
                yield derivation.source.problem(
                    ("parameters", name),
                    "says what is derived without it; remove it",
                    rule=RULE.name,
                    fix=edits,
                )


def _without(derivation: Derivation, name: str, context: Context) -> Derivation:
    parameters = {n: p for n, p in derivation.record.parameters.items() if n != name}
    record = derivation.record.model_copy(update={"parameters": parameters})
    return derive(replace(derivation.source, record=record), context)


def _rows(derivation: Derivation) -> object:
    return derivation.problems or [route.rows for route in derivation.routes]


def _line(text, key, node) -> Edit:
    """The whole line of a block entry."""
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    end = text.find("\n", node.end_mark.index) + 1 or len(text)
    return Edit(start, end, "")


RULE = Rule("redundant", "Nothing is typed that is derived.", check)
