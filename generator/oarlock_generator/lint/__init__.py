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
)


def lint(derivations: Sequence[Derivation], context: Context) -> list[Problem]:
    """Every fault that some rule finds."""
    return [problem for rule in RULES for problem in rule.check(derivations, context)]


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with its edits made; of two that overlap, the first in the text wins."""
    out, position = [], 0
    for edit in sorted(edits):
        if edit.start < position:
            continue
        out += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*out, text[position:]])


def fix(
    problems: Iterable[Problem], derivations: Iterable[Derivation], root: Path
) -> list[Problem]:
    """Mend what can be mended; return the problems whose edits were written."""
    fixable = [problem for problem in problems if problem.fix]
    for source in (derivation.source for derivation in derivations):
        edits = [edit for problem in fixable if problem.path == source.path for edit in problem.fix]
        if edits:
            write_text(root / source.path, apply_edits(source.text, edits))
    return fixable
