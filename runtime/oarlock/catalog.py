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


def home_of(api: str) -> str | None:
    """Where an API's object is found, as ``module:name``; None without a record."""
    record = record_of(api)
    return record["apis"][api] if record else None


def api_of(function: Any) -> str | None:
    """The torch-side name of a function or class of Oarlock's."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    return api_at(f"{module}:{name}")


def api_at(home: str) -> str | None:
    """The torch-side name of what is found there, given as ``module:name``."""
    return _names().get(home)


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for record in catalog()["records"].values():
        for api, home in record["apis"].items():
            names.setdefault(home, api)
    return names
