"""Chinese texts use Chinese punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.lint.texts import texts
from oarlock_generator.problems import Edit, Problem

_WIDE = {",": "，", ";": "；", "?": "？", "!": "！", ".": "。"}
_HAN = "\u3400-\u9fff"
_NARROW = re.compile(rf"(?<=[{_HAN}])([,;?!]) ?(?=[{_HAN}\"']|$)|(?<=[{_HAN}])(\.)(?=\s|$|[\"'])")


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report ASCII punctuation between Chinese characters; the fix widens it."""
    for derivation in derivations:
        source = derivation.source
        if not _NARROW.search(source.text):
            continue
        for where, node in texts(source, "zh"):
            start = node.start_mark.index
            for found in _NARROW.finditer(source.text, start, node.end_mark.index):
                mark = found[1] or found[2]
                yield source.problem(
                    where,
                    f"after a Chinese character write {_WIDE[mark]}, not {mark}",
                    rule=RULE.name,
                    fix=(Edit(found.start(), found.end(), _WIDE[mark]),),
                )


RULE = Rule("punctuation", "Chinese texts use Chinese punctuation.", check)
