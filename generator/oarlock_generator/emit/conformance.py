"""The conformance page: what came of torch's own test databases, one line an operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from oarlock_generator.conformance.databases import DATABASES, Subject
from oarlock_generator.conformance.expected import Reviewed
from oarlock_generator.conformance.figures import Figures
from oarlock_generator.conformance.outcome import Outcome
from oarlock_generator.conformance.store import Published
from oarlock_generator.derive import Derivation
from oarlock_generator.emit.docs import LANGUAGES, page_path, template
from oarlock_generator.emit.markdown import Markdown, code, dotted, fill, join, link, prose
from oarlock_generator.emit.wording import Words, words_in

PAGE = PurePosixPath("conformance.md")


@dataclass(frozen=True)
class _Row:
    name: Markdown
    samples: int
    passed: int
    reason: Markdown | str


@dataclass(frozen=True)
class _Section:
    title: Markdown
    anchor: Markdown
    figures: Figures
    rows: Sequence[_Row]


def render_conformance(
    derivations: Sequence[Derivation], published: Mapping[str, Published], reviewed: Reviewed
) -> dict[Path, str]:
    """The page in both languages, by its path below the repository's root.

    Args:
        derivations: all records, whose pages are linked.
        published: the evidence by database.
        reviewed: what is expected to fail, and what is in no count.
    """
    pages = {api.name: derivation.slug for derivation in derivations for api in derivation.apis}
    outputs = {}
    for language in LANGUAGES:
        words = words_in(language)
        sections = [
            _section(database, published[database], reviewed, pages, words, language)
            for database in DATABASES
            if database in published
        ]
        versions = dict.fromkeys(
            f"{package} {version}"
            for evidence in published.values()
            for package, version in evidence.versions.items()
        )
        text = template("conformance.md.j2").render(
            t=words,
            sections=sections,
            versions=fill(words.versions, versions=join(versions, words.comma)),
            excluded=[
                (name, getattr(text, language)) for (_, name), text in reviewed.excluded.items()
            ],
        )
        outputs[Path("docs", language, "api") / PAGE] = text
    return outputs


def _section(
    database: str,
    published: Published,
    reviewed: Reviewed,
    pages: Mapping[str, str],
    words: Words,
    language: str,
) -> _Section:
    counted = [
        (Subject(database, name, published.operators.get(name, name)), outcome)
        for name, outcome in published.outcomes.items()
        if (database, name) not in reviewed.excluded
    ]
    (figures,) = Figures.of((database, subject.operator, o) for subject, o in counted)
    rows = [
        _Row(
            _linked(subject, pages),
            outcome.total,
            outcome.good,
            _reason(subject, outcome, reviewed, language),
        )
        for subject, outcome in counted
    ]
    return _Section(
        getattr(words, f"conformance_{database}"), Markdown(f"the-{database}"), figures, rows
    )


def _linked(subject: Subject, pages: Mapping[str, str]) -> Markdown:
    """The name, as a link to the page of its record where there is one."""
    for api in _apis(subject):
        if api in pages:
            target = page_path(pages[api]).as_posix()
            return Markdown(f"[{dotted(subject.name)}]({link('', target)[3:-1]})")
    return dotted(subject.name)


def _apis(subject: Subject) -> Iterator[str]:
    yield subject.api
    if subject.database == "operators":
        yield f"torch.Tensor.{subject.operator}"
        # torch names some after the operator of Python's that they serve: __rsub__.
        yield f"torch.{subject.operator.removeprefix('__r').removesuffix('__')}"


def _reason(
    subject: Subject, outcome: Outcome, reviewed: Reviewed, language: str
) -> Markdown | str:
    """Why it is known to fail, and the first sample that does."""
    if outcome.whole:
        return ""
    known = reviewed.failures.get((subject.database, subject.name))
    parts = [prose(getattr(known, language))] if known else []
    parts += [code(fault) for fault in outcome.faults[:1]]
    return Markdown("<br>".join(parts))
