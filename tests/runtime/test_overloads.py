"""Overloads chosen by what was passed, variadic parameters, and NumPy's spellings."""

from __future__ import annotations

from typing import Any

import paddle
import pytest

from oarlock.errors import ArgumentTypeError
from oarlock.overloads import Overloads, variadic
from oarlock.spellings import REQUIRED, respelled
from oarlock.tensor import wrap


def whole(input: Tensor) -> Any:  # noqa: A002, F821  # pyright: ignore
    return "whole"


def along(input: Tensor, dim: int, keepdim: bool = False) -> Any:  # noqa: A002, F821  # pyright: ignore
    return "along", dim, keepdim


def between(input: Tensor, other: Tensor) -> Any:  # noqa: A002, F821  # pyright: ignore
    return "between"


choose = Overloads("torch.max", whole, along, between)
X = paddle.ones([2])


@pytest.mark.parametrize("x", [X, wrap(X)])
def test_the_first_that_fits_is_called(x: Any) -> None:
    for _ in range(2):  # the second time it is known
        assert choose(x) == "whole"
        assert choose(x, 1) == ("along", 1, False)
        assert choose(x, dim=0, keepdim=True) == ("along", 0, True)
        assert choose(x, axis=0, keepdims=True) == ("along", 0, True)
        assert choose(x, x) == choose(x, other=x) == "between"


@pytest.mark.parametrize("words", [{"dim": "a"}, {"axes": 1}, {"axis": 1.5}])
def test_what_fits_none_is_refused_with_the_signatures(words: dict[str, Any]) -> None:
    for _ in range(2):
        with pytest.raises(ArgumentTypeError, match=r"torch\.max: got .* expected .*keepdim"):
            choose(X, **words)


def permute(*dims: Any, **named: Any) -> Any:
    return variadic("torch.Tensor.permute", "dims", dims, named)


def squeeze(*dim: Any, **named: Any) -> Any:
    return variadic("torch.Tensor.squeeze", "dim", dim, named, None)


def test_a_sequence_comes_one_by_one_or_whole_or_by_name() -> None:
    assert permute(0, 2, 1) == permute((0, 2, 1)) == permute(dims=(0, 2, 1)) == (0, 2, 1)
    assert permute(0) == (0,)
    assert permute([0, 1]) == [0, 1]
    assert squeeze() is None
    assert squeeze(1) == squeeze(dim=1) == squeeze(axis=1) == 1
    assert squeeze((1, 2)) == squeeze(1, 2) == (1, 2)


@pytest.mark.parametrize(
    "call",
    [
        permute,
        lambda: permute(1, dims=1),
        lambda: permute(dimz=1),
        lambda: squeeze(1, dim=1),
        lambda: squeeze(dim=1, out=None),
    ],
)
def test_a_sequence_comes_once(call: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"torch\.Tensor"):
        call()


def test_numpy_s_spellings_are_torch_s_parameters() -> None:
    assert respelled("torch.sum", {"axis": 1}, dim=None, keepdim=False) == [1, False]
    assert respelled("torch.sum", {"keepdims": True}, dim=0, keepdim=False) == [0, True]
    assert respelled("torch.cumsum", {"axis": 1}, dim=REQUIRED) == [1]
    with pytest.raises(ArgumentTypeError, match="dim: got nothing"):
        respelled("torch.cumsum", {}, dim=REQUIRED)
    with pytest.raises(ArgumentTypeError, match="keyword 'keepdims'"):
        respelled("torch.cumsum", {"keepdims": True}, dim=1)
