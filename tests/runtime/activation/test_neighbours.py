"""Libraries that look at tensors: einops picks the backend of the tensor's own framework."""

import pytest

USE = """
from einops import rearrange, reduce, repeat
import numpy as np, paddle
from oarlock.tensor import wrap
import torch

plain = paddle.arange(24, dtype="float32").reshape([2, 3, 4])
values = plain.numpy()
for kind, x in (("Tensor", wrap(plain)), ("paddle", plain), ("numpy", values)):
    y = rearrange(x, "a b c -> c (a b)")
    assert type(y) is type(x), (kind, type(y))
    assert (np.asarray(y) == values.transpose(2, 0, 1).reshape(4, 6)).all(), kind
    assert (np.asarray(reduce(x, "a b c -> a c", "max")) == values.max(1)).all(), kind
    assert np.asarray(repeat(x, "a b c -> a b c d", d=2)).shape == (2, 3, 4, 2), kind
"""


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import einops",
        "import einops, paddle; einops.rearrange(paddle.ones([2, 3]), 'a b -> b a')",
    ],
    ids=["not imported", "imported", "used"],
)
def test_einops(passes, before):
    passes(f"{before}\nimport oarlock\noarlock.activate()\n{USE}")


def test_einops_beside_a_real_torch(passes):
    real = "assert type(einops.rearrange(real.ones(2, 3), 'a b -> b a')) is real.Tensor"
    passes(
        f"import torch as real, einops\n{real}\nimport oarlock\noarlock.activate()\n{USE}\n{real}\n"
        f"oarlock.deactivate()\n{real}"
    )


def test_einops_first_used_on_a_real_tensor_afterwards(passes):
    passes(
        "import torch as real\nimport oarlock\noarlock.activate()\nimport einops\n"
        f"{USE}\noarlock.deactivate()\n"
        "assert type(einops.rearrange(real.ones(2, 3), 'a b -> b a')) is real.Tensor"
    )


def test_einops_on_a_real_torch_that_is_imported_afterwards(passes):
    passes(
        "import oarlock\noarlock.activate()\n"
        f"{USE}\noarlock.deactivate()\nimport torch as real, einops\n"
        "assert type(einops.rearrange(real.ones(2, 3), 'a b -> b a')) is real.Tensor"
    )


def test_scipy_like_probes_see_the_tensor(passes):
    """array-api-compat, matplotlib and others look for torch in sys.modules and ask isinstance."""
    passes("""
import sys, oarlock
oarlock.activate()
import torch, paddle
from oarlock.tensor import wrap
x = wrap(paddle.ones([2]))
assert "torch" in sys.modules and isinstance(x, sys.modules["torch"].Tensor)
assert not isinstance(paddle.ones([2]), sys.modules["torch"].Tensor)
""")
