"""Blocks of any size give the dense formula's values and gradients, at every edge of a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oarlock.kernels.attention import attention
from oarlock.kernels.attention.arguments import check_window
from oarlock.kernels.attention.autograd import attend
from oarlock.kernels.attention.blocks import Blocks, Window
from oarlock.kernels.attention.scoring import Scoring

API = "flash_attn.flash_attn_func"
# float64 throughout: what is left is the rounding of a different order of summation.
TOLERANCE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}

bounds = st.one_of(st.integers(-1, 12), st.integers(60, 140))


@settings(max_examples=200, deadline=None)
@given(
    batch=st.integers(1, 3),
    rows=st.integers(1, 150),
    keys=st.integers(1, 150),
    kv_heads=st.integers(1, 3),
    group=st.integers(1, 3),
    dim=st.sampled_from([1, 5, 8]),
    causal=st.booleans(),
    window_size=st.tuples(bounds, bounds),
    softcap=st.sampled_from([0.0, 1.5]),
    slopes=st.sampled_from([None, 1, 2]),
    budget=st.sampled_from([1, 4000, 40000, 1 << 19]),
    seed=st.integers(0, 1000),
)
def test_values_and_gradients_are_those_of_the_dense_formula(
    dense,
    batch,
    rows,
    keys,
    kv_heads,
    group,
    dim,
    causal,
    window_size,
    softcap,
    slopes,
    budget,
    seed,
):
    random = np.random.default_rng(seed)
    heads = kv_heads * group

    def draw(*shape):
        return paddle.to_tensor(random.normal(size=shape), stop_gradient=False)

    q, k, v = (
        draw(batch, rows, heads, dim),
        draw(batch, keys, kv_heads, dim),
        draw(batch, keys, kv_heads, dim),
    )
    alibi = None
    if slopes is not None:
        shape = (heads,) if slopes == 1 else (batch, heads)
        alibi = paddle.to_tensor(random.uniform(size=shape), dtype="float32")
    scoring = Scoring(
        check_window(API, window_size, causal, rows, keys), 0.7, softcap, alibi, budget=budget
    )

    out, lse, _ = attend(q, k, v, scoring)
    expected, expected_lse, _ = dense(
        q, k, v, scale=0.7, causal=causal, window_size=window_size, softcap=softcap, slopes=alibi
    )

    np.testing.assert_allclose(out.numpy(), expected.numpy(), **TOLERANCE)
    np.testing.assert_allclose(lse.numpy(), expected_lse.numpy(), **TOLERANCE)
    grad_out = paddle.to_tensor(random.normal(size=out.shape))
    for given_grad, expected_grad in zip(
        paddle.grad(out, [q, k, v], grad_out),
        paddle.grad(expected, [q, k, v], grad_out),
        strict=True,
    ):
        np.testing.assert_allclose(given_grad.numpy(), expected_grad.numpy(), **TOLERANCE)


@given(
    rows=st.integers(1, 700),
    keys=st.integers(1, 700),
    left=st.none() | st.integers(0, 300),
    right=st.none() | st.integers(0, 300),
    budget=st.sampled_from([1, 1 << 15, 1 << 19]),
)
def test_blocks_hold_every_visible_pair_once_and_little_else(rows, keys, left, right, budget):
    window = Window(rows, keys, left, right)
    blocks = Blocks(1, 1, 1, window, budget)
    expected_row = window.first_row
    for row_slice, key_slice in blocks.row_blocks():
        assert row_slice.start == expected_row
        expected_row = row_slice.stop
        first = window.keys(row_slice.start, row_slice.start)
        last = window.keys(row_slice.stop - 1, row_slice.stop - 1)
        assert (key_slice.start, key_slice.stop) == (first.start, last.stop)
        assert first.start < first.stop
    assert expected_row == rows
    if window.first_row:
        hidden = window.keys(window.first_row - 1, window.first_row - 1)
        assert hidden.stop <= hidden.start


@pytest.mark.parametrize(("rows", "keys"), [(0, 5), (5, 0), (0, 0)])
def test_empty_sequences_give_zeros_and_infinite_logsumexp(tensors, rows, keys):
    q, k, v = tensors(2, rows, keys, 4, 2, 8, "float32")
    out, lse, _ = attention(q, k, v, return_attn_probs=True)
    assert out.shape == q.shape
    assert not out.numpy().any()
    assert np.isposinf(lse.numpy()).all()
    assert lse.shape == [2, 4, rows]
    out.sum().backward()
    for x in (q, k, v):
        assert x.grad.shape == x.shape
        assert not x.grad.numpy().any()


def test_rows_that_see_nothing_are_zero_with_zero_gradients(tensors):
    q, k, v = tensors(1, 9, 4, 2, 1, 8, "float32")
    out, lse, _ = attention(q, k, v, causal=True, return_attn_probs=True)
    assert not out[:, :5].numpy().any()
    assert np.isposinf(lse[:, :, :5].numpy()).all()
    assert np.isfinite(lse[:, :, 5:].numpy()).all()
    out.sum().backward()
    assert not q.grad[:, :5].numpy().any()
    # The gradient of v counts the rows that see something, once per query head.
    np.testing.assert_allclose(v.grad.sum().numpy(), 2 * 4 * 8, rtol=1e-5)


def test_large_logits_do_not_overflow(dense, tensors):
    q, k, v = tensors(1, 40, 50, 1, 1, 8, "float32")
    out = attention(q, k, v, softmax_scale=3000.0, causal=True)
    expected, _, _ = dense(q, k, v, scale=3000.0, causal=True)
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("bound", [(-5, 3), (3, -7)])
def test_any_negative_bound_is_unbounded(tensors, bound):
    q, k, v = tensors(1, 30, 30, 1, 1, 8)
    replaced = (max(bound[0], -1), max(bound[1], -1))
    given_out = attention(q, k, v, window_size=bound)
    assert (given_out == attention(q, k, v, window_size=replaced)).all()


def test_a_bound_of_seqlen_k_is_unbounded_where_there_are_more_rows(tensors):
    q, k, v = tensors(1, 40, 10, 1, 1, 8)
    out = attention(q, k, v, window_size=(-1, 10))
    assert (out == attention(q, k, v)).all()
    assert not (attention(q, k, v, window_size=(-1, 9)) == out).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32_and_rounded_once(tensors, dtype):
    q, k, v = (x.detach().astype(dtype) for x in tensors(2, 70, 90, 4, 2, 16))
    wide = [x.astype("float32") for x in (q, k, v)]
    for x in (q, k, v):
        x.stop_gradient = False
    out, lse, _ = attention(q, k, v, causal=True, return_attn_probs=True)
    expected, expected_lse, _ = attention(*wide, causal=True, return_attn_probs=True)
    assert out.dtype == q.dtype
    assert lse.dtype == paddle.float32
    assert (out == expected.astype(dtype)).all()
    assert (lse == expected_lse).all()
    out.sum().backward()
    assert all(x.grad.dtype == x.dtype for x in (q, k, v))
