"""The guides' own code: every Python block runs on the CPU, every record in YAML loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from oarlock_generator.load import load_text

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [
    ROOT / "README.md",
    *sorted(file for file in (ROOT / "docs").rglob("*.md") if "api" not in file.parts),
]
NAMES = [str(guide.relative_to(ROOT)) for guide in GUIDES]
YAML = re.compile(r"^```yaml\n(apis:.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(guide: Path, start: str) -> int:
    return len(re.findall(rf"^```{start}", guide.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("guide", GUIDES, ids=NAMES)
def test_python_of_a_guide_runs(guide: Path) -> None:
    examples = list(Sybil([PythonCodeBlockParser()]).parse(guide).examples())

    assert len(examples) == blocks(guide, "python")
    for example in examples:
        example.evaluate()


@pytest.mark.parametrize("guide", GUIDES, ids=NAMES)
def test_records_of_a_guide_load(guide: Path) -> None:
    texts = YAML.findall(guide.read_text("utf-8"))

    assert len(texts) == blocks(guide, "yaml\napis:")
    for text in texts:
        load_text(text, guide.relative_to(ROOT))


@pytest.mark.parametrize("guide", [g for g in GUIDES if "zh" in g.parts], ids=lambda g: g.name)
def test_both_languages_show_the_same_code(guide: Path) -> None:
    fence = re.compile(r"^```(?:python|yaml)\n.*?^```", re.MULTILINE | re.DOTALL)
    english = ROOT / "docs" / "en" / guide.name

    assert fence.findall(guide.read_text("utf-8")) == fence.findall(english.read_text("utf-8"))
