"""Convolution, pooling, normalization, embedding and attention where samples do not reach."""

from __future__ import annotations

import math
import warnings

import numpy as np
import paddle
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from side_by_side import agree, to_paddle, to_torch

import oarlock.torch
from oarlock.errors import UnsupportedError
from oarlock.ops import (
    attention,
    convolution,
    embedding,
    interpolation,
    linear,
    normalization,
    padding,
    pooling,
    vision,
)


def normal(*shape, seed=0, dtype=torch.float32, grad=True):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).to(dtype).requires_grad_(grad)


def test_dtypes_are_not_mixed():
    with pytest.raises(RuntimeError, match="dtype"):
        linear.linear(paddle.ones([2, 3]), paddle.ones([4, 3], "float64"))
    with pytest.raises(RuntimeError, match="should be the same"):
        convolution.conv2d(paddle.ones([1, 1, 3, 3]), paddle.ones([1, 1, 2, 2], "float64"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_linear_of_any_rank(dtype):
    w, b = normal(4, 3, seed=1, dtype=dtype), normal(4, seed=2, dtype=dtype)
    for shape in ((3,), (2, 3), (2, 5, 3), (0, 3)):
        agree(F.linear, linear.linear, normal(*shape, dtype=dtype), w, b)
    agree(F.linear, linear.linear, normal(2, 3), normal(3, seed=1))


def test_linear_is_differentiable_twice():
    x, w, b = normal(2, 3), normal(4, 3, seed=1), normal(4, seed=2)
    ours = [to_paddle(t) for t in (x, w, b)]
    (g,) = torch.autograd.grad((F.linear(x, w, b) ** 2).sum(), x, create_graph=True)
    (h,) = paddle.grad((linear.linear(*ours) ** 2).sum(), ours[0], create_graph=True)
    wanted = torch.autograd.grad((g**2).sum(), [w, b])
    got = paddle.grad((h**2).sum(), ours[1:])
    for a, c in zip(got, wanted, strict=True):
        torch.testing.assert_close(to_torch(a), c)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_convolution(data):
    n = data.draw(st.integers(1, 3))
    groups = data.draw(st.sampled_from([1, 2, 4]))
    kernel = [data.draw(st.integers(1, 3)) for _ in range(n)]
    dilation = data.draw(st.integers(1, 2))
    mode = data.draw(st.sampled_from(["same", "valid", 0, 1, 2]))
    stride = 1 if mode == "same" else data.draw(st.integers(1, 3))
    bias = normal(4, seed=2) if data.draw(st.booleans()) else None
    shape = [4, *([6] * n)] if data.draw(st.booleans()) else [2, 4, *([6] * n)]
    agree(
        getattr(F, f"conv{n}d"),
        getattr(convolution, f"conv{n}d"),
        normal(*shape),
        normal(4, 4 // groups, *kernel, seed=1),
        bias,
        stride=stride,
        padding=mode,
        dilation=dilation,
        groups=groups,
    )


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_transposed_convolution(data):
    n = data.draw(st.integers(1, 3))
    groups = data.draw(st.sampled_from([1, 2]))
    stride, dilation = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    more = data.draw(st.integers(0, max(stride, dilation) - 1))
    k, p = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
    assume((3 - 1) * stride - 2 * p + dilation * (k - 1) + more + 1 > 0)
    agree(
        getattr(F, f"conv_transpose{n}d"),
        getattr(convolution, f"conv_transpose{n}d"),
        normal(2, 4, *([3] * n)),
        normal(4, 2, *([k] * n), seed=1),
        normal(2 * groups, seed=2),
        stride=stride,
        padding=p,
        output_padding=more,
        groups=groups,
        dilation=dilation,
    )


@settings(deadline=None, max_examples=120)
@given(data=st.data())
def test_max_pool(data):
    n = data.draw(st.integers(1, 3))
    k, s = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    d, p = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
    length = data.draw(st.integers(4, 8))
    ceil = data.draw(st.booleans())
    assume(p <= k // 2 and length + 2 * p >= d * (k - 1) + 1)
    x = normal(2, 3, *([length] * n), seed=data.draw(st.integers(0, 9)))
    if data.draw(st.booleans()):
        # Many equal values: the gradient goes to the first.
        x = x.detach().round().requires_grad_()
    arguments = (x, k, s, p, d)
    agree(
        getattr(F, f"max_pool{n}d"), getattr(pooling, f"max_pool{n}d"), *arguments, ceil_mode=ceil
    )
    agree(
        getattr(F, f"max_pool{n}d"),
        getattr(pooling, f"max_pool{n}d"),
        *arguments,
        ceil_mode=ceil,
        return_indices=True,
    )


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_avg_pool(data):
    n = data.draw(st.integers(1, 3))
    k, s, p = (data.draw(st.integers(low, 4)) for low in (1, 1, 0))
    length = data.draw(st.integers(3, 8))
    assume(p <= k // 2 and length + (0 if n == 3 else 2 * p) >= k)
    kwargs = {"ceil_mode": data.draw(st.booleans()), "count_include_pad": data.draw(st.booleans())}
    if n > 1:
        kwargs["divisor_override"] = data.draw(st.sampled_from([None, 3]))
    x = normal(2, *([length] * n)) if data.draw(st.booleans()) else normal(1, 2, *([length] * n))
    agree(getattr(F, f"avg_pool{n}d"), getattr(pooling, f"avg_pool{n}d"), x, k, s, p, **kwargs)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 9])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_adaptive_pools(n, size):
    x = normal(2, 3, *[5, 7, 6][:n])
    for kind in ("avg", "max"):
        name = f"adaptive_{kind}_pool{n}d"
        agree(getattr(F, name), getattr(pooling, name), x, size)
    name = f"adaptive_max_pool{n}d"
    agree(getattr(F, name), getattr(pooling, name), x, size, True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("lp_pool2d", (2.0, 2)),
        ("lp_pool2d", (3.0, 3, 2)),
        ("avg_pool2d", (3, 2, 1)),
        ("avg_pool2d", (3, 2, 1, True, False)),
        ("adaptive_avg_pool2d", ((3, 4),)),
    ],
)
def test_pools_keep_nan_and_infinity_to_their_windows(name, args, bad, dtype):
    x = normal(2, 3, 7, 8, dtype=dtype).detach().abs()
    x[0, 1, 3, 4] = x[1, 0, 6, 7] = bad
    agree(getattr(F, name), getattr(pooling, name), x.requires_grad_(), *args)


def test_integers_are_pooled():
    x = torch.arange(16).reshape(1, 1, 4, 4)
    agree(F.max_pool2d, pooling.max_pool2d, x, 2, return_indices=True)


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_pool_with_samples_for_a_larger_batch(n):
    x, samples = normal(2, 4, *[7] * n), torch.rand(3, 4, n)
    theirs, ours = (getattr(m, f"fractional_max_pool{n}d") for m in (F, pooling))
    agree(theirs, ours, x, 2, 3, _random_samples=samples)
    for shape in ((1, 4, n), (2, 3, n), (2, 4, n + 1), (2, 4)):
        with pytest.raises(RuntimeError, match="_random_samples"):
            ours(to_paddle(x), 2, 3, _random_samples=paddle.rand(list(shape)))


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_pool_with_given_samples(n):
    samples = torch.rand(2, 3, n, generator=torch.Generator().manual_seed(5))
    name = f"fractional_max_pool{n}d"
    for dtype in (torch.float32, torch.float64):
        agree(
            getattr(F, name),
            getattr(pooling, name),
            normal(2, 3, *[9, 8, 10][:n], dtype=dtype),
            2,
            output_size=tuple([4, 3, 5][:n]),
            return_indices=True,
            _random_samples=samples.to(dtype),
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("momentum", [0.1, 0.7, 0.0, 1.0])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)])
def test_batch_norm_tracks_the_unbiased_variance(shape, momentum, dtype):
    x = normal(*shape, dtype=dtype)
    w, b = normal(3, seed=1, dtype=dtype), normal(3, seed=2, dtype=dtype)
    mean, var = torch.zeros(3, dtype=dtype), torch.ones(3, dtype=dtype)
    ours = to_paddle(mean), to_paddle(var)
    for _ in range(3):
        F.batch_norm(x, mean, var, w, b, True, momentum)
        normalization.batch_norm(to_paddle(x), *ours, to_paddle(w), to_paddle(b), True, momentum)
    torch.testing.assert_close(to_torch(ours[0]), mean)
    torch.testing.assert_close(to_torch(ours[1]), var)
    agree(F.batch_norm, normalization.batch_norm, x, mean, var, w, b)
    agree(F.batch_norm, normalization.batch_norm, x, None, None, w, b, True, momentum)


def test_statistics_may_change_between_forward_and_backward():
    mean, var = paddle.zeros([3]), paddle.ones([3])
    x = to_paddle(normal(4, 3))
    first = normalization.batch_norm(x, mean, var, training=True)
    second = normalization.batch_norm(x * 2, mean, var, training=True)
    (first.sum() + second.sum()).backward()
    assert x.grad is not None


def test_half_input_with_float_statistics():
    x = normal(4, 3, 5, dtype=torch.bfloat16)
    mean, var, w = torch.zeros(3), torch.ones(3), torch.ones(3)
    ours = to_paddle(mean), to_paddle(var)
    want = F.batch_norm(x, mean, var, w, training=True)
    got = normalization.batch_norm(to_paddle(x), *ours, to_paddle(w), training=True)
    assert got.dtype == paddle.bfloat16
    torch.testing.assert_close(to_torch(got), want.detach())
    torch.testing.assert_close(to_torch(ours[1]), var)


@pytest.mark.parametrize("use_input_stats", [True, False])
def test_instance_norm_with_statistics(use_input_stats):
    x = normal(2, 3, 4, 5)
    mean, var = torch.randn(3), torch.rand(3) + 0.5
    ours = to_paddle(mean), to_paddle(var)
    w, b = normal(3, seed=1), normal(3, seed=2)
    want = F.instance_norm(x, mean, var, w, b, use_input_stats, 0.3)
    got = normalization.instance_norm(
        to_paddle(x), *ours, to_paddle(w), to_paddle(b), use_input_stats, 0.3
    )
    torch.testing.assert_close(to_torch(got), want.detach())
    torch.testing.assert_close(to_torch(ours[0]), mean)
    torch.testing.assert_close(to_torch(ours[1]), var)


@pytest.mark.parametrize("eps", [1e-12, 1e-5, 1e-3, 0.5])
def test_layer_norm_of_any_eps(eps):
    x, w, b = normal(2, 3, 4), normal(3, 4, seed=1), normal(3, 4, seed=2)
    agree(F.layer_norm, normalization.layer_norm, x, (3, 4), w, b, eps)
    agree(F.layer_norm, normalization.layer_norm, x, (2, 3, 4), eps=eps)
    agree(F.rms_norm, normalization.rms_norm, x, (3, 4), w)
    agree(F.group_norm, normalization.group_norm, x, 3, eps=eps)


def test_norms_of_zero_have_no_gradient():
    x = torch.zeros(2, 3, requires_grad=True)
    for p in (1.0, 2.0, 3.0):
        agree(F.normalize, normalization.normalize, x, p)


@pytest.mark.parametrize("row", [0.0, 5.0])
@pytest.mark.parametrize("padding_idx", [1, -2])
def test_padding_keeps_its_row_and_gets_no_gradient(row, padding_idx):
    w = normal(5, 3).detach()
    w[padding_idx] = row
    index = torch.tensor([[1, 3, 0], [3, 1, 4]])
    agree(F.embedding, embedding.embedding, index, w.requires_grad_(), padding_idx)


def test_embedding_scaled_by_frequency():
    index = torch.tensor([1, 1, 4, 1, 0])
    agree(F.embedding, embedding.embedding, index, normal(5, 3), scale_grad_by_freq=True)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, math.inf])
def test_max_norm_renormalizes_in_place(norm_type):
    w = normal(5, 3).detach() * 3
    ours, index = to_paddle(w), torch.tensor([1, 1, 4])
    ours.stop_gradient = False
    w.requires_grad_()
    want = F.embedding(index, w, max_norm=1.0, norm_type=norm_type)
    got = embedding.embedding(to_paddle(index), ours, max_norm=1.0, norm_type=norm_type)
    torch.testing.assert_close(to_torch(got), want.detach())
    torch.testing.assert_close(to_torch(ours), w.detach())
    assert not torch.equal(w[4].detach(), normal(5, 3)[4] * 3)
    got.sum().backward()


def test_sparse_gradients_are_refused():
    with pytest.raises(UnsupportedError, match="sparse"):
        embedding.embedding(paddle.to_tensor([0]), paddle.ones([2, 2]), sparse=True)
    for index in (2, -1):
        with pytest.raises(IndexError):
            embedding.embedding(paddle.to_tensor([index]), paddle.ones([2, 2]))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "constant"])
@pytest.mark.parametrize("pads", [(1, 2), (2, 0, 1, 1), (-1, 2), (1, -2, 0, 1), (3, 3, 2, 2, 1, 1)])
def test_pads(pads, mode):
    n = len(pads) // 2
    for lead in ((2,), (2, 3)):
        agree(F.pad, padding.pad, normal(*lead, *[4, 5, 6][:n]), pads, mode)


def test_pads_of_other_dtypes():
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16):
        agree(F.pad, padding.pad, torch.ones(2, 3).to(dtype), (1, 2), "constant", 1)


MODES = ["bilinear", "bicubic", "nearest", "nearest-exact", "area"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "to",
    [{"size": size} for size in ((3, 4), (7, 5), (1, 1), (13, 20), (6, 9), (1, 12))]
    + [{"scale_factor": f} for f in (0.5, 2, 1.3, 0.77, 2.9, (0.4, 3))]
    + [{"scale_factor": f, "recompute_scale_factor": True} for f in (1.3, 0.77)],
    ids=str,
)
def test_interpolate(to, mode, dtype):
    x = normal(2, 3, 6, 9, dtype=dtype)
    smooth = mode in ("bilinear", "bicubic")
    for antialias in (False, True) if smooth else (False,):
        for align in (None, True, False) if smooth else (None,):
            agree(
                F.interpolate,
                interpolation.interpolate,
                x,
                mode=mode,
                align_corners=align,
                antialias=antialias,
                **to,
            )


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_nearest_takes_torchs_elements(data):
    n = data.draw(st.integers(1, 3))
    sizes = [data.draw(st.integers(1, 24 if n < 3 else 6)) for _ in range(n)]
    factor = data.draw(st.floats(0.15, 3.5))
    wanted = [max(int(size * factor), 1) for size in sizes]
    to = {"size": wanted} if data.draw(st.booleans()) else {"scale_factor": factor}
    assume(all(int(size * factor) for size in sizes))
    # torch's gradient of sequences and volumes takes other elements than its result.
    consistent = n == 2 or "size" in to
    for mode in ("nearest", "nearest-exact"):
        x = normal(1, 2, *sizes)
        agree(F.interpolate, interpolation.interpolate, x, gradients=consistent, mode=mode, **to)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode, padding_mode, align_corners):
    x, grid = normal(2, 3, 5, 6), normal(2, 4, 7, 2, seed=1)
    agree(
        F.grid_sample,
        vision.grid_sample,
        x,
        grid,
        mode=mode,
        padding_mode=padding_mode,
        align_corners=align_corners,
    )


@pytest.mark.parametrize("align_corners", [True, False])
def test_affine_grid(align_corners):
    for n, size in ((2, (2, 3, 4, 5)), (3, (2, 3, 4, 5, 6))):
        theta = normal(2, n, n + 1)
        agree(F.affine_grid, vision.affine_grid, theta, size, align_corners=align_corners)


def test_queries_that_see_nothing_give_zeros():
    q, k, v = normal(1, 2, 3, 4), normal(1, 2, 5, 4, seed=1), normal(1, 2, 5, 4, seed=2)
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[1] = False
    mask[0, 2] = False
    ours = attention.scaled_dot_product_attention
    agree(F.scaled_dot_product_attention, ours, q, k, v, mask)
    added = torch.zeros(3, 5).masked_fill(~mask, -math.inf)
    agree(F.scaled_dot_product_attention, ours, q, k, v, added)
    agree(F.scaled_dot_product_attention, ours, q, k, v, mask, is_causal=True)


def test_causal_grouped_and_scaled():
    q, k, v = normal(2, 6, 3, 4), normal(2, 2, 5, 4, seed=1), normal(2, 2, 5, 7, seed=2)
    ours = attention.scaled_dot_product_attention
    kwargs = {"is_causal": True, "scale": 0.3, "enable_gqa": True}
    agree(F.scaled_dot_product_attention, ours, q, k, v, **kwargs)
    mask = normal(6, 3, 5, seed=3, grad=False)
    agree(F.scaled_dot_product_attention, ours, q, k, v, mask, enable_gqa=True)


def test_dropout_of_attention_is_reproducible():
    from oarlock.random.generator import manual_seed

    q = to_paddle(normal(1, 2, 8, 4, grad=False))
    outs = []
    for _ in range(2):
        manual_seed(3)
        outs.append(attention.scaled_dot_product_attention(q, q, q, dropout_p=0.5))
    plain = attention.scaled_dot_product_attention(q, q, q)
    assert torch.equal(to_torch(outs[0]), to_torch(outs[1]))
    assert not torch.equal(to_torch(outs[0]), to_torch(plain))


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", ["none", "bool", "float", "padding", "causal"])
@pytest.mark.parametrize("extra", [False, True])
def test_multi_head_attention(need_weights, masks, extra):
    width, heads, length, batch = 6, 2, 4, 3
    x = normal(length, batch, width)
    weights = [normal(*s, seed=i) for i, s in enumerate([(18, 6), (18,), (6, 6), (6,)])]
    bias = (normal(1, 1, width, seed=7), normal(1, 1, width, seed=8)) if extra else (None, None)
    causal = torch.ones(length, length, dtype=torch.bool).triu(1)
    kwargs = {
        "none": {},
        "bool": {"attn_mask": causal},
        "float": {"attn_mask": normal(batch * heads, length, length, seed=9, grad=False)},
        "padding": {"key_padding_mask": torch.arange(length)[None] > torch.tensor([[1], [2], [3]])},
        "causal": {"attn_mask": causal, "is_causal": True},
    }[masks]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(
            F.multi_head_attention_forward,
            attention.multi_head_attention_forward,
            x,
            x,
            x,
            width,
            heads,
            weights[0],
            weights[1],
            *bias,
            extra,
            0.0,
            weights[2],
            weights[3],
            need_weights=need_weights,
            average_attn_weights=masks == "none",
            **kwargs,
        )


def test_multi_head_attention_unbatched_with_separate_weights():
    q, k, v = normal(4, 6), normal(5, 3, seed=1), normal(5, 2, seed=2)
    weights = [normal(6, n, seed=n) for n in (6, 3, 2)]
    agree(
        F.multi_head_attention_forward,
        attention.multi_head_attention_forward,
        q,
        k,
        v,
        6,
        3,
        None,
        normal(18, seed=9),
        None,
        None,
        False,
        0.0,
        normal(6, 6, seed=10),
        None,
        use_separate_proj_weight=True,
        q_proj_weight=weights[0],
        k_proj_weight=weights[1],
        v_proj_weight=weights[2],
    )


@pytest.mark.parametrize("name", ["group_norm", "instance_norm", "layer_norm", "batch_norm"])
def test_a_mean_far_above_the_deviation(name):
    """The variance must not come from a difference of large squares."""
    x = np.random.default_rng(0).standard_normal((4, 8, 6, 6)) + 500
    more = {"group_norm": (4,), "layer_norm": ((6, 6),)}.get(name, ())
    stats = {"running_mean": None, "running_var": None, "training": True}
    options = stats if name == "batch_norm" else {}
    exact, theirs, ours = (
        np.array(
            getattr(side.nn.functional, name)(
                side.tensor(x, dtype=dtype), *more, **options
            ).tolist()
        )
        for side, dtype in (
            (torch, torch.float64),
            (torch, torch.float32),
            (oarlock.torch, oarlock.torch.float32),
        )
    )
    # What rounding the input to float32 alone can do is torch's error too.
    assert np.abs(ours - exact).max() <= 4 * np.abs(theirs - exact).max()
