"""Which implementation serves a call on a GPU, and what is said where it is not the kernels."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import paddle
import pytest

import oarlock
from oarlock import notices, routing
from oarlock.errors import SlowPathWarning
from oarlock.flash_attn import flash_attn_func
from oarlock.kernels.attention.implementations import triton_is_missing
from oarlock.kernels.launch import compiling_for
from oarlock.torch.nn.functional import scaled_dot_product_attention

TRITON = "Triton is not installed; install it with: pip install 'triton>=3.6'"


def tensors(dtype: Any = "bfloat16") -> Any:
    return [paddle.ones([1, 4, 2, 16], dtype)] * 3


def said(call):
    notices.forget()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
        call()
    return [each for each in caught if each.category is SlowPathWarning]


@pytest.fixture
def without_triton(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    triton_is_missing.cache_clear()
    yield
    triton_is_missing.cache_clear()


def check_slow_path(reason, *inputs):
    (warning,) = said(lambda: flash_attn_func(*inputs, causal=True))
    assert reason in str(warning.message)
    assert str(warning.message).endswith("/api/flash_attn/flash_attn_func/")
    assert warning.filename == __file__
    explanation = oarlock.explain(flash_attn_func, *inputs, causal=True)
    assert "reference path" in explanation.server
    assert any(reason in note for note in explanation.notes)


def test_a_gpu_without_triton_is_told_how_to_install_it(without_triton):
    with compiling_for((9, 0)):
        check_slow_path(TRITON, *tensors())


def test_an_old_gpu_is_named():
    pytest.importorskip("triton")
    with compiling_for((7, 5)):
        check_slow_path("compute capability 7.5, and the kernels need 8.0", *tensors())


def test_dtypes_that_kernels_do_not_take_are_named():
    with compiling_for((9, 0)):
        check_slow_path("and the tensors are float32", *tensors("float32"))


def test_the_reference_that_was_asked_for_is_served_without_a_word():
    with compiling_for((7, 5)), routing.forcing("reference"):
        assert said(lambda: flash_attn_func(*tensors(), causal=True)) == []
        assert oarlock.explain(flash_attn_func, *tensors()).notes == ()


def test_the_cpu_is_served_without_a_word_and_without_triton(without_triton):
    assert said(lambda: flash_attn_func(*tensors(), causal=True)) == []
    assert oarlock.explain(flash_attn_func, *tensors()).notes == ()


@pytest.mark.parametrize(
    ("capability", "words"),
    [
        ((8, 9), "for sm_89: tile"),
        ((9, 0), "for sm_90: tile"),
        ((10, 3), "for sm_103: tile"),
    ],
)
def test_explain_names_the_architecture_and_whose_tiles_it_takes(capability, words):
    pytest.importorskip("triton")
    with compiling_for(capability):
        explanation = oarlock.explain(flash_attn_func, *tensors(), causal=True)
    assert words in explanation.server
    borrowed = [note for note in explanation.notes if "has no tiles of its own" in note]
    assert bool(borrowed) == (capability != (9, 0))


@pytest.mark.parametrize(
    ("options", "by_kernels"),
    [({"is_causal": True}, True), ({"scale": 0.3}, True), ({"dropout_p": 0.5}, False)],
    ids=str,
)
def test_explain_tells_which_calls_of_torchs_attention_the_kernels_serve(options, by_kernels):
    pytest.importorskip("triton")
    with compiling_for((9, 0)):
        server = oarlock.explain(scaled_dot_product_attention, *tensors(), **options).server
    assert ("attention kernel in Triton, for sm_90: tile" in server) == by_kernels
    assert ("scaled_dot_product_attention" in server) != by_kernels
