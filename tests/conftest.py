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


@pytest.fixture(scope="session")
def template(checkout: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with flash_attn's records alone, no page rendered yet; only to be copied."""
    root = tmp_path_factory.mktemp("template") / "checkout"
    # Torch's records, evidence and shims are many, and a few show what all of them do.
    ignored = shutil.ignore_patterns("__pycache__", "torch")
    for folder in ("mappings", "runtime", "schemas"):
        shutil.copytree(checkout.root / folder, root / folder, ignore=ignored)
    shutil.copy(checkout.root / "pyproject.toml", root)
    Project(root).generate(pages=False)
    shutil.rmtree(root / ".cache")
    return root


@pytest.fixture
def copy(template: Path, tmp_path: Path) -> Project:
    """A checkout of its own to write in: flash_attn's records and the runtime."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path)
