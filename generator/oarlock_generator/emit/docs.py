"""Pages of the site: one per record and language, the module indexes, and the figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.emit.markdown import Markdown, code, fill, identifier, join, prose
from oarlock_generator.emit.page import NOTHING, Facts, Page
from oarlock_generator.emit.proof import Proof
from oarlock_generator.emit.wording import words_in
from oarlock_generator.evidence import Evidence

LANGUAGES = ("en", "zh")
# Pages that web servers and mkdocs take for a folder's own.
_FOLDER_PAGES = frozenset({"index", "readme"})
_GUIDE = PurePosixPath("../how-it-works.md")
_HOME = PurePosixPath("index.md")
_TERMS = Path("docs/zh/api/.terms.txt")


def render_docs(
    derivations: Sequence[Derivation], context: Context, evidence: Mapping[str, Evidence]
) -> dict[Path, str]:
    """Every generated page, by its path below the repository's root.

    Besides ``docs/<language>/api/**.md`` there are two files that the site build reads:
    ``.figures.md``, which the home page includes, and ``.terms.txt``, jieba's user dictionary.
    """
    records = [Facts(d, evidence.get(d.slug), context) for d in derivations]
    modules: dict[str, list[Facts]] = defaultdict(list)
    for facts in sorted(records, key=lambda facts: facts.slug):
        modules[facts.module].append(facts)
    slugs = {facts.slug for facts in records}
    indexes = {module: _index_path(module, slugs) for module in sorted(modules)}

    outputs: dict[Path, str] = {}
    for language in LANGUAGES:
        folder, words = Path("docs", language, "api"), words_in(language)
        pages = {facts.slug: Page(facts, language) for facts in records}

        def put(path: PurePosixPath, name: str, **values: Any) -> None:
            text = template(name).render(t=words, **values)  # noqa: B023
            outputs[folder / path] = text  # noqa: B023

        for slug, page in pages.items():
            path = page_path(slug)
            index = _between(path, indexes[page.module])
            put(path, "page.md.j2", page=page, index=index, guide=_between(path, _GUIDE))
        for module, index in indexes.items():
            listed = [
                (pages[facts.slug], _between(index, page_path(facts.slug)))
                for facts in modules[module]
            ]
            put(index, "module.md.j2", module=module, pages=listed, home=_between(index, _HOME))
        summed = [(m, _between(_HOME, indexes[m]), Figures(modules[m], language)) for m in indexes]
        figures = Figures(records, language)
        counts = Counter(
            page.category for page in pages.values() if not page.facts.is_draft
        ).most_common()
        put(_HOME, "modules.md.j2", modules=summed, categories=counts)
        put(PurePosixPath(".figures.md"), "figures.md.j2", figures=figures)
    outputs[_TERMS] = "".join(f"{term.use}\n" for term in context.shared.terms)
    return outputs


class Figures:
    """The figures of some records; drafts count nowhere."""

    def __init__(self, records: Sequence[Facts], language: str):
        words = words_in(language)
        records = [facts for facts in records if not facts.is_draft]
        self.records = len(records)
        self.apis = sum(len(facts.apis) for facts in records)
        self.parameters = sum(facts.parameters for facts in records)
        self.examples = sum(facts.proof.examples for facts in records if facts.proof)
        proof = Proof.of(run for facts in records for run in facts.runs)
        self.error = fill(words.error_of_tolerance, ratio=proof.ratio) if proof else NOTHING
        versions = dict.fromkeys(
            f"{package} {version}"
            for facts in records
            for package, version in facts.versions.items()
        )
        self.versions = (
            fill(words.versions, versions=join(versions, words.comma))
            if versions
            else words.not_executed
        )


def page_path(slug: str) -> PurePosixPath:
    """The page of a record, below its language's ``api/``."""
    own_folder = slug.rpartition("/")[2].lower() in _FOLDER_PAGES
    return PurePosixPath(slug, "index.md") if own_folder else PurePosixPath(f"{slug}.md")


def _index_path(module: str, slugs: Set[str]) -> PurePosixPath:
    """A module's index; where the page of a class has that address, one beside it."""
    folder = module.replace(".", "/")
    return PurePosixPath(folder, "module-index.md" if folder in slugs else "index.md")


def _between(page: PurePosixPath, target: PurePosixPath) -> Markdown:
    """The relative link from one page to another."""
    shared = 0
    for ours, theirs in zip(page.parts[:-1], target.parts[:-1], strict=False):
        if ours != theirs:
            break
        shared += 1
    up = [".."] * (len(page.parts) - 1 - shared)
    return Markdown("/".join([*up, *target.parts[shared:]]))


@cache
def template(name: str) -> jinja2.Template:
    """A template of the pages, which escapes what it prints."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("oarlock_generator", "emit/templates"),
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": code, "identifier": identifier}
    return environment


def _printed(value: Any) -> str:
    """What a template prints is text, and escaped, unless it is Markdown already."""
    return value if isinstance(value, Markdown) else prose(str(value))
