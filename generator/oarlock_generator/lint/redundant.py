"""What is derived is not typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import yaml

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
                yield derivation.source.problem(
                    ("parameters", name),
                    "says what is derived without it; remove it",
                    rule=RULE.name,
                    fix=_removal(derivation.source.text, name),
                )


def _without(derivation: Derivation, name: str, context: Context) -> Derivation:
    parameters = {n: p for n, p in derivation.record.parameters.items() if n != name}
    record = derivation.record.model_copy(update={"parameters": parameters})
    return derive(replace(derivation.source, record=record), context)


def _rows(derivation: Derivation) -> object:
    return derivation.problems or [route.rows for route in derivation.routes]


def _removal(text: str, name: str) -> tuple[Edit, ...]:
    """The edit that removes a parameter's lines, or nothing where they hold more than that."""
    holder, entries = node_at(text, ("parameters",))
    key, node = node_at(text, ("parameters", name))
    if not (isinstance(entries, yaml.MappingNode) and holder and key and node):
        return ()
    first = key if len(entries.value) > 1 else holder
    start = text.rfind("\n", 0, first.start_mark.index) + 1
    if text[start : first.start_mark.index].strip():
        return ()
    end = text.find("\n", _end(entries if first is holder else node)) + 1 or len(text)
    return (Edit(start, end, ""),)


def _end(node: yaml.Node) -> int:
    """Where a value ends: a block's own mark lies behind the blank lines and comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index


RULE = Rule("redundant", "Nothing is typed that is derived.", check)
