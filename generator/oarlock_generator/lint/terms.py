"""Chinese texts use Paddle's own terms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.lint.texts import texts
from oarlock_generator.problems import Edit, Problem

_HAN = re.compile("[\u3400-\u9fff]")


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
                    edits = tuple(_edit(source.text, start + i, wrong, use) for i in places)
                    message = f"Paddle's documentation writes {use}, not {wrong}"
                    yield source.problem(where, message, rule=RULE.name, fix=edits)


def _edit(text: str, start: int, wrong: str, use: str) -> Edit:
    """Write the term; a Latin one keeps a space from Chinese characters."""
    end = start + len(wrong)
    before = " " if use[0].isascii() and _HAN.match(text, start - 1) else ""
    after = " " if use[-1].isascii() and _HAN.match(text, end) else ""
    return Edit(start, end, f"{before}{use}{after}")


RULE = Rule("terms", "Chinese texts use Paddle's own terms.", check)
