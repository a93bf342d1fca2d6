"""Memory that goes from a Tensor to numpy and back is let go without a deadlock."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import numpy as np
import oarlock.torch as torch
from oarlock.tensor.conversion import numpy
from oarlock.creation.data import from_numpy

for writeable in (True, False):
    x = from_numpy(np.arange(6.0, dtype=np.float32).reshape(2, 3))
    a = numpy(x)[1:]
    a.flags.writeable = writeable
    y = from_numpy(a)
    assert numpy(y).tolist() == [[3.0, 4.0, 5.0]]
    del x, a, y
z = from_numpy(np.ones(2))
print("let go")
"""


def test_an_array_of_a_tensor_is_let_go() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.endswith("let go\n"), done.stderr
