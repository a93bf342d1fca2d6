"""The site of this checkout: its generated pages, and both languages built once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oarlock_generator.conformance.expected import load_reviewed
from oarlock_generator.conformance.store import load_published
from oarlock_generator.derive import Derivation
from oarlock_generator.emit.conformance import render_conformance
from oarlock_generator.emit.docs import render_docs
from oarlock_generator.emit.files import write_text
from oarlock_generator.project import Project
from oarlock_generator.site import CONFIGS, finish_build, start_build


@pytest.fixture(scope="session")
def derivations(checkout: Project) -> list[Derivation]:
    return checkout.derive(checkout.load()[0])


@pytest.fixture(scope="session")
def pages(checkout: Project, derivations: list[Derivation]) -> dict[Path, str]:
    published, reviewed = load_published(checkout.mappings), load_reviewed(checkout.mappings)
    return {
        **render_docs(derivations, checkout.context, checkout.evidence(derivations)),
        **render_conformance(derivations, published, reviewed),
    }


@pytest.fixture(scope="session")
def site(
    checkout: Project, pages: dict[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of the built site; building is strict, so a broken link fails here."""
    root = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("api")
    shutil.copytree(checkout.root / "docs", root / "docs", ignore=ignored)
    for path, text in pages.items():
        write_text(root / path, text)
    for config in CONFIGS:
        shutil.copy(checkout.root / config, root)
        finish_build(start_build(root, config))
    return root / "site"
