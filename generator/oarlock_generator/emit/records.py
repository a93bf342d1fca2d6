"""The same facts as JSON: records.json for the runtime, api/v1/*.json for tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oarlock_generator.derive import Context, Derivation, Route, Row
from oarlock_generator.emit.links import page_url
from oarlock_generator.emit.shim import GENERATED, home, tensors
from oarlock_generator.evidence import Evidence
from oarlock_generator.model import Text

API_FOLDER = Path("docs/en/api/v1")


def render_runtime_records(derivations: Sequence[Derivation], context: Context) -> dict[Path, str]:
    """records.json: what ``oarlock.explain`` and error messages need, one record a line."""
    lines = [
        f"{json.dumps(derivation.slug)}: {json.dumps(_runtime(derivation, context))}"
        for derivation in sorted(derivations, key=lambda d: d.slug)
    ]
    versions = json.dumps({lock.package: lock.version for lock in context.locks.values()})
    body = ",\n".join(lines)
    return {GENERATED / "records.json": f'{{"versions": {versions},\n"records": {{\n{body}\n}}}}\n'}


def _runtime(derivation: Derivation, context: Context) -> dict[str, Any]:
    return {
        "apis": {api.name: home(derivation, api, context) for api in derivation.apis},
        "own": [api.name for api in derivation.apis if api.implementation],
        "category": derivation.category.key,
        "routes": [
            {
                "paddle": route.paddle.name if route.paddle else None,
                "when": route.when.whole(tensors(route.parameters)) if route.when else None,
                "neutral": dict(route.neutral),
                "native_when": (
                    list(route.native_when.code(tensors(route.parameters)))
                    if route.native_when
                    else []
                ),
                "names": {
                    api.name: {row.name: parameter.name for row, parameter in route.own(api)}
                    for api in derivation.apis
                    if route.claims[api.name] and not api.implementation
                },
                "fallback": (
                    {"name": route.spec.fallback.name, "module": route.fallback_module}
                    if route.spec.fallback
                    else None
                ),
                "parameters": {
                    row.torch.name: {
                        "treatment": row.treatment.key if row.treatment else None,
                        "paddle": [p.name for p in row.paddle],
                        "default": row.torch.default,
                    }
                    for row in route.parameters
                    if row.torch
                },
            }
            for route in derivation.routes
        ],
    }


def render_api(
    derivations: Sequence[Derivation], context: Context, evidence: Mapping[str, Evidence]
) -> dict[Path, str]:
    """api/v1: an index of every API name, and one file per record with all that its page says."""
    index = {
        api.name: {
            "record": f"{derivation.slug}.json",
            "category": derivation.category.key,
            "status": derivation.record.status or "verified",
        }
        for derivation in derivations
        for api in derivation.apis
    }
    versions = {lock.package: lock.version for lock in context.locks.values()}
    outputs = {API_FOLDER / "index.json": _dump({"versions": versions, "apis": index})}
    for derivation in derivations:
        facts = record_facts(derivation, evidence.get(derivation.slug))
        outputs[API_FOLDER / f"{derivation.slug}.json"] = _dump(facts)
    return outputs


def record_facts(derivation: Derivation, evidence: Evidence | None) -> dict[str, Any]:
    """Everything derived from one record, as plain values."""
    runs = evidence.current(derivation.record.examples) if evidence else ()
    return {
        "page": page_url(derivation),
        "source": derivation.source.path.as_posix(),
        "status": derivation.record.status or "verified",
        "apis": [
            {
                "name": api.name,
                "kind": api.entry.kind,
                "source": api.url,
                "signatures": [str(s) for s in api.entry.overloads],
            }
            for api in derivation.apis
        ],
        "category": {
            "key": derivation.category.key,
            "zh": derivation.category.zh,
            "en": derivation.category.en,
        },
        "summary": _text(derivation.record.summary),
        "routes": [_route(route) for route in derivation.routes],
        "notes": [_text(note) for note in derivation.record.notes],
        "examples": [
            {"id": e.id, "parameters": list(e.parameter), "title": _text(e.title), "call": e.call}
            for e in derivation.record.examples
        ],
        "evidence": {
            "versions": dict(evidence.versions) if evidence else {},
            "runs": [
                {
                    "example": r.example,
                    "device": r.device,
                    "dtype": r.dtype,
                    "route": r.route,
                    "error": r.error,
                    "tolerance": r.tolerance,
                }
                for r in runs
            ],
        },
    }


def _route(route: Route) -> dict[str, Any]:
    return {
        "paddle": route.paddle.name if route.paddle else None,
        "paddle_source": route.paddle_url,
        "category": route.category.key,
        "when": route.when.source if route.when else None,
        "native_when": route.native_when.source if route.native_when else None,
        "fallback": route.spec.fallback.name if route.spec.fallback else None,
        "result": _text(route.spec.result),
        "rows": [_row(row) for row in route.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "torch": row.torch.name if row.torch else None,
        "paddle": [p.name for p in row.paddle],
        "treatment": row.treatment.key if row.treatment else "paddle_only",
        "torch_default": row.torch.default if row.torch else None,
        "paddle_defaults": [p.default for p in row.paddle],
        "served": _text(row.served),
        "differs": _text(row.differs),
        "remarks": [_text(remark) for remark in row.remarks],
        "examples": list(row.examples),
    }


def _text(text: Text | None) -> dict[str, str] | None:
    return {"zh": text.zh, "en": text.en} if text else None


def _dump(facts: Any) -> str:
    # On one line: json writes indented text ten times slower.
    return json.dumps(facts, ensure_ascii=False) + "\n"
