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
