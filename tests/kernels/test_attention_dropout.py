"""Dropout: the mask is what S_dmask says, in both directions, and paddle.seed governs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from oarlock.kernels.attention import attention


def test_the_mask_explains_output_and_gradients(dense, tensors):
    rows, keys, p = 150, 300, 0.3
    q, k, v = tensors(2, rows, keys, 4, 2, 8)
    slopes = paddle.to_tensor([0.5, 0.1, 0.3, 0.2])
    options: dict[str, Any] = {"causal": True, "window_size": (70, 0)}
    out, lse, mask = attention(q, k, v, p, alibi_slopes=slopes, return_attn_probs=True, **options)
    assert mask.shape == [2, 4, 256, 384]
    assert not mask[:, :, rows:].any()
    assert not mask[:, :, :, keys:].any()
    mask = mask[:, :, :rows, :keys].numpy()
    kept = ~np.signbit(mask)
    factor = paddle.to_tensor(kept / (1 - p))

    expected, expected_lse, probabilities = dense(
        q, k, v, slopes=slopes, drop_factor=factor, **options
    )
    np.testing.assert_allclose(np.abs(mask), probabilities.numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(lse.numpy(), expected_lse.numpy(), rtol=1e-10)
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-10, atol=1e-10)
    cotangent = paddle.to_tensor(np.random.default_rng(3).normal(size=out.shape))
    for given, wanted in zip(
        paddle.grad(out, [q, k, v], cotangent),
        paddle.grad(expected, [q, k, v], cotangent),
        strict=True,
    ):
        np.testing.assert_allclose(given.numpy(), wanted.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_rate_is_right_everywhere(tensors, p):
    q, k, v = tensors(2, 384, 512, 2, 1, 8, "float32")
    _, _, mask = attention(q, k, v, p, return_attn_probs=True)
    dropped = np.signbit(mask.numpy())
    deviation = (p * (1 - p)) ** 0.5
    assert abs(dropped.mean() - p) < 5 * deviation / dropped.size**0.5
    for axis in range(4):
        others = tuple(x for x in range(4) if x != axis)
        means = dropped.mean(axis=others)
        assert np.abs(means - p).max() < 6 * deviation / (dropped.size / means.size) ** 0.5
    # Heads and batch entries draw apart from each other.
    pairs = dropped.reshape(4, -1)
    agreement = (pairs[0] == pairs[1:]).mean(1)
    assert np.abs(agreement - (p * p + (1 - p) ** 2)).max() < 0.01


def test_the_seed_decides_and_moves_on(tensors):
    inputs = tensors(1, 60, 70, 2, 2, 8)
    paddle.seed(7)
    first, second = (attention(*inputs, dropout_p=0.5) for _ in range(2))
    paddle.seed(7)
    assert (attention(*inputs, dropout_p=0.5) == first).all()
    assert not (first == second).all()


def test_without_dropout_no_random_number_is_drawn(tensors):
    paddle.seed(7)
    expected = paddle.rand([4])
    paddle.seed(7)
    attention(*tensors(1, 20, 30, 2, 2, 8))
    assert (paddle.rand([4]) == expected).all()


def test_without_dropout_the_mask_is_an_empty_tensor_as_in_flash_attn(tensors):
    _, _, mask = attention(*tensors(1, 20, 30, 2, 2, 8, "float32"), return_attn_probs=True)
    assert mask.shape == [0]
    assert mask.dtype == paddle.float32
