"""The kernels' numbers, forward and backward, in Triton's interpreter on Paddle's tensors."""

from __future__ import annotations

import pytest
from checks import CASES

# One process interprets: cases of one worker share it.
pytestmark = pytest.mark.xdist_group("triton's interpreter")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_results_are_as_exact_as_the_dtype(interpreted, case):
    assert interpreted("check", case) == []
