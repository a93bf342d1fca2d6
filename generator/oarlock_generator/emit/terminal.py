"""A record's table for the terminal, in either language."""

from __future__ import annotations

import re

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Styled

from oarlock_generator.derive import Derivation, Row
from oarlock_generator.emit.wording import Words, words_in
from oarlock_generator.evidence import Evidence, Run
from oarlock_generator.model import Text


def render_table(
    derivation: Derivation, evidence: Evidence | None, language: str
) -> RenderableType:
    """The family's names, its category, one table per torch signature, and its notes."""
    words = words_in(language)
    heads = ("PyTorch", "PaddlePaddle", words.treatment, words.executed)
    runs = evidence.current(derivation.record.examples) if evidence else ()
    parts: list[RenderableType] = [
        Styled("\n".join(api.name for api in derivation.apis), style="bold"),
        Styled(_say(derivation.category, language)),
    ]
    if derivation.is_draft:
        parts.append(Styled(words.draft, style="yellow"))
    for route in derivation.routes:
        parts.append(Styled(f"\n{route.signature} → {route.paddle.name if route.paddle else '—'}"))
        table = Table(*heads, show_lines=True, expand=True)
        for row in route.rows:
            paddle = ", ".join(p.name for p in row.paddle)
            table.add_row(
                row.torch.name if row.torch else "",
                paddle,
                " ".join(
                    _say(text, language) for text in (row.served, row.differs, *row.remarks) if text
                ),
                _executed(row, runs, words),
            )
        parts.append(table)
    if derivation.record.notes:
        parts.append(Styled(f"\n{words.notes_read}"))
    parts += [Styled(f"• {_say(note, language)}") for note in derivation.record.notes]
    return Group(*parts)


def _executed(row: Row, runs: tuple[Run, ...], words: Words) -> str:
    if row.torch is None:
        return ""
    own = [run for run in runs if row.torch.name in run.parameters]
    if not own:
        return words.not_executed
    dtypes = words.comma.join(dict.fromkeys(run.dtype for run in own))
    return f"✓ {len({run.example for run in own})} ({dtypes})"


def _say(text: Text, language: str) -> str:
    return re.sub(r"`([^`]*)`", r"\1", text.zh if language == "zh" else text.en)
