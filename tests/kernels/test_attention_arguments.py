"""Arguments that are not accepted: the error names the parameter and what was given."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import paddle
import pytest
import torch

from oarlock.errors import ArgumentError, ArgumentTypeError, OarlockError
from oarlock.kernels.attention import attention

API = "flash_attn.flash_attn_func"


def tensor(*shape, dtype: Any = "float32"):
    return paddle.zeros(shape, dtype)


def call(**changes):
    arguments: dict[str, Any] = {
        "q": tensor(2, 6, 4, 8),
        "k": tensor(2, 5, 2, 8),
        "v": tensor(2, 5, 2, 8),
    }
    return attention(**(arguments | changes))


@pytest.mark.parametrize(
    ("changes", "error", "parameter", "given"),
    [
        ({"q": torch.zeros(2, 6, 4, 8)}, TypeError, "q", "a torch.Tensor"),
        ({"k": np.zeros((2, 5, 2, 8))}, TypeError, "k", "a numpy.ndarray"),
        ({"v": [1.0]}, TypeError, "v", "a list"),
        ({"v": None}, TypeError, "v", "a NoneType"),
        ({"q": tensor(6, 4, 8)}, ValueError, "q", "(6, 4, 8)"),
        ({"k": tensor(10, 2, 8)}, ValueError, "k", "(10, 2, 8)"),
        ({"q": tensor(2, 6, 4, 8, dtype="int32")}, TypeError, "q", "int32"),
        ({"k": tensor(2, 5, 2, 8, dtype="float64")}, ValueError, "k", "float64"),
        ({"v": tensor(2, 5, 2, 8, dtype="bfloat16")}, ValueError, "v", "bfloat16"),
        ({"q": tensor(0, 6, 4, 8)}, ValueError, "q", "(0, 6, 4, 8)"),
        ({"q": tensor(2, 6, 4, 257)}, ValueError, "q", "257"),
        ({"k": tensor(2, 5, 2, 16)}, ValueError, "k", "(2, 5, 2, 16)"),
        ({"k": tensor(3, 5, 2, 8)}, ValueError, "k", "(3, 5, 2, 8)"),
        ({"v": tensor(2, 7, 2, 8)}, ValueError, "v", "(2, 7, 2, 8)"),
        ({"v": tensor(2, 5, 1, 8)}, ValueError, "v", "(2, 5, 1, 8)"),
        ({"q": tensor(2, 6, 3, 8)}, ValueError, "q", "(2, 6, 3, 8)"),
        ({"k": tensor(2, 5, 0, 8)}, ValueError, "k", "(2, 5, 0, 8)"),
        ({"dropout_p": -0.1}, ValueError, "dropout_p", "-0.1"),
        ({"dropout_p": 1.0}, ValueError, "dropout_p", "1"),
        ({"dropout_p": "half"}, TypeError, "dropout_p", "'half'"),
        ({"dropout_p": True}, TypeError, "dropout_p", "True"),
        ({"dropout_p": float("nan")}, ValueError, "dropout_p", "nan"),
        ({"softmax_scale": float("nan")}, ValueError, "softmax_scale", "nan"),
        ({"softmax_scale": float("inf")}, ValueError, "softmax_scale", "inf"),
        ({"softmax_scale": 1j}, TypeError, "softmax_scale", "1j"),
        ({"softmax_scale": "auto"}, TypeError, "softmax_scale", "'auto'"),
        ({"causal": "no"}, TypeError, "causal", "'no'"),
        ({"causal": None}, TypeError, "causal", "None"),
        ({"window_size": 5}, TypeError, "window_size", "5, a single number"),
        ({"window_size": None}, TypeError, "window_size", "None"),
        ({"window_size": "16"}, TypeError, "window_size", "'16'"),
        ({"window_size": (5,)}, ValueError, "window_size", "(5,)"),
        ({"window_size": (1, 2, 3)}, ValueError, "window_size", "(1, 2, 3)"),
        ({"window_size": (1.5, 0)}, TypeError, "window_size", "(1.5, 0)"),
        ({"window_size": (True, False)}, TypeError, "window_size", "(True, False)"),
        ({"softcap": -1.0}, ValueError, "softcap", "-1"),
        ({"softcap": None}, TypeError, "softcap", "None"),
        ({"softcap": 5.0, "dropout_p": 0.25}, ValueError, "dropout_p", "0.25"),
        ({"alibi_slopes": tensor(3)}, ValueError, "alibi_slopes", "(3,)"),
        ({"alibi_slopes": tensor(4, 2)}, ValueError, "alibi_slopes", "(4, 2)"),
        ({"alibi_slopes": tensor(4, dtype="float16")}, TypeError, "alibi_slopes", "float16"),
        ({"alibi_slopes": np.zeros(4)}, TypeError, "alibi_slopes", "a numpy.ndarray"),
        ({"alibi_slopes": [0.5] * 4}, TypeError, "alibi_slopes", "a list"),
    ],
)
def test_the_error_names_the_parameter_and_what_was_given(changes, error, parameter, given):
    with pytest.raises(error) as caught:
        call(**changes)
    assert isinstance(caught.value, (ArgumentError, ArgumentTypeError))
    assert caught.value.api == API
    assert caught.value.parameter == parameter
    message = str(caught.value)
    assert message.startswith(f"{API}: {parameter}: got ")
    assert given in message
    assert "expected" in message
    assert message.endswith(f"#{parameter}")


@pytest.mark.gpu
@pytest.mark.skipif(not paddle.device.is_compiled_with_cuda(), reason="this Paddle knows no GPU")
@pytest.mark.parametrize("parameter", ["k", "v", "alibi_slopes"])
def test_a_tensor_on_another_place_is_refused(parameter):
    tensors: dict[str, Any] = {name: tensor(1, 4, 2, 8).cuda() for name in ("q", "k", "v")}
    tensors["alibi_slopes"] = tensor(2).cuda()
    tensors[parameter] = tensors[parameter].cpu()
    with pytest.raises(
        ArgumentError, match=f"{parameter}: got a tensor on Place.cpu.*the place of q"
    ):
        attention(**tensors)


def test_the_api_that_was_called_is_the_one_that_is_named():
    with pytest.raises(OarlockError, match=r"^elsewhere\.attend: softcap: "):
        call(softcap=-1.0, api="elsewhere.attend")


def test_errors_survive_pickling():
    with pytest.raises(OarlockError) as caught:
        call(window_size=5)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is type(caught.value)
    assert str(copy) == str(caught.value)
    assert (copy.api, copy.parameter) == (API, "window_size")


def test_lists_and_numpy_integers_are_a_window():
    expected = call(window_size=(3, 0))
    assert (call(window_size=[3, 0]) == expected).all()
    assert (call(window_size=(np.int64(3), np.int32(0))) == expected).all()


def test_numpy_numbers_are_numbers():
    assert call(softmax_scale=np.float32(0.5), softcap=np.float64(2)).shape == [2, 6, 4, 8]
