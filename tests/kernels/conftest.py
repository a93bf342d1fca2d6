"""Attention written densely in float64 with Paddle's own gradients: what the blocks are held to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import pytest


def dense_attention(
    q,
    k,
    v,
    *,
    scale=None,
    causal=False,
    window_size=(-1, -1),
    softcap=0.0,
    slopes=None,
    drop_factor=None,
):
    """Return (out, logsumexp, probabilities); drop_factor multiplies the probabilities."""
    batch, rows, heads, dim = q.shape
    keys, kv_heads = k.shape[1:3]
    reads = [head * kv_heads // heads for head in range(heads)]
    q = q.astype("float64").transpose([0, 2, 1, 3])
    k = paddle.stack([k.astype("float64")[:, :, head] for head in reads], 1)
    v = paddle.stack([v.astype("float64")[:, :, head] for head in reads], 1)
    s = paddle.matmul(q, k, transpose_y=True) * (dim**-0.5 if scale is None else scale)
    if softcap:
        s = softcap * paddle.tanh(s / softcap)
    here = np.arange(rows)[:, None] + keys - rows
    there = np.arange(keys)[None, :]
    if slopes is not None:
        distance = paddle.to_tensor(np.abs(here - there).astype("float64"))
        s = s - slopes.astype("float64").reshape([-1, heads, 1, 1]) * distance
    left, right = window_size
    visible = np.ones((rows, keys), bool)
    if causal:
        visible &= there <= here
    elif 0 <= right < keys:
        visible &= there <= here + right
    if 0 <= left < keys:
        visible &= there >= here - left
    if keys == 0:
        return paddle.zeros([batch, rows, heads, dim], "float64"), None, None
    seen = paddle.to_tensor(np.any(visible, -1)[:, None])
    s = paddle.where(paddle.to_tensor(visible), s, paddle.full([], -1e30, "float64"))
    lse = paddle.where(
        seen, paddle.logsumexp(s, -1, keepdim=True), paddle.full([], np.inf, "float64")
    )
    p = paddle.exp(s - paddle.where(seen, lse, paddle.zeros([], "float64"))) * visible.astype("f8")
    weights = p if drop_factor is None else p * drop_factor
    return paddle.matmul(weights, v).transpose([0, 2, 1, 3]), lse.squeeze(-1), p


@pytest.fixture(scope="session")
def dense() -> Callable:
    return dense_attention


@pytest.fixture(scope="session")
def tensors() -> Callable:
    """Return a function that draws q, k, v from a seed, with gradients."""

    def draw(batch, rows, keys, heads, kv_heads, dim, dtype: Any = "float64", seed=0):
        random = np.random.default_rng(seed)
        shapes = [(batch, rows, heads, dim), *[(batch, keys, kv_heads, dim)] * 2]
        return [
            paddle.to_tensor(random.normal(size=shape), dtype=dtype, stop_gradient=False)
            for shape in shapes
        ]

    return draw
