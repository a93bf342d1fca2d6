"""The texts written once: categories, treatments, standard parameters, converters, terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from oarlock_generator.load import parse, read_text
from oarlock_generator.model import Model, Prose, Text
from oarlock_generator.problems import Problem, RecordError


class Category(Text):
    """One category; its place in the file is its priority."""

    key: str


class StandardParameter(Text):
    """A parameter that means the same in every API, and how the shim serves it."""

    served: Literal["result", "inplace", "dtype", "refused", "neutral"]


class Converter(Text):
    """What a function of convert.py does, in words."""

    category: Literal["usage", "type"]


class Term(Model):
    """A Chinese term and the spellings it replaces."""

    use: Prose
    instead_of: list[Prose] = Field(default_factory=list)


@dataclass(frozen=True)
class Shared:
    """Everything below ``mappings/_shared``."""

    categories: tuple[Category, ...]
    treatments: Mapping[str, Text]
    parameters: Mapping[str, StandardParameter]
    converters: Mapping[str, Converter]
    terms: tuple[Term, ...]

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """Category key to its priority; the highest that holds is shown."""
        return {category.key: place for place, category in enumerate(self.categories)}

    def category(self, key: str) -> Category:
        """The category called ``key``."""
        return self.categories[self.rank[key]]

    def say(self, treatment: str, values: Mapping[str, Text | str]) -> Text:
        """A treatment's text with its ``{name}`` places filled in, in both languages."""
        template = self.treatments[treatment]
        return Text.model_construct(
            zh=_fill(
                template.zh, {k: v if isinstance(v, str) else v.zh for k, v in values.items()}
            ),
            en=_fill(
                template.en, {k: v if isinstance(v, str) else v.en for k, v in values.items()}
            ),
        )


def _fill(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: values[place[1]], template)


def load_shared(mappings: Path) -> Shared:
    """Read ``mappings/_shared``, or raise RecordError with every fault."""
    folder, problems = mappings / "_shared", []

    def read(name: str, kind: Any) -> Any:
        shown = Path(mappings.name) / "_shared" / f"{name}.yaml"
        try:
            data = parse(read_text(folder / f"{name}.yaml", shown), shown)
            return TypeAdapter(kind).validate_python(data)
        except RecordError as error:
            problems.extend(error.problems)
        except ValidationError as error:
            problems.extend(Problem(shown, e["loc"], e["msg"]) for e in error.errors())

    shared = Shared(
        categories=tuple(read("categories", list[Category]) or ()),
        treatments=read("treatments", dict[str, Text]),
        parameters=read("parameters", dict[str, StandardParameter]),
        converters=read("converters", dict[str, Converter]),
        terms=tuple(read("terms", list[Term]) or ()),
    )
    if problems:
        raise RecordError(problems)
    return shared
