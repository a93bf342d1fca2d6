"""The flash_attn oracle against what is known without it: the docstring's masks, torch, and algebra."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from oarlock_generator.oracles import Oracle

oracle = Oracle("flash_attn", Path(__file__).parents[1] / "oracles")
flash_attn_func = oracle.function("flash_attn.flash_attn_func")


def inputs(
    seqlen_q: int = 7, seqlen_k: int = 9, heads: int = 4, kv_heads: int = 4
) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    shapes = [(2, seqlen_q, heads, 8), (2, seqlen_k, kv_heads, 8), (2, seqlen_k, kv_heads, 8)]
    return tuple(torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)


def mask(seqlen_q: int, seqlen_k: int, **arguments: Any) -> list[str]:
    """Which keys each row sees, in the docstring's form, read off the gradient of the output."""
    q = torch.zeros(1, seqlen_q, 1, 4, dtype=torch.float64)
    k = torch.zeros(1, seqlen_k, 1, 4, dtype=torch.float64)
    v = torch.ones(1, seqlen_k, 1, 4, dtype=torch.float64, requires_grad=True)
    out = flash_attn_func(q, k, v, **arguments)
    rows = []
    for i in range(seqlen_q):
        (grad,) = torch.autograd.grad(out[0, i].sum(), v, retain_graph=True)
        rows.append(" ".join("1" if g else "0" for g in grad[0, :, 0, 0]))
    return rows


def test_causal_masks_are_those_of_the_docstring() -> None:
    assert mask(2, 5, causal=True) == ["1 1 1 1 0", "1 1 1 1 1"]
    assert mask(5, 2, causal=True) == ["0 0", "0 0", "0 0", "1 0", "1 1"]


@pytest.mark.parametrize(
    ("seqlen_q", "seqlen_k", "arguments", "rows"),
    [
        (2, 5, {"window_size": (1, 1)}, ["0 0 1 1 1", "0 0 0 1 1"]),
        (2, 5, {"window_size": (1, -1)}, ["0 0 1 1 1", "0 0 0 1 1"]),
        (3, 4, {"window_size": (-1, 0)}, ["1 1 0 0", "1 1 1 0", "1 1 1 1"]),
        (3, 4, {"window_size": (0, 0)}, ["0 1 0 0", "0 0 1 0", "0 0 0 1"]),
        (3, 4, {"window_size": (1, 2), "causal": True}, ["1 1 0 0", "0 1 1 0", "0 0 1 1"]),
        (5, 2, {"window_size": (0, 1)}, ["0 0", "0 0", "1 0", "1 1", "0 1"]),
        (4, 2, {"window_size": (9, 2)}, ["1 1", "1 1", "1 1", "1 1"]),
    ],
)
def test_windows(seqlen_q: int, seqlen_k: int, arguments: Any, rows: list[str]) -> None:
    assert mask(seqlen_q, seqlen_k, **arguments) == rows


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("scale", [None, 0.9])
def test_it_is_torch_attention_where_both_are_defined(
    causal: bool, kv_heads: int, scale: float | None
) -> None:
    # torch aligns a causal mask to the top left: both agree on a square.
    q, k, v = inputs(9, 9, kv_heads=kv_heads)
    ours = flash_attn_func(q, k, v, causal=causal, softmax_scale=scale)
    queries, keys, values = (x.transpose(1, 2) for x in (q, k, v))
    theirs = scaled_dot_product_attention(
        queries, keys, values, is_causal=causal, scale=scale, enable_gqa=True
    ).transpose(1, 2)
    cotangent = torch.randn_like(ours)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (q, k, v), cotangent),
        torch.autograd.grad(theirs, (q, k, v), cotangent),
    )


def test_one_row_by_hand() -> None:
    """Scores 2 and 0, scaled to 1 and 0, capped by 0.5, biased by the distances 1 and 0."""
    q = torch.tensor([2.0, 0, 0, 0], dtype=torch.float64).view(1, 1, 1, 4)
    k = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.float64).view(1, 2, 1, 4)
    v = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]], dtype=torch.float64).view(1, 2, 1, 4)
    out, lse, s_dmask = flash_attn_func(
        q, k, v, softcap=0.5, alibi_slopes=torch.tensor([0.25]), return_attn_probs=True
    )
    first, second = math.exp(0.5 * math.tanh(1 / 0.5) - 0.25), math.exp(0)
    expected = [first / (first + second), second / (first + second), 0, 0]
    torch.testing.assert_close(out.view(-1), torch.tensor(expected, dtype=torch.float64))
    assert lse.item() == pytest.approx(math.log(first + second), rel=1e-14)
    assert s_dmask.shape == (0,)


def test_slopes_of_each_sequence() -> None:
    q, k, v = inputs()
    slopes = torch.rand(2, 4, dtype=torch.float64)
    both = flash_attn_func(q, k, v, alibi_slopes=slopes)
    for b in range(2):
        alone = flash_attn_func(*(x[b : b + 1] for x in (q, k, v)), alibi_slopes=slopes[b])
        torch.testing.assert_close(both[b : b + 1], alone)


def test_a_row_that_sees_nothing_gives_zero_infinity_and_no_gradient() -> None:
    q, k, v = inputs(5, 2)
    out, lse, _ = flash_attn_func(q, k, v, causal=True, return_attn_probs=True)
    assert torch.equal(out[:, :3], torch.zeros_like(out[:, :3]))
    assert (lse[:, :, :3] == math.inf).all()
    assert lse[:, :, 3:].isfinite().all()
    grads = torch.autograd.grad(out.sum(), (q, k, v))
    assert all(grad.isfinite().all() for grad in grads)
    assert torch.equal(grads[0][:, :3], torch.zeros_like(grads[0][:, :3]))


@pytest.mark.parametrize(
    ("dtype", "lse_dtype"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_dtypes(dtype: torch.dtype, lse_dtype: torch.dtype) -> None:
    q, k, v = (x.detach().to(dtype) for x in inputs())
    out, lse, s_dmask = flash_attn_func(q, k, v, return_attn_probs=True)
    assert (out.dtype, lse.dtype, s_dmask.dtype) == (dtype, lse_dtype, dtype)


def test_gradients_are_those_of_finite_differences() -> None:
    q, k, v = inputs(4, 3, heads=2, kv_heads=1)
    slopes = torch.tensor([0.3, 0.1], dtype=torch.float64)

    def attention(*tensors: torch.Tensor) -> torch.Tensor:
        return flash_attn_func(
            *tensors, causal=True, window_size=(1, 0), softcap=1.5, alibi_slopes=slopes
        )

    assert torch.autograd.gradcheck(attention, (q, k, v))


def dropped_by(rate: float, seqlen_q: int, seqlen_k: int) -> tuple[Any, ...]:
    torch.manual_seed(1)
    mask = torch.zeros(2, 4, 128, 128)
    mask[:, :, :seqlen_q, :seqlen_k] = torch.where(torch.rand(seqlen_q, seqlen_k) < rate, -1.0, 1.0)
    return None, None, mask


def test_dropout_is_replayed_from_the_sign() -> None:
    q, k, v = inputs(60, 70)
    shown = dropped_by(0.2, 60, 70)
    with oracle.replaying(shown):
        out, _, s_dmask = flash_attn_func(q, k, v, 0.2, return_attn_probs=True)
    plain = flash_attn_func(q, k, v, return_attn_probs=True)[0]
    probabilities = s_dmask.abs()[:, :, :60, :70]
    kept = ~shown[2].signbit()[:, :, :60, :70]
    assert torch.equal(s_dmask.signbit()[:, :, :60, :70], ~kept)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(2, 4, 60, dtype=torch.float64))
    torch.testing.assert_close(torch.einsum("bhij,bjhd->bihd", probabilities, v), plain)
    torch.testing.assert_close(torch.einsum("bhij,bjhd->bihd", probabilities * kept / 0.8, v), out)


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_a_wrong_rate_is_refused(rate: float) -> None:
    q, k, v = inputs(60, 70)
    with (
        oracle.replaying(dropped_by(rate, 60, 70)),
        pytest.raises(ValueError, match=r"the shim dropped 0\.\d+"),
    ):
        flash_attn_func(q, k, v, 0.2, return_attn_probs=True)


def test_dropout_needs_the_mask() -> None:
    with pytest.raises(ValueError, match="return_attn_probs"), oracle.replaying(torch.ones(2)):
        pass
