"""Attention through its public functions, with its kernels in Triton's interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("public attention, interpreted")
PROGRAM = Path(__file__).parent / "launching" / "interpreted_program.py"


@pytest.fixture(scope="module")
def facts():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(PROGRAM)],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("layout", ["dense", "packed"])
def test_output_and_gradients_are_the_references(facts, layout):
    # Probabilities are rounded to float16, then sums; gradients have one rounding more.
    assert max(facts[layout]) < 2


@pytest.mark.parametrize("reentrant", [True, False])
def test_recompute_replays_dropout(facts, reentrant):
    assert facts[f"recompute, reentrant={reentrant}"] == [True] * 4
    assert not facts["another seed"]


def test_to_static_runs_it_and_its_gradients(facts):
    assert facts["to_static"] == [True] * 4


def test_explain_says_that_it_is_the_kernels_and_why_it_is_not(facts):
    assert facts["server"].startswith("Oarlock's attention kernel in Triton")
    (note,) = facts["float32"]
    assert "the kernels take float16 and bfloat16, and the tensors are float32" in note
