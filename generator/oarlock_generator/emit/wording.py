"""The pages' own words around the facts, as templates/words.yaml has them in both languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from oarlock_generator.emit.markdown import Markdown

_FILE = Path(__file__).parent / "templates" / "words.yaml"


class Words:
    """One language's words: each an attribute, and ``treatments`` by their keys."""

    def __init__(self, language: str):
        table = yaml.load(_FILE.read_text("utf-8"), yaml.CSafeLoader)
        treatments = table.pop("treatments")
        self.treatments = {key: Markdown(texts[language]) for key, texts in treatments.items()}
        self.__dict__ |= {key: Markdown(texts[language]) for key, texts in table.items()}

    def __getattr__(self, name: str) -> Markdown:
        raise AttributeError(f"words.yaml has no {name}")


@cache
def words_in(language: str) -> Words:
    """The words of one language."""
    return Words(language)
