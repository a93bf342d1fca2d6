"""Addresses on the site, built in one place."""

from __future__ import annotations

from oarlock.errors import DOCS
from oarlock_generator.derive import Derivation


def page_url(derivation: Derivation) -> str:
    """The address of a record's English page."""
    return f"{DOCS}api/{derivation.slug}/"
