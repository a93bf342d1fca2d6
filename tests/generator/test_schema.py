"""The schema that editors use knows every field of a record, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from oarlock_generator.emit.schema import SCHEMA, render_schema
from oarlock_generator.load import record_files
from oarlock_generator.project import Project


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(render_schema()[SCHEMA])


def unknown(node: Any, rule: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """Places of a YAML value that no branch of the schema has a field for."""
    if not isinstance(rule, dict):
        return []
    if reference := rule.get("$ref"):
        return unknown(node, schema["$defs"][reference.rpartition("/")[2]], schema, where)
    if branches := rule.get("anyOf") or rule.get("oneOf"):
        faults = [unknown(node, branch, schema, where) for branch in branches]
        return min(faults, key=lambda found: (f"{where} is no" in " ".join(found), len(found)))
    kind = {dict: "object", list: "array", str: "string"}.get(type(node))
    if kind and rule.get("type", kind) != kind:
        return [f"{where} is no {rule['type']}"]
    if isinstance(node, list):
        places = enumerate(node)
        return [
            u for i, v in places for u in unknown(v, rule.get("items"), schema, f"{where}[{i}]")
        ]
    if not isinstance(node, dict):
        return []
    found = [f"{where} lacks {name}" for name in rule.get("required", ()) if name not in node]
    for name, value in node.items():
        known = rule.get("properties", {}).get(name, rule.get("additionalProperties", True))
        if known is False:
            found.append(f"{where}.{name}")
        found += unknown(value, known, schema, f"{where}.{name}")
    return found


def load(text: str) -> Any:
    return yaml.load(text, yaml.CSafeLoader)


def test_it_knows_every_field_of_the_real_records(
    checkout: Project, schema: dict[str, Any]
) -> None:
    files = record_files(checkout.mappings)
    files += record_files(checkout.root / "tests/mappings/samples")
    assert len(files) >= 8
    for file in files:
        assert unknown(load(file.read_text("utf-8")), schema, schema) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("apis: {torch.add: {}}\npadle: x", ".padle"),
        ("apis: {torch.add: {nota: {zh: a, en: b}}}", ".apis.torch.add.nota"),
        ("apis: {torch.add: {}}\nparameters: {a: {tret: same}}", ".parameters.a.tret"),
        ("apis: {torch.add: {}}\noverloads: [{matches: [a]}]", ".overloads[0].matches"),
        ("apis: {torch.add: {}}\nsummary: {zh: a, en: b, fr: c}", ".summary.fr"),
        ("apis: {torch.add: {}}\nsummary: {zh: a}", ".summary lacks en"),
        ("paddle: x", " lacks apis"),
    ],
)
def test_it_knows_no_others(schema: dict[str, Any], text: str, place: str) -> None:
    assert place in unknown(load(text), schema, schema)


def test_it_has_the_short_forms(schema: dict[str, Any]) -> None:
    text = """
apis: {torch.add: {}}
parameters: {a: b, c: fallback, d: {to: e}, f: {to: [g, h]}}
paddle_only: [x, y]
examples: [{parameter: a, title: {zh: a, en: b}, inputs: {a: {normal: [2]}}, call: f(a)}]
"""
    assert unknown(load(text), schema, schema) == []


def test_editors_bind_it_to_every_record(checkout: Project) -> None:
    settings = json.loads((checkout.root / ".vscode/settings.json").read_text("utf-8"))
    ((path, globs),) = settings["yaml.schemas"].items()
    assert (checkout.root / path).resolve() == checkout.root / SCHEMA
    assert "mappings/*/**/*.yaml" in globs


def test_the_committed_schema_is_what_the_model_makes(checkout: Project) -> None:
    ((path, text),) = render_schema().items()
    assert (checkout.root / path).read_text("utf-8") == text
