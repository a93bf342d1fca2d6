"""Records have their fields in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.load import Loader
from oarlock_generator.problems import Edit, Problem

ORDER = (
    "apis", "kind", "status", "summary", "implementation", "paddle", "overloads", "parameters", "members", "state",
    "paddle_only", "returns", "result", "fallback", "native_when", "missing", "removable",
    "notes", "examples",
)  # fmt: skip


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report top-level fields out of order; the fix moves them, comments above them included."""
    for derivation in derivations:
        source = derivation.source
        given = [name for name in source.record.model_fields_set if name in ORDER]
        keys = [line.partition(":")[0] for line in source.text.splitlines() if line[:1].isalpha()]
        if keys == sorted(given, key=ORDER.index):
            continue
        node = yaml.compose(source.text, Loader=Loader)
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            continue
        names = [key.value for key, _ in node.value]
        wanted = sorted(names, key=ORDER.index)
        if names == wanted:
            continue
        start, blocks = _blocks(source.text, [key.start_mark.index for key, _ in node.value])
        text = "".join(blocks[names.index(name)] for name in wanted)
        first = next(name for name, other in zip(names, wanted, strict=True) if name != other)
        yield source.problem(
            (first,),
            f"stands out of order; the order is {', '.join(wanted)}",
            rule=RULE.name,
            # What lies behind a document's end mark stays there.
            fix=() if "\n..." in source.text else (Edit(start, len(source.text), text),),
        )


def _blocks(text: str, starts: list[int]) -> tuple[int, list[str]]:
    """Where the first field begins, and the text of each with the comment lines right above it."""
    cuts = []
    for start in starts:
        while (
            start and (above := text.rfind("\n", 0, start - 1) + 1) < start and text[above] == "#"
        ):
            start = above
        cuts.append(start)
    blocks = [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    return cuts[0], [block if block.endswith("\n") else block + "\n" for block in blocks]


RULE = Rule("key-order", "Fields stand in one order.", check)
