"""Lint rules: one small file each, with its name, what it checks, and its fix where it has one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.emit.files import write_text
from oarlock_generator.lint import (
    api_once,
    case_collision,
    example_call,
    example_cover,
    file_name,
    key_order,
    note_required,
    punctuation,
    redundant,
    terms,
    to_be_written,
)
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Edit, Problem

RULES: tuple[Rule, ...] = (
    api_once.RULE,
    case_collision.RULE,
    example_call.RULE,
    example_cover.RULE,
    file_name.RULE,
    key_order.RULE,
    note_required.RULE,
    punctuation.RULE,
    redundant.RULE,
    terms.RULE,
    to_be_written.RULE,
)

# Rules of how a record is written: what breaks them alone is served all the same.
STYLE = frozenset(
    rule.RULE.name
    for rule in (
        example_cover,
        key_order,
        note_required,
        punctuation,
        redundant,
        terms,
        to_be_written,
    )
)


def lint(derivations: Sequence[Derivation], context: Context) -> list[Problem]:
    """Every fault that some rule finds."""
    return [problem for rule in RULES for problem in rule.check(derivations, context)]


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with its edits made; none of them overlap."""
    out, position = [], 0
    for edit in sorted(edits):
        out += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*out, text[position:]])


def fix(
    problems: Iterable[Problem], derivations: Iterable[Derivation], root: Path
) -> list[Problem]:
    """Mend what can be mended; return the problems whose edits were written.

    Of edits that overlap the smaller are made, and the others wait for another round.
    """
    fixable = sorted((p for p in problems if p.fix), key=_extent)
    mended: list[Problem] = []
    for source in (derivation.source for derivation in derivations):
        edits: list[Edit] = []
        for problem in fixable:
            if problem.path == source.path and not any(
                a.start < b.end and b.start < a.end for a in problem.fix for b in edits
            ):
                edits += problem.fix
                mended.append(problem)
        if edits:
            write_text(root / source.path, apply_edits(source.text, edits))
    return mended


def _extent(problem: Problem) -> int:
    return sum(edit.end - edit.start for edit in problem.fix)
