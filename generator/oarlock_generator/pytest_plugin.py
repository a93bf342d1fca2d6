"""The pytest plugin that collects mapping records: every example is a test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from oarlock_generator.examples import check_examples
from oarlock_generator.load import (
    Source,
    is_record,
    line_of,
    load_file,
    load_records,
    record_files,
)
from oarlock_generator.problems import RecordError

MAPPINGS = "mappings"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RecordFile | None:
    """Collect the records below ``mappings/``."""
    mappings = parent.config.rootpath / MAPPINGS
    if not file_path.is_relative_to(mappings) or not is_record(file_path, mappings):
        return None
    return RecordFile.from_parent(parent, path=file_path)


@cache
def known_apis(mappings: Path) -> frozenset[str]:
    """The APIs of every record below ``mappings`` that loads."""
    sources, _ = load_records(record_files(mappings), mappings.parent)
    return frozenset(
        api for source in sources if not source.record.status for api in source.record.apis
    )


class RecordFile(pytest.File):
    """One record; its examples are the tests."""

    def collect(self) -> Iterator[ExampleItem]:
        """Load the record, or report each of its faults with its line."""
        try:
            source = load_file(self.path, self.config.rootpath)
        except RecordError as error:
            raise self.CollectError(str(error)) from None
        if source.record.status:
            return
        if problems := check_examples(source, known_apis(self.config.rootpath / MAPPINGS)):
            raise self.CollectError("\n".join(map(str, problems)))
        for index, example in enumerate(source.record.examples):
            item = ExampleItem.from_parent(self, name=example.id, source=source, index=index)
            item.extra_keyword_matches.update(example.parameter)
            yield item


class DifferenceError(Exception):
    """An example on which the shim differs from the oracle."""


class ExampleItem(pytest.Item):
    """One example, run on all its dtypes."""

    def __init__(self, *, source: Source, index: int, **rest: Any):
        super().__init__(**rest)
        self.source, self.index = source, index

    def runtest(self) -> None:
        """Execute the example on both sides."""
        # Here and not above: collecting two thousand records needs neither framework.
        from oarlock_generator.oracles import ORACLES
        from oarlock_generator.verify import verify_example

        root = self.config.rootpath
        known = known_apis(root / MAPPINGS)
        outcome = verify_example(self.source, self.index, known=known, oracles=root / ORACLES)
        if not outcome.agrees:
            raise DifferenceError(str(outcome))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Report a difference in its own words, anything else with its traceback."""
        if isinstance(excinfo.value, DifferenceError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the example stands."""
        line = line_of(self.source.text, ("examples", self.index))
        return self.path, line - 1, self.name
