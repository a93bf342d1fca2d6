"""The generated pages: every fact is there, every link leads somewhere, every text is only text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import markdown
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mkdocs.config import load_config
from pydantic import TypeAdapter, ValidationError

from oarlock.errors import DOCS
from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.emit.docs import render_docs
from oarlock_generator.emit.markdown import Markdown, code, fenced, prose
from oarlock_generator.evidence import Evidence
from oarlock_generator.load import Source, load_text
from oarlock_generator.model import Prose, Text
from oarlock_generator.project import Project

LANGUAGES = ("en", "zh")
FLASH_ATTN = PurePosixPath("flash_attn/flash_attn_func.md")
# PyTorch's parameters beside Paddle's, as the page of Paddle's own documentation pairs them.
PAIRS = [
    ("q", "query"),
    ("k", "key"),
    ("v", "value"),
    ("dropout_p", "dropout"),
    ("softmax_scale", "softmax_scale"),
    ("causal", "causal"),
    ("window_size", "–"),
    ("softcap", "–"),
    ("alibi_slopes", "–"),
    ("deterministic", "–"),
    ("return_attn_probs", "return_softmax"),
    ("–", "fixed_seed_offset"),
    ("–", "rng_name"),
    ("–", "training"),
]


class Reader(HTMLParser):
    """Tables as rows of cell texts, ids, links, and every tag with its attributes."""

    def __init__(self, html: str):
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside = False
        self.feed(html)
        self.close()
        self.tables = [[[cell.strip() for cell in row] for row in t] for t in self.tables]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(str(attributes["id"]))
        if "href" in attributes:
            self.links.append(str(attributes["href"]))
        match tag:
            case "table":
                self.tables.append([])
            case "tr":
                self.tables[-1].append([])
            case "td" | "th":
                self.tables[-1][-1].append("")
                self.inside = True
            case "br":
                self.handle_data("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.inside:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="session")
def to_html(checkout: Project) -> Any:
    """Markdown to a Reader, with the extensions that the site uses."""
    config = load_config(str(checkout.root / "mkdocs.yml"))
    extensions = [e for e in config.markdown_extensions if e != "pymdownx.snippets"]

    def convert(text: str) -> Reader:
        body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
        return Reader(
            markdown.markdown(body, extensions=extensions, extension_configs=config.mdx_configs)
        )

    return convert


def page(pages: Mapping[Path, str], language: str, path: PurePosixPath = FLASH_ATTN) -> str:
    return pages[Path("docs", language, "api", path)]


def render(context: Context, source: Source, evidence: Evidence | None = None) -> dict[Path, str]:
    derivation = derive(source, context)
    return render_docs([derivation], context, {derivation.slug: evidence} if evidence else {})


def written(path: str, text: str) -> Source:
    return Source(Path(path), text, load_text(text, Path(path)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_table_has_every_row_of_paddles_own_page(
    pages: dict[Path, str], to_html: Any, language: str
) -> None:
    head, *rows = to_html(page(pages, language)).tables[0]

    assert len(head) == 4
    assert [(row[0], re.split(r"[ （]", row[1])[0]) for row in rows] == PAIRS
    assert all(all(row) for row in rows)


def test_nearest_is_told_from_passed(pages: dict[Path, str], to_html: Any) -> None:
    rows = {row[0]: row for row in to_html(page(pages, "en")).tables[0]}

    assert rows["return_attn_probs"][1] == "return_softmax (nearest, not passed)"
    assert rows["dropout_p"][1] == "dropout"


@pytest.mark.parametrize("language", LANGUAGES)
def test_category_is_that_of_paddles_documentation(
    pages: dict[Path, str], to_html: Any, language: str
) -> None:
    assert "[torch 参数更多]" in to_html(page(pages, language)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_parameter_and_name_has_an_anchor(
    pages: dict[Path, str], to_html: Any, derivations: list[Derivation], language: str
) -> None:
    for derivation in derivations:
        reader = to_html(page(pages, language, PurePosixPath(f"{derivation.slug}.md")))
        parameters = {row.name for route in derivation.routes for row in route.parameters}

        assert len(reader.ids) == len(set(reader.ids))
        assert parameters | {api.name for api in derivation.apis} <= set(reader.ids)


def test_ids_are_unique_where_overloads_share_parameters(
    checkout: Project, context: Context, to_html: Any
) -> None:
    for file in sorted((checkout.root / "tests/mappings/samples").rglob("*.yaml")):
        path = Path("mappings", file.relative_to(checkout.root / "tests/mappings/samples"))
        outputs = render(context, written(str(path), file.read_text("utf-8")))
        for language in LANGUAGES:
            slug = path.relative_to("mappings").with_suffix(".md")
            reader = to_html(page(outputs, language, PurePosixPath(slug)))

            assert len(reader.ids) == len(set(reader.ids)), slug
            assert all(len({len(row) for row in table}) == 1 for table in reader.tables), slug


def test_both_languages_have_the_same_pages_and_anchors(
    pages: dict[Path, str], to_html: Any
) -> None:
    paths = {
        language: {p.relative_to(f"docs/{language}") for p in pages if p.parts[1] == language}
        for language in LANGUAGES
    }
    assert paths["en"] == paths["zh"] - {Path("api/.terms.txt")}
    for path in paths["en"]:
        english, chinese = (to_html(pages[Path("docs", lang, path)]) for lang in LANGUAGES)
        assert [i for i in english.ids if "tabbed" not in i] == [
            i for i in chinese.ids if "tabbed" not in i
        ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_source_links_lead_to_lines_of_the_locked_versions(
    pages: dict[Path, str], to_html: Any, language: str
) -> None:
    links = to_html(page(pages, language)).links

    assert any(
        re.fullmatch(r"https://github\.com/Dao-AILab/flash-attention/blob/v2\.8\.3/.*#L\d+", link)
        for link in links
    )
    assert any(
        re.fullmatch(r"https://github\.com/PaddlePaddle/Paddle/blob/v3\.3\.1/.*#L\d+", link)
        for link in links
    )


def test_every_parameter_says_what_was_executed(
    pages: dict[Path, str], to_html: Any, derivations: list[Derivation]
) -> None:
    rows = to_html(page(pages, "en")).tables[0][1:]

    for name, _, _, executed in rows:
        if name != "–":
            assert re.match(r"✓ \d+ examples?; largest error: \w+ \S+", executed), name


def test_a_page_without_evidence_says_so(
    context: Context, derivations: list[Derivation], to_html: Any
) -> None:
    outputs = render(context, derivations[0].source)

    rows = to_html(page(outputs, "en")).tables[0][1:]
    assert {row[3] for row in rows} == {"not executed yet", "–"}
    assert "尚未执行" in page(outputs, "zh")
    assert "✓" not in page(outputs, "en")


def test_evidence_of_an_example_that_was_edited_counts_as_none(
    checkout: Project, context: Context, derivations: list[Derivation], to_html: Any
) -> None:
    source = derivations[0].source
    evidence = checkout.evidence(derivations)[derivations[0].slug]
    edited = [
        example.model_copy(update={"call": example.call.replace("q, k, v", "k, k, v")})
        for example in source.record.examples
    ]
    record = source.record.model_copy(update={"examples": edited})

    outputs = render(context, replace(source, record=record), evidence)
    assert "✓" not in page(outputs, "en")


def test_an_error_beyond_its_tolerance_is_shown_as_such(
    checkout: Project, context: Context, derivations: list[Derivation], to_html: Any
) -> None:
    evidence = checkout.evidence(derivations)[derivations[0].slug]
    runs = tuple(
        replace(run, error=1.0) if run.example == "softcap" else run for run in evidence.runs
    )

    outputs = render(context, derivations[0].source, replace(evidence, runs=runs))
    rows = {row[0]: row[3] for row in to_html(page(outputs, "en")).tables[0]}
    assert rows["softcap"].startswith("✗")
    assert rows["causal"].startswith("✓")


def test_defaults_that_differ_are_said(context: Context, to_html: Any) -> None:
    text = "\n".join(
        [
            "apis: {torch.nn.functional.softplus: {}}",
            "paddle: paddle.nn.functional.log_softmax",
            "parameters:",
            "  input: x",
            "  beta: axis",
            "  threshold: dtype",
        ]
    )
    outputs = render(context, written("mappings/torch/nn/functional/softplus.yaml", text))
    path = PurePosixPath("torch/nn/functional/softplus.md")

    rows = {row[0]: row[2] for row in to_html(page(outputs, "en", path)).tables[0]}
    assert "The defaults differ: 1 in PyTorch, -1 in Paddle" in rows["beta"]


def test_module_and_figures_count_what_there_is(
    pages: dict[Path, str], to_html: Any, derivations: list[Derivation]
) -> None:
    names = sum(len(derivation.apis) for derivation in derivations)
    total = to_html(page(pages, "en", PurePosixPath(".figures.md"))).tables[0][1]
    modules = to_html(page(pages, "en", PurePosixPath("index.md"))).tables[0][1:]

    assert [int(cell) for cell in total[:2]] == [len(derivations), names]
    assert sum(int(row[1]) for row in modules) == len(derivations)
    assert sum(int(row[2]) for row in modules) == names


def test_what_was_not_executed_is_said(
    checkout: Project, context: Context, derivations: list[Derivation]
) -> None:
    source = derivations[0].source
    evidence = checkout.evidence(derivations)[derivations[0].slug]
    on_native = replace(evidence, runs=tuple(replace(r, route="native") for r in evidence.runs))
    oracle = "tests/oracles/flash_attn.py"
    outputs = render(context, source, replace(evidence, oracle=oracle))
    assert f"flash_attn itself was not run: the oracle is `{oracle}`." in page(outputs, "en")
    assert f"flash_attn 本身没有运行，参照实现为 `{oracle}`。" in page(outputs, "zh")
    itself = render(context, source, replace(evidence, oracle="flash_attn"))
    assert "The oracle is flash_attn itself." in page(itself, "en")
    for language, route, notes in (
        (
            "en",
            "No example has been executed on this route yet.",
            "Notes on GPU and CUDA behaviour",
        ),
        ("zh", "尚无示例在该路径上执行过。", "有关 GPU 与 CUDA 行为的说明"),
    ):
        assert page(outputs, language).count(route) == 1
        assert page(outputs, language).count(notes) == 1
        record = source.record.model_copy(update={"notes": []})
        without = render(context, replace(source, record=record), on_native)
        assert route not in page(without, language)
        assert notes not in page(without, language)


def test_the_site_lies_where_links_lead(checkout: Project) -> None:
    assert load_config(str(checkout.root / "mkdocs.yml")).site_url == DOCS
    assert load_config(str(checkout.root / "mkdocs.zh.yml")).site_url == f"{DOCS}zh/"


def test_every_package_is_in_nav(checkout: Project, pages: dict[Path, str]) -> None:
    packages = {path.parts[3] for path in pages if len(path.parts) > 4}
    for name in ("mkdocs.yml", "mkdocs.zh.yml"):
        text = (checkout.root / name).read_text("utf-8")
        for package in packages:
            assert f"api/{package}/index.md" in text, f"add api/{package}/index.md to nav of {name}"


@pytest.mark.parametrize(
    ("slugs", "expected"),
    [
        (["torch/Tensor", "torch/Tensor/add"], "torch/Tensor/module-index.md"),
        (["torch/Size/index"], "torch/Size/index/index.md"),
    ],
)
def test_pages_that_share_an_address_are_kept_apart(
    context: Context, derivations: list[Derivation], slugs: list[str], expected: str
) -> None:
    outputs = render_docs([replace(derivations[0], slug=slug) for slug in slugs], context, {})

    assert Path("docs/en/api", expected) in outputs
    addresses = [
        str(path.parent if path.stem == "index" else path.with_suffix(""))
        for path in outputs
        if path.parts[1] == "en"
    ]
    assert len(addresses) == len(set(addresses))


HOSTILE = [
    "a | b",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click][1]",
    "![pixel](https://example.com/p.png)",
    "<https://example.com>",
    "{{ config.site_name }} {% raw %}",
    "{: #window_size onclick=alert(1) }",
    '`x`{ onclick="alert(1)" }',
    "&lt;b&gt; &#60;script&#62;",
    '--8<-- "docs/en/index.md"',
    "::: oarlock.explain",
    "!!! danger",
    '=== "tab"',
    "1. one",
    "# heading",
    "- item",
    "> quote",
    "| --- | --- |",
    "***bold*** __init__ _x_ a_b_c",
    "\\| \\` \\[",
    "`open | pipe` and ` alone",
    "`</code><script>`",
    "*[HTML]: no",
    "[^1]: no",
    "///",
    "~~~",
    "---",
]
remarks = st.one_of(
    st.sampled_from(HOSTILE),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3).map(" ".join),
    st.text(min_size=1, max_size=60),
    st.text(alphabet="`|\\<>[](){}*_#&!-=~:.'\"$^ 1ax中/", min_size=1, max_size=40),
)


def plain(text: str) -> str:
    """How a remark must read: backticks around code are gone, the rest is as it was typed."""
    text = " ".join(text.split())
    return re.sub(r"`([^`]+)`", lambda found: found[1], text)


@settings(max_examples=300, deadline=None)
@given(text=remarks)
def test_a_remark_is_nothing_but_its_text(to_html: Any, text: str) -> None:
    try:
        text = TypeAdapter(Prose).validate_python(text)
    except ValidationError:
        return
    said = prose(text)
    reader = to_html(
        f"| a | b |\n| --- | --- |\n| {said} | {said} |\n\n- {said}\n\n## {said} {{ #x }}\n"
    )

    assert [len(row) for row in reader.tables[0]] == [2, 2]
    allowed = {"table", "thead", "tbody", "tr", "th", "td", "ul", "li", "h2", "code", "a"}
    assert {tag for tag, _ in reader.tags} <= allowed
    assert reader.ids == ["x"]
    assert reader.links == ["#x"]
    for cell in reader.tables[0][1]:
        assert " ".join(cell.split()) == " ".join(plain(text).split())


@given(text=st.text(max_size=200) | st.lists(st.sampled_from(HOSTILE), max_size=4).map("\n".join))
@settings(max_examples=150, deadline=None)
def test_code_stays_in_its_block(to_html: Any, text: str) -> None:
    block = fenced(f"x = 1\n{text}\ny = 2", indent=4)
    reader = to_html(f'=== "One"\n\n{block}\n\nAfter.\n')

    tags = [tag for tag, _ in reader.tags]
    assert tags.count("pre") == 1
    assert "script" not in tags
    assert "img" not in tags
    assert reader.text.rstrip().endswith("After.")


def test_inclusion_in_code_is_shown_and_not_followed(site: Path, checkout: Project) -> None:
    config = load_config(str(checkout.root / "mkdocs.yml"))
    html = markdown.markdown(
        fenced('--8<-- "pyproject.toml"'),
        extensions=config.markdown_extensions,
        extension_configs=config.mdx_configs,
    )
    assert "pyproject.toml" in Reader(html).text
    assert "hatchling" not in html


def test_what_a_template_prints_is_escaped_unless_it_is_markdown() -> None:
    assert prose(Markdown("**kept**")) == "**kept**"
    assert prose("**text**") == "&#42;&#42;text&#42;&#42;"
    assert code("a|b") == "<code>a&#124;b</code>"
    assert code("a_b") == "`a_b`"


def test_hostile_record_is_harmless_on_its_pages(
    context: Context, derivations: list[Derivation], to_html: Any
) -> None:
    source = derivations[0].source
    notes = [Text(zh=text, en=text) for text in HOSTILE]
    example = source.record.examples[0].model_copy(update={"title": notes[1]})
    parameters = {
        name: spec.model_copy(update={"note": notes[place]})
        for place, (name, spec) in enumerate(source.record.parameters.items())
    }
    changed = {"notes": notes, "summary": notes[3], "examples": [example], "parameters": parameters}
    outputs = render(context, replace(source, record=source.record.model_copy(update=changed)))

    for language in LANGUAGES:
        reader = to_html(page(outputs, language))
        assert [row[0] for row in reader.tables[0][1:]] == [ours for ours, _ in PAIRS]
        assert len(reader.tables) == 1
        assert not {"script", "img", "blockquote"} & {tag for tag, _ in reader.tags}
        assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
        assert not any("javascript" in link or "example.com" in link for link in reader.links)
