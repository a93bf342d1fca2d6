"""Packed sequences: each is what dense attention makes of it alone, with gradients and dropout."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import paddle
import pytest

from oarlock.flash_attn import (
    flash_attn_kvpacked_func,
    flash_attn_qkvpacked_func,
    flash_attn_varlen_func,
    flash_attn_varlen_kvpacked_func,
    flash_attn_varlen_qkvpacked_func,
)
from oarlock.kernels.attention import attention
from oarlock.kernels.attention.varlen import attention_varlen

# Fewer, as many and more keys than rows, neighbours of one length, and empty sequences.
ROWS = [0, 5, 5, 12, 12, 16, 20, 21]
KEYS = [0, 9, 9, 12, 15, 19, 23, 24]
SLOPES = np.random.default_rng(5).uniform(0.05, 0.6, [len(ROWS) - 1, 4])


def lengths() -> Any:
    rows, keys = (paddle.to_tensor(x, "int32") for x in (ROWS, KEYS))
    return rows, keys, 7, 9


def draw(seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    shapes = [(ROWS[-1], 4, 6), (KEYS[-1], 2, 6), (KEYS[-1], 2, 6)]
    return [paddle.to_tensor(random.normal(size=x), stop_gradient=False) for x in shapes]


OPTIONS: list[dict[str, Any]] = [
    {},
    {"causal": True},
    {"window_size": (2, 1), "softmax_scale": 0.7},
    {"window_size": (-1, 0), "softcap": 1.5},
    {"causal": True, "window_size": (3, 0), "softcap": 2.0, "alibi_slopes": SLOPES},
    {"alibi_slopes": SLOPES[0]},
]


def with_tensors(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: paddle.to_tensor(x, "float32") if isinstance(x, np.ndarray) else x
        for name, x in options.items()
    }


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_each_sequence_is_dense_attention(dense, options):
    inputs, options = draw(), with_tensors(options)
    out, lse, mask = attention_varlen(*inputs, *lengths(), return_attn_probs=True, **options)
    assert (out.shape, lse.shape, mask.shape) == ([21, 4, 6], [4, 21], [0])
    slopes = options.get("alibi_slopes")
    known: dict[str, Any] = {
        n: options[n] for n in ("causal", "window_size", "softcap") if n in options
    }
    expected, expected_lse = [], []
    for b, (rows, keys) in enumerate(zip(pairwise(ROWS), pairwise(KEYS), strict=True)):
        if rows[0] == rows[1]:
            continue
        q, k, v = (
            x[slice(*place)].unsqueeze(0)
            for x, place in zip(inputs, (rows, keys, keys), strict=True)
        )
        if keys[0] == keys[1]:
            expected.append(paddle.zeros_like(q[0]))
            expected_lse.append(np.full([4, rows[1] - rows[0]], np.inf))
            continue
        own = slopes[b] if slopes is not None and slopes.ndim == 2 else slopes
        result = dense(q, k, v, scale=options.get("softmax_scale"), slopes=own, **known)
        expected.append(result[0][0])
        own_lse: Any = result[1]
        expected_lse.append(own_lse[0].numpy())
    whole = paddle.concat(expected)
    np.testing.assert_allclose(out.numpy(), whole.numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(lse.numpy(), np.concatenate(expected_lse, 1), rtol=1e-9)
    cotangent = paddle.to_tensor(np.random.default_rng(3).normal(size=out.shape))
    for given, wanted in zip(
        paddle.grad(out, inputs, cotangent), paddle.grad(whole, inputs, cotangent), strict=True
    ):
        np.testing.assert_allclose(given.numpy(), wanted.numpy(), rtol=1e-9, atol=1e-9)


def test_gradients_match_finite_differences():
    qkv = paddle.to_tensor(np.random.default_rng(2).normal(size=[9, 3, 2, 3]), stop_gradient=False)
    starts = paddle.to_tensor([0, 2, 2, 6, 9], "int32")
    slopes = paddle.to_tensor(SLOPES[:4, :2], "float32")
    cotangent = paddle.to_tensor(np.random.default_rng(1).normal(size=[9, 2, 3]))

    def loss():
        out = flash_attn_varlen_qkvpacked_func(
            qkv, starts, 4, causal=True, window_size=(2, 0), softcap=1.7, alibi_slopes=slopes
        )
        return (out * cotangent).sum()

    loss().backward()
    value, step = qkv.numpy().copy(), 1e-6
    expected = np.zeros(value.shape)
    for index in np.ndindex(*value.shape):
        sides = []
        for sign in (1, -1):
            moved = value.copy()
            moved[index] += sign * step
            qkv.set_value(moved)
            with paddle.no_grad():
                sides.append(loss().item())
        expected[index] = (sides[0] - sides[1]) / (2 * step)
    # The error of a central difference: step ** 2 and the rounding of float64 over the step.
    given: Any = qkv.grad
    np.testing.assert_allclose(given.numpy(), expected, atol=1e-8)


def test_dropout_is_what_its_mask_says(dense):
    random = np.random.default_rng(0)
    rows, keys = [0, 40, 80, 110], [0, 50, 100, 170]
    q, k, v = (
        paddle.to_tensor(random.normal(size=(n, h, 8))) for n, h in ((110, 4), (170, 2), (170, 2))
    )
    starts_q, starts_k = (paddle.to_tensor(x, "int32") for x in (rows, keys))
    out, _, mask = attention_varlen(
        q, k, v, starts_q, starts_k, 130, 260, 0.3, causal=True, return_attn_probs=True
    )
    assert mask.shape == [3, 4, 256, 384]
    kept = []
    for b, (i, j) in enumerate(zip(pairwise(rows), pairwise(keys), strict=True)):
        shown = mask[b, :, : i[1] - i[0], : j[1] - j[0]].numpy()
        kept.append(~np.signbit(shown))
        factor = paddle.to_tensor(kept[-1] / 0.7).unsqueeze(0)
        parts = (x[slice(*p)].unsqueeze(0) for x, p in ((q, i), (k, j), (v, j)))
        expected = dense(*parts, causal=True, drop_factor=factor)
        np.testing.assert_allclose(out[slice(*i)].numpy(), expected[0][0].numpy(), atol=1e-10)
        probabilities: Any = expected[2]
        np.testing.assert_allclose(np.abs(shown), probabilities[0].numpy(), atol=1e-10)
    # Sequences draw apart from each other, those of one length too.
    assert abs((kept[0] == kept[1]).mean() - 0.58) < 0.05


def test_a_width_is_compared_with_max_seqlen():
    q, k, v = (paddle.ones([n, 1, 4]) for n in (6, 2, 2))
    rows, keys = paddle.to_tensor([0, 6], "int32"), paddle.to_tensor([0, 2], "int32")
    bounded = attention_varlen(q, k, v, rows, keys, 6, 4, window_size=(-1, 2))
    assert bounded[:, 0, 0].tolist() == [0, 0, 1, 1, 1, 1]
    unbounded = attention_varlen(q, k, v, rows, keys, 6, 2, window_size=(-1, 2))
    assert unbounded[:, 0, 0].tolist() == [1] * 6


@pytest.mark.parametrize("options", [{}, {"causal": True, "window_size": (3, 0)}])
def test_stacked_tensors_are_their_parts(options):
    random = np.random.default_rng(0)
    kv = paddle.to_tensor(random.normal(size=(2, 7, 2, 2, 6)), stop_gradient=False)
    q = paddle.to_tensor(random.normal(size=(2, 5, 4, 6)), stop_gradient=False)
    given = flash_attn_kvpacked_func(q, kv, **options)
    wanted = attention(q, kv[:, :, 0], kv[:, :, 1], **options)
    np.testing.assert_array_equal(given.numpy(), wanted.numpy())
    for a, b in zip(
        paddle.grad(given.square().sum(), [q, kv]),
        paddle.grad(wanted.square().sum(), [q, kv]),
        strict=True,
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    rows, keys = (paddle.to_tensor(x, "int32") for x in ([0, 5, 10], [0, 7, 14]))
    flat = flash_attn_varlen_kvpacked_func(
        q.flatten(0, 1), kv.flatten(0, 1), rows, keys, 5, 7, **options
    )
    np.testing.assert_array_equal(flat.numpy(), wanted.flatten(0, 1).numpy())


def test_the_three_parts_of_qkv():
    qkv = paddle.randn([2, 5, 3, 2, 8])
    given = flash_attn_qkvpacked_func(qkv, causal=True)
    q, k, v = qkv.unbind(2)
    wanted = attention(q, k, v, causal=True)
    np.testing.assert_array_equal(given.numpy(), wanted.numpy())


def test_a_stacked_tensor_changed_in_place_is_refused():
    qkv = paddle.randn([1, 5, 3, 2, 8])
    qkv.stop_gradient = False
    stacked = qkv * 1
    out = flash_attn_qkvpacked_func(stacked)
    stacked.add_(paddle.ones([1]))
    with pytest.raises(OSError, match=r"UnsupportedError.*changed in place"):
        out.sum().backward()


def zeros(*shape: int, dtype: Any = "float32") -> paddle.Tensor:
    return paddle.zeros(shape, dtype)


def starts(*values: int, dtype: Any = "int32") -> paddle.Tensor:
    return paddle.to_tensor(values, dtype)


@pytest.mark.parametrize(
    ("changes", "error", "parameter", "given"),
    [
        ({"q": zeros(2, 3, 4, 8)}, ValueError, "q", "(2, 3, 4, 8)"),
        ({"k": zeros(9, 2, 16)}, ValueError, "k", "(9, 2, 16)"),
        ({"v": zeros(8, 2, 8)}, ValueError, "v", "(8, 2, 8)"),
        ({"k": zeros(9, 3, 8), "v": zeros(9, 3, 8)}, ValueError, "q", "(6, 4, 8)"),
        ({"cu_seqlens_q": [0, 2, 6]}, TypeError, "cu_seqlens_q", "a list"),
        ({"cu_seqlens_q": starts(0, 2, 6, dtype="int64")}, TypeError, "cu_seqlens_q", "int64"),
        ({"cu_seqlens_k": starts(0, 9)}, ValueError, "cu_seqlens_k", "(2,)"),
        ({"cu_seqlens_q": starts(0)}, ValueError, "cu_seqlens_q", "(1,)"),
        ({"cu_seqlens_q": zeros(1, 3, dtype="int32")}, ValueError, "cu_seqlens_q", "(1, 3)"),
        ({"cu_seqlens_q": starts(1, 2, 6)}, ValueError, "cu_seqlens_q", "from 1 to 6"),
        ({"cu_seqlens_q": starts(0, 2, 5)}, ValueError, "cu_seqlens_q", "from 0 to 5"),
        ({"cu_seqlens_k": starts(0, 4, 10)}, ValueError, "cu_seqlens_k", "from 0 to 10"),
        ({"cu_seqlens_q": starts(0, 7, 6)}, ValueError, "cu_seqlens_q", "7 is followed by 6"),
        ({"max_seqlen_q": 3}, ValueError, "max_seqlen_q", "3"),
        ({"max_seqlen_k": -1}, ValueError, "max_seqlen_k", "-1"),
        ({"max_seqlen_q": 4.0}, TypeError, "max_seqlen_q", "4.0"),
        ({"max_seqlen_q": starts(4)}, TypeError, "max_seqlen_q", "a paddle.Tensor"),
        ({"max_seqlen_k": True}, TypeError, "max_seqlen_k", "True"),
        ({"alibi_slopes": zeros(3, 4)}, ValueError, "alibi_slopes", "(3, 4)"),
        ({"block_table": starts(0)}, ValueError, "block_table", "paged cache"),
        ({"softcap": 2.0, "dropout_p": 0.1}, ValueError, "dropout_p", "0.1"),
    ],
)
def test_the_error_names_the_parameter_and_what_was_given(changes, error, parameter, given):
    arguments: dict[str, Any] = {
        "q": zeros(6, 4, 8),
        "k": zeros(9, 2, 8),
        "v": zeros(9, 2, 8),
        "cu_seqlens_q": starts(0, 2, 6),
        "cu_seqlens_k": starts(0, 4, 9),
        "max_seqlen_q": 4,
        "max_seqlen_k": 5,
    }
    attention_varlen(**arguments)
    with pytest.raises(error) as caught:
        attention_varlen(**(arguments | changes))
    message = str(caught.value)
    assert message.startswith(f"flash_attn.flash_attn_varlen_func: {parameter}: got ")
    assert given in message
    assert message.endswith(f"#{parameter}")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: flash_attn_qkvpacked_func(zeros(2, 5, 2, 2, 8)), "qkvpacked_func: qkv: got"),
        (lambda: flash_attn_qkvpacked_func(zeros(5, 3, 2, 8)), "qkv: got .*five dimensions"),
        (lambda: flash_attn_kvpacked_func(zeros(2, 5, 2, 8), zeros(1, 5, 2, 2, 8)), "kv: got"),
        (lambda: flash_attn_kvpacked_func(zeros(2, 5, 2, 8), zeros(2, 5, 3, 2, 8)), "kv: got"),
        (
            lambda: flash_attn_varlen_qkvpacked_func(zeros(5, 3, 2, 8), starts(0, 4), 4),
            "varlen_qkvpacked_func: cu_seqlens: got",
        ),
        (
            lambda: flash_attn_varlen_qkvpacked_func(zeros(5, 3, 2, 8), starts(0, 5), 4),
            "varlen_qkvpacked_func: max_seqlen: got 4; .*5",
        ),
        (
            lambda: flash_attn_varlen_kvpacked_func(
                zeros(5, 2, 8), zeros(5, 2, 2, 8), starts(0, 5), starts(0, 2, 5), 5, 5
            ),
            "varlen_kvpacked_func: cu_seqlens_k: got",
        ),
    ],
)
def test_errors_of_stacked_tensors_name_what_the_caller_has(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_public_function_is_the_kernel():
    inputs: Any = [x.detach() for x in draw()]
    given = flash_attn_varlen_func(*inputs, *lengths(), causal=True)
    wanted = attention_varlen(*inputs, *lengths(), causal=True)
    np.testing.assert_array_equal(given.numpy(), wanted.numpy())
