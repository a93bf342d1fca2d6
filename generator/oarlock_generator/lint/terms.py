"""Chinese texts use Paddle's own terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.lint.texts import texts
from oarlock_generator.problems import Edit, Problem


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report spellings that _shared/terms.yaml replaces; the fix writes the term."""
    instead = {wrong: term.use for term in context.shared.terms for wrong in term.instead_of}
    for derivation in derivations:
        source = derivation.source
        if not any(wrong in source.text for wrong in instead):
            continue
        for where, node in texts(source, "zh"):
            start, end = node.start_mark.index, node.end_mark.index
            raw = source.text[start:end]
            for wrong, use in instead.items():
                places = [i for i in range(len(raw)) if raw.startswith(wrong, i)]
                if places:
                    edits = tuple(Edit(start + i, start + i + len(wrong), use) for i in places)
                    message = f"Paddle's documentation writes {use}, not {wrong}"
                    yield source.problem(where, message, rule=RULE.name, fix=edits)


RULE = Rule("terms", "Chinese texts use Paddle's own terms.", check)
