"""torch's scaled_dot_product_attention by the attention kernels, in Triton's interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")
PROGRAM = Path(__file__).parent / "launching" / "torch_attention_program.py"


def test_half_precision_without_mask_or_dropout_is_computed_by_the_kernels():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(PROGRAM)],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert len(facts) == 5
    for name, (by_kernel, error) in facts.items():
        assert by_kernel, name
        # Probabilities are rounded to float16, then sums; gradients have one rounding more.
        assert error < 2, name
