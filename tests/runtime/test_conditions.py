"""When Paddle's own attention is taken for exact, as far as a CPU can show.

On a CPU build the answer is always no. What stands behind it is tested with that first answer
switched off: everything up to the place of the tensors is decided without a GPU.
"""

from typing import Any

import paddle
import pytest

import oarlock.conditions as conditions
from oarlock.flash_attn import flash_attn_func


def tensor(*shape: int, dtype: Any = "bfloat16", grad: bool = False) -> paddle.Tensor:
    x = paddle.zeros(shape, dtype)
    x.stop_gradient = not grad
    return x


Q = (2, 8, 4, 64)


@pytest.fixture
def fails(monkeypatch):
    monkeypatch.setattr(conditions, "_CUDA", True)

    def fails(q, k, v, causal=False, dropout_p=0.0):
        assert not conditions.paddle_flash_attention_is_exact(q, k, v, causal, dropout_p)
        return conditions._paddle_flash_attention_fails(q, k, v, causal, dropout_p)

    return fails


@pytest.mark.skipif(conditions._CUDA, reason="says what a CPU build says")
def test_a_cpu_build_is_never_exact():
    q = tensor(*Q)
    assert not conditions.paddle_flash_attention_is_exact(q, q, q, False, 0.0)


@pytest.mark.parametrize(
    ("q", "k", "v", "words"),
    [
        (Q, None, Q, "not all Paddle tensors"),
        (Q, (1, 8, 4, 64), (1, 8, 4, 64), "batch or head_dim"),
        (Q, (2, 8, 4, 32), (2, 8, 4, 32), "batch or head_dim"),
        (Q, Q, (2, 9, 4, 64), "batch or head_dim"),
        (Q, (2, 8, 64), (2, 8, 64), "the shapes are not"),
        (Q, (2, 0, 4, 64), (2, 0, 4, 64), "the shapes are not"),
        (Q, (2, 8, 3, 64), (2, 8, 3, 64), "no multiple"),
        ((2, 8, 4, 512), (2, 8, 4, 512), (2, 8, 4, 512), "FlashAttention path"),
        (Q, Q, Q, "FlashAttention path"),
    ],
)
def test_what_paddle_would_get_wrong_is_not_exact(fails, q, k, v, words):
    tensors = [shape and tensor(*shape) for shape in (q, k, v)]
    assert words in fails(*tensors)


def test_dtypes_masks_and_grouped_gradients(fails):
    q, longer, grouped = tensor(*Q), tensor(2, 9, 4, 64), tensor(2, 8, 2, 64, grad=True)
    single = tensor(*Q, dtype="float32")
    assert "float16 or bfloat16" in fails(single, single, single)
    assert "one dtype" in fails(q, tensor(*Q, dtype="float16"), q)
    assert "top left" in fails(q, longer, longer, causal=True)
    assert "low precision" in fails(q, grouped, grouped)


def test_arguments_of_another_kind_get_the_fallbacks_error(monkeypatch):
    monkeypatch.setattr(conditions, "_CUDA", True)
    q = tensor(*Q)
    with pytest.raises(TypeError, match="flash_attn_func: k: "):
        flash_attn_func(q, None, q)


QKV = (2, 8, 3, 4, 64)


@pytest.mark.parametrize(
    ("qkv", "words"),
    [
        (None, "no Paddle tensor"),
        (tensor(*QKV, dtype="float32"), "float16 or bfloat16"),
        (tensor(2, 8, 4, 4, 64), "the shape is not"),
        (tensor(2, 0, 3, 4, 64), "the shape is not"),
        (tensor(2, 8, 3, 4, 512), "FlashAttention path"),
        (tensor(*QKV), "FlashAttention path"),
    ],
)
def test_stacked_tensors_that_paddle_would_get_wrong(monkeypatch, qkv, words):
    monkeypatch.setattr(conditions, "_CUDA", True)
    assert not conditions.paddle_flash_attn_qkvpacked_is_exact(qkv)
    assert words in (conditions._paddle_flash_attn_qkvpacked_fails(qkv) or "")


STARTS = paddle.to_tensor([0, 3, 8], "int32")
TOTAL = (8, 4, 64)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": None}, "not all Paddle tensors"),
        ({"q": tensor(*TOTAL, dtype="float32")}, "float16 or bfloat16"),
        ({"v": tensor(*TOTAL, dtype="float16")}, "one dtype"),
        ({"softmax_scale": None}, "requires its scale"),
        ({"softmax_scale": -0.5}, "requires its scale"),
        ({"q": tensor(*Q)}, "the shapes are not"),
        ({"k": tensor(9, 4, 64), "v": tensor(9, 4, 64)}, "differ in total"),
        ({"cu_seqlens_k": STARTS.clone()}, "only one cu_seqlens"),
        ({"max_seqlen_k": 8}, "only one cu_seqlens"),
        ({"max_seqlen_q": 0, "max_seqlen_k": 0}, "out of its range"),
        ({"dropout_p": 1.0}, "out of its range"),
        ({"k": tensor(8, 2, 64, grad=True), "v": tensor(8, 2, 64)}, "low precision"),
        ({"k": tensor(8, 3, 64), "v": tensor(8, 3, 64)}, "no multiple"),
        ({}, "FlashAttention path"),
    ],
)
def test_packed_sequences_that_paddle_would_get_wrong(monkeypatch, changes, words):
    monkeypatch.setattr(conditions, "_CUDA", True)
    arguments: dict[str, Any] = dict.fromkeys("qkv", tensor(*TOTAL))
    arguments |= {"cu_seqlens_q": STARTS, "cu_seqlens_k": STARTS}
    arguments |= {"max_seqlen_q": 5, "max_seqlen_k": 5, "softmax_scale": 0.5, "dropout_p": 0.0}
    arguments |= changes
    assert not conditions.paddle_flash_attn_unpadded_is_exact(**arguments)
    assert words in (conditions._paddle_flash_attn_unpadded_fails(**arguments) or "")


@pytest.mark.skipif(conditions._CUDA, reason="says what a CPU build says")
def test_a_cpu_build_serves_no_packed_layout():
    qkv, q = tensor(*QKV), tensor(*TOTAL)
    assert not conditions.paddle_flash_attn_qkvpacked_is_exact(qkv)
    lengths = (STARTS, STARTS, 5, 5)
    assert not conditions.paddle_flash_attn_unpadded_is_exact(q, q, q, *lengths, 0.5, 0.0)
