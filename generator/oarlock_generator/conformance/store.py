"""Outcomes kept: of a run that goes on where it was cut off, and as evidence in the checkout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oarlock_generator.conformance.databases import DATABASES, Subject
from oarlock_generator.conformance.outcome import Outcome
from oarlock_generator.emit.files import write_text
from oarlock_generator.evidence import EVIDENCE_FOLDER
from oarlock_generator.executed import RUNTIME

_CACHE = Path(".cache/conformance")
_FOLDER = "_conformance"
# So many states of the code keep their journal.
_KEPT = 4
# What decides besides the runtime: the runner and the judge it shares with records.
_RUNNER = Path(__file__).parent


def code_digest(root: Path, versions: Mapping[str, str]) -> str:
    """A short hash of the runtime, the runner and the frameworks' versions.

    Args:
        root: the checkout.
        versions: the frameworks that run.
    """
    digest = hashlib.sha256(json.dumps(dict(versions), sort_keys=True).encode())
    files = [*(root / RUNTIME).rglob("*.py"), *_RUNNER.glob("*.py"), _RUNNER.parent / "compare.py"]
    for file in sorted(files):
        text = file.read_text("utf-8")
        digest.update(f"{file.name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()[:16]


class Journal:
    """Outcomes of this code so far, one a line, written as each is finished.

    Args:
        root: the checkout.
        digest: of the code.
    """

    def __init__(self, root: Path, digest: str):
        self.file = root / _CACHE / f"{digest}.jsonl"

    def read(self) -> dict[tuple[str, str], Outcome]:
        """What is there; a line that a killed run left unfinished is none."""
        found = {}
        try:
            lines = self.file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return {}
        for line in lines:
            try:
                facts = json.loads(line)
            except ValueError:
                continue
            outcome = _outcome(facts["name"], facts)
            found[facts["database"], outcome.name] = outcome
        return found

    def add(self, database: str, outcome: Outcome) -> None:
        """Keep one outcome."""
        if not self.file.exists():
            self._make_room()
        facts = {"database": database, "name": outcome.name, **_facts(outcome)}
        with open(self.file, "a", encoding="utf-8") as stream:
            stream.write(f"{json.dumps(facts)}\n")

    def _make_room(self) -> None:
        """Drop the oldest journals, which are of code that is gone."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        journals = sorted(self.file.parent.glob("*.jsonl"), key=lambda file: file.stat().st_mtime)
        for file in journals[: -_KEPT + 1]:
            file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget what is there."""
        self.file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Published:
    """The evidence of one database.

    Args:
        versions: the frameworks that ran.
        executed: digest of the code; empty where outcomes are of several.
        outcomes: by name.
        operators: the operator of each name that is a variant.
    """

    versions: Mapping[str, str]
    executed: str
    outcomes: Mapping[str, Outcome]
    operators: Mapping[str, str]


def evidence_file(mappings: Path, database: str) -> Path:
    """Where a database's evidence is kept."""
    return mappings / EVIDENCE_FOLDER / _FOLDER / f"{database}.json"


def load_published(mappings: Path) -> dict[str, Published]:
    """The evidence by database, as far as there is some."""
    return {
        database: published
        for database in DATABASES
        if (published := _load(evidence_file(mappings, database)))
    }


def publish(
    mappings: Path,
    outcomes: Mapping[tuple[str, str], Outcome],
    subjects: Iterable[Subject],
    versions: Mapping[str, str],
    executed: str,
) -> None:
    """Write outcomes into the evidence; what others have there stays, while torch has the name.

    Args:
        mappings: the folder of records.
        outcomes: what was run, by database and name.
        subjects: all that count.
        versions: the frameworks that ran.
        executed: digest of the code.
    """
    subjects = list(subjects)
    for database in {database for database, _ in outcomes}:
        file = evidence_file(mappings, database)
        before = _load(file)
        lines, is_old = [], False
        for subject in sorted(
            (s for s in subjects if s.database == database), key=lambda s: s.name
        ):
            outcome = outcomes.get((database, subject.name))
            if outcome is None and before and subject.name in before.outcomes:
                outcome = before.outcomes[subject.name]
                is_old = is_old or (before.executed, dict(before.versions)) != (executed, versions)
            if outcome is not None:
                variant = {"of": subject.operator} if subject.operator != subject.name else {}
                facts = json.dumps({**variant, **_facts(outcome)}, ensure_ascii=False)
                lines.append(f"{json.dumps(subject.name)}: {facts}")
        head = {"versions": dict(versions), "executed": "" if is_old else executed}
        top = "".join(f'  "{name}": {json.dumps(fact)},\n' for name, fact in head.items())
        body = ",\n    ".join(lines)
        write_text(file, f'{{\n{top}  "subjects": {{\n    {body}\n  }}\n}}\n')


def _load(file: Path) -> Published | None:
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    subjects: dict[str, Any] = data["subjects"]
    return Published(
        data["versions"],
        data["executed"],
        {name: _outcome(name, facts) for name, facts in subjects.items()},
        {name: facts["of"] for name, facts in subjects.items() if "of" in facts},
    )


def _facts(outcome: Outcome) -> dict[str, Any]:
    facts: dict[str, Any] = {"samples": dict(outcome.samples)}
    if not outcome.whole:
        facts |= {"passed": dict(outcome.passed), "faults": list(outcome.faults)}
    return facts


def _outcome(name: str, facts: Mapping[str, Any]) -> Outcome:
    passed = facts.get("passed", facts["samples"])
    return Outcome(name, facts["samples"], passed, tuple(facts.get("faults", ())))
