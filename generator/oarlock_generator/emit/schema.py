"""JSON Schema of a record, for editors."""

from __future__ import annotations

import json
from pathlib import Path

from oarlock_generator.model import Record

SCHEMA = Path("schemas/record.schema.json")


def render_schema() -> dict[Path, str]:
    """The schema that .vscode/settings.json binds to mappings/**/*.yaml."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Record.model_json_schema(),
    }
    return {SCHEMA: json.dumps(schema, indent=2) + "\n"}
