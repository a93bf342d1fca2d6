"""A fixed tenth of torch's own test databases, run on Oarlock: what fails is known, and why."""

from __future__ import annotations

from pathlib import Path

from oarlock_generator.conformance.databases import every_subject, tenth
from oarlock_generator.conformance.expected import load_reviewed
from oarlock_generator.conformance.running import run_subjects
from oarlock_generator.conformance.store import load_published

MAPPINGS = Path(__file__).parents[2] / "mappings"


def test_a_tenth_of_torchs_databases_does_as_expected() -> None:
    reviewed = load_reviewed(MAPPINGS)
    everything = every_subject()
    counted = [s for s in everything if (s.database, s.name) not in reviewed.excluded]
    outcomes = run_subjects(tenth(counted), None, undefined=reviewed.undefined, workers=2)
    assert len(outcomes) > len(everything) // 10
    assert reviewed.faults((database, o) for (database, _), o in outcomes.items()) == []


def test_the_lists_are_of_what_torch_has_and_of_the_evidence() -> None:
    reviewed = load_reviewed(MAPPINGS)
    assert reviewed.unknown(every_subject()) == []
    published = load_published(MAPPINGS)
    failing = {
        (database, name)
        for database, evidence in published.items()
        for name, outcome in evidence.outcomes.items()
        if not outcome.whole and (database, name) not in reviewed.excluded
    }
    assert failing == set(reviewed.failures)
