"""Fresh interpreters: activation is of a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

QUIET = {"PYTHONWARNINGS": "ignore:No ccache found", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python in a folder of its own with these arguments; nothing is checked."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, **QUIET, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def passes(python: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path):
    """Run source code, which asserts for itself, and return what it prints."""

    def run(code: str, **environment: str) -> str:
        (tmp_path / "program.py").write_text(code, encoding="utf-8")
        done = python("program.py", **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
