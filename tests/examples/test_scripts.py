"""The example scripts under PyTorch and under Oarlock: the same losses, and checkpoints that cross."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch_ready

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
SECONDS = 300
STEPS, BREAK = 20, 10

each_script = pytest.mark.parametrize(
    "script",
    [
        pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(f"example-{path.stem}"))
        for path in SCRIPTS
    ],
)


def under_torch(script, arguments, log):
    return torch_ready.run(script, arguments, log, SECONDS)


def under_oarlock(script, arguments, log):
    with log.open("w") as file:
        return subprocess.run(
            [sys.executable, "-m", "oarlock", "run", script, *arguments],
            stdout=file,
            stderr=file,
            timeout=SECONDS,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        ).returncode


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Run a script once for each framework and part of training; give its losses and checkpoint."""
    folder = tmp_path_factory.mktemp("examples")
    done = {}

    def run(framework, script, steps, resume=None):
        key = (framework, script, steps, resume)
        if key not in done:
            losses, checkpoint, log = (
                folder / f"{len(done)}.{kind}" for kind in ("json", "pt", "txt")
            )
            arguments = ["--steps", steps, "--losses", losses, "--save", checkpoint]
            arguments += ["--resume", resume] if resume else []
            code = framework(script, [str(each) for each in arguments], log)
            assert code == 0, log.read_text()[-3000:]
            done[key] = np.array(json.loads(losses.read_text())), checkpoint
        return done[key]

    return run


def assert_same_losses(losses, expected):
    np.testing.assert_allclose(losses, expected, rtol=1e-4, strict=True)


@each_script
def test_the_same_losses_from_the_same_seed(script, train):
    expected, _ = train(under_torch, script, STEPS)
    losses, _ = train(under_oarlock, script, STEPS)
    assert len(losses) >= STEPS
    assert_same_losses(losses, expected)


@each_script
@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        pytest.param(under_torch, under_oarlock, id="torch-oarlock"),
        pytest.param(under_oarlock, under_torch, id="oarlock-torch"),
    ],
)
def test_training_goes_on_from_the_others_checkpoint(script, writer, reader, train):
    expected, _ = train(under_torch, script, STEPS)
    before, checkpoint = train(writer, script, BREAK)
    after, _ = train(reader, script, STEPS, checkpoint)
    assert_same_losses(np.concatenate([before, after]), expected)
