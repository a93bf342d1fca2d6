"""What a draft asks for is written before the record stops being one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.lint.texts import texts
from oarlock_generator.problems import Problem

# The texts that `oarlock new` leaves to a person.
PLACEHOLDERS = {"zh": "待写", "en": "To be written."}


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report placeholders of `oarlock new` in records that are no drafts."""
    for derivation in derivations:
        source = derivation.source
        if derivation.is_draft or not any(text in source.text for text in PLACEHOLDERS.values()):
            continue
        for language, placeholder in PLACEHOLDERS.items():
            for where, node in texts(source, language):
                if node.value == placeholder:
                    yield source.problem(
                        where, "is still to be written, or add 'status: unverified'", rule=RULE.name
                    )


RULE = Rule("to-be-written", "A record that is no draft has all its texts.", check)
