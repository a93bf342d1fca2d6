"""Finding a record's texts in its file, for rules about wording."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from oarlock_generator.load import Loader, Source
from oarlock_generator.problems import FieldPath


def texts(source: Source, language: str) -> Iterator[tuple[FieldPath, yaml.ScalarNode]]:
    """Every text of one language, with its place."""

    def walk(
        node: yaml.Node | None, where: FieldPath
    ) -> Iterator[tuple[FieldPath, yaml.ScalarNode]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*where, key.value)
                if key.value == language and isinstance(value, yaml.ScalarNode):
                    yield here, value
                yield from walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                yield from walk(value, (*where, index))

    yield from walk(yaml.compose(source.text, Loader=Loader), ())
