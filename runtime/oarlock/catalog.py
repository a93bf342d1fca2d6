"""The record data that ships with the shim: which API takes which route, and where its page is."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def catalog() -> dict[str, Any]:
    """Every record's derived facts, by page (``"flash_attn/flash_attn_func"``)."""
    return json.loads(files("oarlock").joinpath("_generated/records.json").read_text("utf-8"))


@cache
def _pages() -> dict[str, str]:
    return {api: page for page, record in catalog()["records"].items() for api in record["apis"]}


def page_of(api: str) -> str | None:
    """The page of an API's record, or None where it has no record."""
    return _pages().get(api)


def record_of(api: str) -> dict[str, Any] | None:
    """The derived facts of the record that covers ``api``."""
    page = page_of(api)
    return None if page is None else catalog()["records"][page]


def api_of(function: Any) -> str | None:
    """The torch-side name of a generated function."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    for record in catalog()["records"].values():
        if record["module"] == module:
            return next((api for api, own in record["apis"].items() if own == name), None)
    return None
