"""Attention inside auto_cast, to_static and on the CPU: cast, served or refused, without noise."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.amp.auto_cast import AMP_LEVEL, _update_list
from paddle.base.framework import _dygraph_tracer

from oarlock import notices
from oarlock.errors import SlowPathWarning, UnsupportedError
from oarlock.kernels.attention import attention
from oarlock.kernels.attention.amp import autocast_dtype

NEEDS_GPU = pytest.mark.skipif(
    not paddle.device.is_compiled_with_cuda(), reason="this Paddle knows no GPU"
)


@contextmanager
def auto_cast(level, dtype, black=()):
    """Set what paddle.amp.auto_cast sets; on a CPU it only warns and does nothing."""
    tracer: Any = _dygraph_tracer()
    before = tracer._amp_level, tracer._amp_dtype, tracer._get_amp_op_list()
    tracer._amp_level, tracer._amp_dtype = getattr(AMP_LEVEL, level), dtype
    tracer._set_amp_op_list(*_update_list((), black, level, dtype))
    try:
        yield
    finally:
        tracer._amp_level, tracer._amp_dtype = before[:2]
        tracer._set_amp_op_list(*before[2])


@pytest.mark.parametrize("level", ["O1", "O2"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_auto_cast_names_its_dtype(level, dtype):
    with auto_cast(level, dtype):
        assert autocast_dtype() == getattr(paddle, dtype)
    assert autocast_dtype() is None


def test_auto_cast_keeps_float32_where_flash_attn_is_on_the_black_list():
    with auto_cast("O1", "bfloat16", black={"flash_attn"}):
        assert autocast_dtype() == paddle.float32


def test_auto_cast_leaves_the_cpu_alone_as_for_paddles_own_operators(tensors):
    q, k, v = tensors(1, 5, 6, 2, 1, 8, "float32")
    with auto_cast("O1", "bfloat16"):
        assert paddle.matmul(q, q, transpose_y=True).dtype == paddle.float32
        assert attention(q, k, v).dtype == paddle.float32


@pytest.mark.gpu
@NEEDS_GPU
@pytest.mark.parametrize("level", ["O1", "O2"])
def test_auto_cast_casts_on_a_gpu_and_gradients_keep_the_inputs_dtype(tensors, level):
    inputs = [x.detach().cuda() for x in tensors(1, 5, 6, 2, 1, 8, "float32")]
    for x in inputs:
        x.stop_gradient = False
    with paddle.amp.auto_cast(level=level, dtype="bfloat16"):
        out = attention(*inputs)
    assert out.dtype == paddle.bfloat16
    out.sum().backward()
    assert all(x.grad.dtype == paddle.float32 for x in inputs)


def windowed(q, k, v):
    return attention(q, k, v, causal=True) * 2


def test_to_static_runs_it_and_its_gradients(tensors):
    inputs = tensors(1, 5, 6, 2, 1, 8)
    compiled = paddle.jit.to_static(windowed, full_graph=False)
    out, expected = compiled(*inputs), windowed(*inputs)
    np.testing.assert_array_equal(out.numpy(), expected.numpy())
    for given, wanted in zip(
        paddle.grad(out.sum(), inputs), paddle.grad(expected.sum(), inputs), strict=True
    ):
        np.testing.assert_array_equal(given.numpy(), wanted.numpy())


def test_to_static_with_a_full_graph_is_refused(tensors):
    compiled = paddle.jit.to_static(windowed, full_graph=True)
    with pytest.raises(UnsupportedError, match="a static graph can't be built from it"):
        compiled(*tensors(1, 5, 6, 2, 1, 8))


def test_the_cpu_is_not_warned_of_a_slow_path(tensors):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowPathWarning)
        attention(*tensors(1, 5, 6, 2, 1, 8))


def test_it_works_where_slices_are_copies_too(dense, tensors):
    inputs = tensors(1, 300, 300, 1, 1, 8)
    flag = "FLAGS_use_stride_kernel"
    paddle.set_flags({flag: False})
    try:
        given = paddle.grad(attention(*inputs, causal=True).square().sum(), inputs)
    finally:
        paddle.set_flags({flag: True})
    expected = paddle.grad(dense(*inputs, causal=True)[0].square().sum(), inputs)
    for a, b in zip(given, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.gpu
@NEEDS_GPU
def test_tensors_on_the_cpu_are_served_there_while_a_gpu_is_current(tensors):
    inputs = tensors(1, 5, 6, 2, 1, 8)
    before = paddle.device.get_device()
    paddle.device.set_device("gpu")
    try:
        out = attention(*inputs, causal=True)
        out.sum().backward()
        assert paddle.device.get_device().startswith("gpu")
    finally:
        paddle.device.set_device(before)
    assert out.place.is_cpu_place()
    assert all(x.grad.place.is_cpu_place() for x in inputs)


@pytest.mark.gpu
@NEEDS_GPU
def test_a_gpu_is_warned_once(tensors):
    inputs = [x.cuda() for x in tensors(1, 5, 6, 2, 1, 8)]
    notices.forget()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            attention(*inputs)
    assert [each.category for each in caught].count(SlowPathWarning) == 1
