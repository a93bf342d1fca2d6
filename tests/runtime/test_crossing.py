"""Generated functions give back the side they were given: Tensors for Tensors, Paddle's for Paddle's."""

from __future__ import annotations

import numpy as np
import paddle

from oarlock.flash_attn import flash_attn_func
from oarlock.tensor import Tensor, plain, wrap


def test_flash_attn_func_takes_tensors_of_either_side() -> None:
    given = [paddle.randn([1, 8, 2, 16]) for _ in range(3)]
    for tensor in given:
        tensor.stop_gradient = False
    out = flash_attn_func(given[0], given[1], given[2], causal=True)
    assert type(out) is paddle.Tensor

    tensors = [wrap(tensor.detach()) for tensor in given]
    for tensor in tensors:
        tensor.stop_gradient = False
    slopes = wrap(paddle.zeros([2]))
    crossed = flash_attn_func(tensors[0], tensors[1], tensors[2], causal=True, alibi_slopes=slopes)
    assert type(crossed) is Tensor
    np.testing.assert_allclose(plain(crossed).numpy(), out.numpy(), rtol=1e-5, atol=1e-6)

    out.sum().backward()
    plain(crossed).sum().backward()
    for ours, theirs in zip(tensors, given, strict=True):
        assert theirs.grad is not None
        assert ours.grad is not None
        np.testing.assert_allclose(plain(ours.grad).numpy(), theirs.grad.numpy(), atol=1e-5)
