"""``out=`` and named tuples, held against torch."""

from __future__ import annotations

import warnings
from typing import Any

import paddle
import pytest
import torch

from oarlock.results import named, stored
from oarlock.tensor import plain, wrap


def ours(values: Any, dtype: Any = "float32") -> Any:
    return wrap(paddle.to_tensor(values, dtype=dtype))


def test_without_out_it_is_the_result() -> None:
    result = ours([1.0])
    assert stored(result, None) is result


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_the_result_is_cast_into_out_s_dtype(dtype: str) -> None:
    out, theirs = ours([0, 0], dtype), torch.zeros(2, dtype=getattr(torch, dtype))
    torch.add(torch.tensor([1.0, 2.0]), 0.5, out=theirs)
    assert stored(ours([1.5, 2.5]), out) is out
    assert plain(out).numpy().tolist() == theirs.tolist()
    assert str(out.dtype) == f"torch.{dtype}"


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_a_dtype_that_cannot_hold_it_raises_as_torch(dtype: str) -> None:
    with pytest.raises(RuntimeError) as theirs:
        torch.add(torch.ones(2), 0.5, out=torch.ones(2, dtype=getattr(torch, dtype)))
    with pytest.raises(RuntimeError) as caught:
        stored(ours([1.5, 1.5]), ours([1, 1], dtype))
    assert str(caught.value) == str(theirs.value)


@pytest.mark.parametrize(("size", "warned"), [(0, 0), (3, 1)])
def test_out_is_resized(size: int, warned: int) -> None:
    out, theirs = wrap(paddle.ones([size])), torch.ones(size)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert stored(ours([1.0, 2.0]), out) is out
    assert len(heard) == warned
    with warnings.catch_warnings(record=True) as real:
        warnings.simplefilter("always")
        torch.add(torch.tensor([1.0, 2.0]), 0, out=theirs)
    assert plain(out).numpy().tolist() == theirs.tolist()
    told, wanted = ([str(w.message).split(". ")[0] for w in each] for each in (heard, real))
    assert [text.rstrip(".") for text in told] == wanted


def test_a_gradient_is_not_lost_silently() -> None:
    x = paddle.ones([2])
    x.stop_gradient = False
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        stored(wrap(x * 2), ours([0.0, 0.0]))
    with paddle.no_grad():
        out = ours([0.0, 0.0])
        assert stored(wrap(x * 2), out) is out


def test_several_results_go_into_several_tensors() -> None:
    result = named("torch.return_types.max", (ours([3.0]), ours([1], "int64")))
    outs = (ours([0.0]), ours([0], "int64"))
    kept = stored(result, outs)
    assert kept.values is outs[0]
    assert kept.indices is outs[1]
    assert [plain(out).item() for out in outs] == [3.0, 1]


def test_a_named_tuple_reads_like_torch_s() -> None:
    ours_ = named("torch.return_types.max", (1, 2))
    theirs: Any = torch.max(torch.ones(1, 1), 0)
    values, indices = ours_
    assert (values, indices) == (ours_.values, ours_[1]) == (1, 2)
    assert type(ours_).__module__ == type(theirs).__module__
    assert ours_.__match_args__ == theirs.__match_args__
    assert repr(ours_) == "torch.return_types.max(\nvalues=1,\nindices=2)"
    assert repr(theirs).startswith("torch.return_types.max(\nvalues=")


def test_every_named_tuple_has_torch_s_fields() -> None:
    from oarlock.results import _FIELDS

    for name, fields in _FIELDS.items():
        assert getattr(torch.return_types, name.rpartition(".")[2]).__match_args__ == fields
