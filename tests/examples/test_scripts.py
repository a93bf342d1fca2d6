"""The example scripts under PyTorch and under Oarlock: the same losses, and checkpoints that cross."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
FRAMEWORKS = {
    "torch": [sys.executable],
    "oarlock": [sys.executable, "-m", "oarlock", "run"],
}
STEPS, BREAK = 20, 10

each_script = pytest.mark.parametrize(
    "script",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(f"example-{path.stem}"))
        for path in SCRIPTS
    ],
)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Run a script once per framework and part of training; give its losses and its checkpoint."""
    folder = tmp_path_factory.mktemp("examples")
    done = {}

    def run(framework, script, steps, resume=None):
        key = (framework, script, steps, resume)
        if key not in done:
            name = f"{script.stem}-{framework}-{steps}" + (f"-from-{resume.stem}" if resume else "")
            losses, checkpoint = folder / f"{name}.json", folder / f"{name}.pt"
            arguments = ["--steps", steps, "--losses", losses, "--save", checkpoint]
            if resume:
                arguments += ["--resume", resume]
            finished = subprocess.run(
                [*FRAMEWORKS[framework], script, *map(str, arguments)],
                capture_output=True,
                text=True,
                timeout=300,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
            assert finished.returncode == 0, f"{framework}: {finished.stderr[-3000:]}"
            done[key] = json.loads(losses.read_text()), checkpoint
        return done[key]

    return run


def assert_same_losses(losses, expected):
    assert len(losses) == len(expected)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


@each_script
def test_the_same_losses_from_the_same_seed(script, train):
    expected, _ = train("torch", script, STEPS)
    losses, _ = train("oarlock", script, STEPS)
    assert len(losses) >= STEPS
    assert_same_losses(losses, expected)


@each_script
@pytest.mark.parametrize(("writer", "reader"), [("torch", "oarlock"), ("oarlock", "torch")])
def test_training_goes_on_from_the_others_checkpoint(script, writer, reader, train):
    expected, _ = train("torch", script, STEPS)
    before, checkpoint = train(writer, script, BREAK)
    after, _ = train(reader, script, STEPS, checkpoint)
    assert_same_losses(before + after, expected)
