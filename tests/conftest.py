"""This checkout, and what records are derived against."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oarlock_generator.derive import Context
from oarlock_generator.project import Project

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def checkout() -> Project:
    """The checkout that the tests belong to."""
    return Project(ROOT)


@pytest.fixture(scope="session")
def context(checkout: Project) -> Context:
    """Its signature locks, shared texts and runtime names."""
    return checkout.context


@pytest.fixture
def copy(checkout: Project, tmp_path: Path) -> Project:
    """A checkout of its own to write in: flash_attn's record and the runtime, no page rendered yet."""
    # Torch's records, evidence and shims are many, and one record shows what all of them do.
    ignored = shutil.ignore_patterns("__pycache__", "torch")
    for folder in ("mappings", "runtime", "schemas"):
        shutil.copytree(checkout.root / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(checkout.root / "pyproject.toml", tmp_path)
    project = Project(tmp_path)
    project.generate(pages=False)
    shutil.rmtree(tmp_path / ".cache")
    return project
