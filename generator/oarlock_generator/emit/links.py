"""Addresses on the site, built in one place."""

from __future__ import annotations

from oarlock_generator.derive import Derivation

SITE = "https://oarlock.dev/"


def page_url(derivation: Derivation) -> str:
    """The address of a record's English page."""
    return f"{SITE}api/{derivation.slug}/"
