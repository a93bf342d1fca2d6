"""Memory grows with the sequence, not with its square."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A child's ru_maxrss starts at its parent's, so the peak is read where Linux counts it per program.
PROGRAM = """
import paddle
from oarlock.kernels.attention import attention

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

def run(batch, length, heads, dim):
    inputs = [paddle.randn([batch, length, heads, dim]) for _ in range(3)]
    for x in inputs:
        x.stop_gradient = False
    before = peak()
    attention(*inputs, causal=True).sum().backward()
    return peak() - before

run(1, 64, 1, 16)
print(run({batch}, {length}, {heads}, {dim}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("batch", "length", "heads", "dim"),
    [
        pytest.param(1, 16384, 1, 64, id="one long head"),
        pytest.param(4, 1024, 64, 16, id="many short heads"),
    ],
)
def test_peak_above_the_inputs(batch, length, heads, dim):
    program = PROGRAM.format(batch=batch, length=length, heads=heads, dim=dim)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # MiB. The scores are 1024 in either case, and the dense formula holds several such tensors.
    assert float(done.stdout.split()[-1]) < 400
