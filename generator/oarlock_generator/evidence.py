"""What was executed: one JSON file per record below mappings/_evidence, read by pages and checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from oarlock_generator.model import Example

EVIDENCE_FOLDER = "_evidence"


@dataclass(frozen=True)
class Run:
    """One example executed on one dtype: the worst place, its error and its tolerance."""

    example: str
    parameters: tuple[str, ...]
    digest: str
    device: str
    dtype: str
    route: str
    compared: str
    error: float
    tolerance: float


@dataclass(frozen=True)
class Evidence:
    """Everything that was executed for one record, on which versions, and against what.

    Args:
        versions: the frameworks that ran.
        runs: what agreed.
        oracle: what said how it should be: "torch", or the file that stands for a package that
            can't run here, relative to the checkout; empty where a file does not say.
        executed: digest of the code that computed; empty where a file does not say.
    """

    versions: Mapping[str, str]
    runs: tuple[Run, ...]
    oracle: str = ""
    executed: str = ""

    def current(self, examples: tuple[Example, ...] | list[Example]) -> tuple[Run, ...]:
        """The runs whose example still reads as it did when it was executed."""
        digests = {example.id: digest(example) for example in examples}
        return tuple(run for run in self.runs if digests.get(run.example) == run.digest)


def digest(example: Example) -> str:
    """A short hash of all that decides what an example executes; its title does not."""
    facts = example.model_dump(exclude={"title"}, mode="json")
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def evidence_file(mappings: Path, slug: str) -> Path:
    """Where a record's evidence is kept."""
    return mappings / EVIDENCE_FOLDER / f"{slug}.json"


def load_evidence(mappings: Path, slug: str) -> Evidence | None:
    """Read a record's evidence; None where nothing was executed."""
    try:
        data = json.loads(evidence_file(mappings, slug).read_text("utf-8"))
    except FileNotFoundError:
        return None
    runs = (Run(**{**run, "parameters": tuple(run["parameters"])}) for run in data["runs"])
    return Evidence(data["versions"], tuple(runs), data.get("oracle", ""), data.get("executed", ""))


def evidence_text(evidence: Evidence) -> str:
    """The file's text: one run a line, so that a change reads as a change in facts."""
    runs = ",\n    ".join(json.dumps(asdict(run)) for run in evidence.runs)
    facts = {
        "versions": dict(evidence.versions),
        "oracle": evidence.oracle,
        "executed": evidence.executed,
    }
    lines = "".join(f'  "{name}": {json.dumps(fact)},\n' for name, fact in facts.items())
    return f'{{\n{lines}  "runs": [\n    {runs}\n  ]\n}}\n'
