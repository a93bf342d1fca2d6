"""The JSON that the runtime and tools read says what the record says, and nothing about its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oarlock_generator.derive import Derivation
from oarlock_generator.emit.records import render_api, render_runtime_records
from oarlock_generator.project import Project


@pytest.fixture(scope="module")
def derivations(checkout: Project) -> list[Derivation]:
    return checkout.derive_all()


@pytest.fixture(scope="module")
def api(checkout: Project, derivations: list[Derivation]) -> dict[str, Any]:
    outputs = render_api(derivations, checkout.context, checkout.evidence(derivations))
    folder = Path("docs/en/api/v1")
    return {path.relative_to(folder).as_posix(): json.loads(t) for path, t in outputs.items()}


def test_the_runtime_gets_routes_and_conditions(
    checkout: Project, derivations: list[Derivation]
) -> None:
    ((path, text),) = render_runtime_records(derivations, checkout.context).items()
    assert path == Path("runtime/oarlock/_generated/records.json")
    data = json.loads(text)
    assert data["versions"] == {"flash_attn": "2.8.3", "paddle": "3.3.1", "torch": "2.13.0"}
    record = data["records"]["flash_attn/flash_attn_func"]
    home = "oarlock._generated.flash_attn.flash_attn_func:flash_attn_func"
    assert set(record["apis"].values()) == {home}
    assert record["own"] == []
    assert record["category"] == "torch_more"
    (route,) = record["routes"]
    assert route["paddle"] == "paddle.nn.functional.flash_attention.flash_attention"
    assert route["fallback"] == {"name": "attention", "module": "oarlock.kernels.attention"}
    assert route["neutral"]["window_size"] == "window_size == (-1, -1)"
    plain = "plain(q), plain(k), plain(v)"
    assert f"paddle_flash_attention_is_exact({plain}, causal, dropout_p)" in route["native_when"]
    assert len(route["parameters"]) == 11
    assert route["parameters"]["dropout_p"] == {
        "treatment": "rename",
        "paddle": ["dropout"],
        "default": "0.0",
    }


def test_one_record_is_one_line(checkout: Project, derivations: list[Derivation]) -> None:
    (text,) = render_runtime_records(derivations, checkout.context).values()
    assert len(text.splitlines()) == len(derivations) + 3


def test_the_index_has_every_name(api: dict[str, Any]) -> None:
    entry = {
        "record": "flash_attn/flash_attn_func.json",
        "category": "torch_more",
        "status": "verified",
    }
    names = ("flash_attn.flash_attn_func", "flash_attn.flash_attn_interface.flash_attn_func")
    for name in names:
        assert api["index.json"]["apis"][name] == entry
    for entry in api["index.json"]["apis"].values():
        assert entry["record"] in api


def test_tools_get_all_that_the_page_says(api: dict[str, Any]) -> None:
    facts = api["flash_attn/flash_attn_func.json"]
    assert facts["source"] == "mappings/flash_attn/flash_attn_func.yaml"
    assert facts["category"] == {
        "key": "torch_more",
        "zh": "torch 参数更多",
        "en": "PyTorch has more parameters",
    }
    (route,) = facts["routes"]
    rows = {row["torch"] or row["paddle"][0]: row for row in route["rows"]}
    assert len(rows) == 14
    assert rows["softcap"]["treatment"] == "fallback"
    assert rows["softcap"]["remarks"][0]["zh"].startswith("大于 0 时")
    assert rows["training"]["treatment"] == "paddle_only"
    assert rows["training"]["paddle_defaults"] == ["True"]
    examples = {example["id"] for example in facts["examples"]}
    for row in rows.values():
        assert set(row["examples"]) <= examples
