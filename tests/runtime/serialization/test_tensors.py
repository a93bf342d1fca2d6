"""Tensors of every dtype through files of both formats, their strides and shared storages."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import paddle
import pytest
import torch
from crossing import FORMATS, bits, from_torch, to_torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError
from oarlock.nn.parameter import Parameter
from oarlock.serialization.loading import load
from oarlock.serialization.safe_globals import safe_globals
from oarlock.serialization.saving import save
from oarlock.serialization.storage import UntypedStorage
from oarlock.tensor import Tensor, plain

DTYPES = [
    *("float16", "bfloat16", "float32", "float64", "int64", "int32", "int16", "int8", "uint8"),
    *("bool", "complex64", "complex128"),
]
FLOAT8 = ["float8_e4m3fn", "float8_e5m2"]


def sample(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return (torch.rand(4, 6, generator=generator) * 100).to(getattr(torch, name))


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
@pytest.mark.parametrize("name", DTYPES)
def test_dtypes_and_views_both_ways(name, options):
    x = sample(name)
    views = {"x": x, "t": x.t()[1:], "step": x[:, ::2], "row": x[2], "one": x[3, 4], "none": x[:0]}
    loaded = from_torch(views, options=options)
    for key, view in views.items():
        assert type(loaded[key]) is Tensor
        assert repr(loaded[key].dtype) == f"torch.{name}"
        assert tuple(loaded[key].shape) == tuple(view.shape)
        if view.numel():
            assert loaded[key].stride() == view.stride()
            assert loaded[key].storage_offset() == view.storage_offset()
    again = to_torch(loaded, options=options)
    for key, view in views.items():
        assert again[key].dtype is view.dtype
        assert again[key].shape == view.shape
        assert again[key].stride() == view.stride()
        assert torch.equal(bits(again[key]), bits(view))
    assert len({again[k].untyped_storage().data_ptr() for k in views if k != "none"}) == 1


@pytest.mark.parametrize("name", FLOAT8)
def test_float8_both_ways(name):
    x = sample(name)
    again = to_torch(from_torch({"a": x, "b": x[1:]}))
    assert torch.equal(bits(again["a"]), bits(x))
    assert again["b"].untyped_storage().data_ptr() == again["a"].untyped_storage().data_ptr()


def test_float8_in_the_older_format_is_refused_since_torch_cannot_read_it():
    x = from_torch(sample("float8_e5m2"))
    with pytest.raises(UnsupportedError, match="older format"):
        save(x, io.BytesIO(), _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_loaded_views_of_one_storage_share_it(options):
    x = torch.arange(12.0)
    loaded = from_torch([x, x.view(3, 4).t(), x[6:]], options=options)
    loaded[0].mul_(10)
    assert loaded[1].tolist() == (x * 10).view(3, 4).t().tolist()
    loaded[2].fill_(-1)
    assert loaded[0].tolist() == [0.0, 10, 20, 30, 40, 50, -1, -1, -1, -1, -1, -1]


def test_views_that_oarlock_made_are_written_with_one_storage():
    x = oarlock_torch.arange(24, dtype=oarlock_torch.float32).view(4, 6)
    again = to_torch({"x": x, "t": x.t(), "row": x[1], "wide": x[:1].expand(3, 6)})
    again["x"].mul_(2)
    assert again["t"].tolist() == again["x"].t().tolist()
    assert again["row"].tolist() == again["x"][1].tolist()
    assert again["wide"].tolist() == again["x"][:1].expand(3, 6).tolist()


def test_a_storage_is_written_once(tmp_path):
    x = oarlock_torch.zeros(1000, 1000)
    save({"a": x, "b": x, "c": x.t(), "d": x[5:]}, tmp_path / "shared.pt")
    assert (tmp_path / "shared.pt").stat().st_size < 1.01 * 4_000_000


def test_one_storage_as_two_dtypes_is_refused_as_in_torch():
    x = oarlock_torch.zeros(4, dtype=oarlock_torch.float32)
    seen: Any = x.view(oarlock_torch.int32)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="different types"):
        save([x, seen], io.BytesIO())


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_parameters_and_gradient_flags(options):
    shared = torch.nn.Parameter(torch.ones(3))
    frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    named = torch.nn.Parameter(torch.zeros(2))
    named.tag = "head"  # type: ignore[attr-defined]
    plain_leaf = torch.ones(2, requires_grad=True)
    given_values = {"a": shared, "b": shared, "f": frozen, "n": named, "leaf": plain_leaf}
    loaded = from_torch(given_values, options=options)
    assert loaded["a"] is loaded["b"]
    assert all(type(loaded[key]) is Parameter for key in "abfn")
    assert loaded["a"].requires_grad
    assert not loaded["f"].requires_grad
    assert loaded["n"].tag == "head"
    assert loaded["leaf"].requires_grad
    assert loaded["leaf"].is_leaf
    again = to_torch(loaded, options=options)
    assert again["a"] is again["b"]
    assert type(again["n"]) is torch.nn.Parameter
    assert again["n"].tag == "head"
    assert (again["f"].requires_grad, again["leaf"].requires_grad) == (False, True)


def test_what_was_computed_is_saved_without_its_history():
    w = oarlock_torch.ones(2, requires_grad=True)
    again = to_torch(w * 3)
    assert again.tolist() == [3, 3]
    assert again.requires_grad
    assert again.is_leaf


def test_attributes_of_a_tensor():
    x = torch.ones(2)
    x.note = ["kept"]  # type: ignore[attr-defined]
    loaded = from_torch(x)
    assert loaded.note == ["kept"]
    assert to_torch(loaded).note == ["kept"]


def test_conjugate_and_negative_views_are_resolved():
    x = torch.tensor([1 + 2j, 3 - 4j])
    assert from_torch(x.conj()).tolist() == [1 - 2j, 3 + 4j]
    assert from_torch(x.conj().imag).tolist() == [-2, 4]


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_plain_values_and_containers(options):
    values = {
        "numbers": [0, 1, -1, 255, 65536, 2**40, -(2**70), 1.5, float("inf"), 1 + 2j],
        "text": ["", "α β", b"\x00\xff", bytearray(b"ab")],
        "none": None,
        "bools": (True, False),
        "set": {1, "two"},
        "nested": {"deep": [{"er": ({"x": 1},)}]},
        "ordered": OrderedDict(b=1, a=2),
        "counter": Counter("banana"),
        5: "int key",
    }
    assert from_torch(values, options=options) == values
    assert to_torch(values, options=options) == values


def test_torch_values():
    given_values = [torch.Size([2, 3]), torch.bfloat16, torch.device("cuda", 1), torch.strided]
    loaded = from_torch(given_values)
    assert [repr(value) for value in loaded] == [repr(value) for value in given_values]
    assert loaded[1] is oarlock_torch.bfloat16
    assert to_torch(loaded) == given_values


def test_state_dict_keeps_its_metadata():
    state = torch.nn.Sequential(torch.nn.BatchNorm1d(2)).state_dict()
    loaded = from_torch(state)
    assert type(loaded) is OrderedDict
    assert loaded._metadata == state._metadata  # type: ignore[attr-defined]
    assert to_torch(loaded)._metadata == state._metadata  # type: ignore[attr-defined]


def test_plain_paddle_tensors_are_written_as_tensors():
    again = to_torch({"p": paddle.arange(3)})
    assert torch.equal(again["p"], torch.arange(3))


@pytest.mark.parametrize("kind", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("weights_only", [True, False])
def test_dtypes_that_paddle_lacks_are_named(kind, weights_only):
    state = {"model": {"layer.table": torch.ones(3).to(getattr(torch, kind))}}
    with pytest.raises(UnsupportedError) as caught:
        from_torch(state, weights_only=weights_only)
    assert f"torch.{kind} at ['model']['layer.table']" in str(caught.value)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_other_kinds_of_tensor_that_paddle_lacks_are_named():
    lacking = {
        "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        "sparse": torch.ones(2).to_sparse(),
        "meta": torch.empty(2, device="meta"),
    }
    for name, value in lacking.items():
        with pytest.raises(UnsupportedError, match=rf"\['{name}'\]"):
            from_torch({"fine": torch.ones(1), name: value})
    with pytest.raises(UnsupportedError, match=r"the dtype torch\.uint16 at \[1\]"):
        from_torch([1, torch.uint16])


def test_a_parameter_of_a_module_that_paddle_lacks_is_named():
    module = torch.nn.Linear(2, 2)
    module.register_buffer("steps", torch.zeros(1, dtype=torch.uint32))
    with pytest.raises(UnsupportedError, match=r"uint32 at ._buffers\['steps'\]"):
        from_torch(module, weights_only=False)


@given(
    size=st.lists(st.integers(1, 4), min_size=0, max_size=4),
    order=st.randoms(use_true_random=False),
    start=st.integers(0, 3),
    step=st.integers(1, 2),
)
@settings(max_examples=30, deadline=None)
def test_any_strides_cross(size, order, start, step):
    dims = list(range(len(size)))
    order.shuffle(dims)
    x = torch.arange(10.0 + 300 * step).as_strided(size, [step * 4**i for i in dims], start)
    loaded = from_torch(x)
    assert loaded.tolist() == x.tolist()
    again = to_torch(loaded)
    assert (again.tolist(), again.stride()) == (x.tolist(), x.stride())
    # as torch does, the storage is kept whole
    assert again.untyped_storage().nbytes() == x.untyped_storage().nbytes()


def test_numpy_scalars_need_to_be_admitted():
    value = {"best": np.float64(0.5)}
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    kinds = [np._core.multiarray.scalar, np.dtype, type(np.dtype("float64"))]  # type: ignore[attr-defined]
    with safe_globals(kinds):
        assert load(file) == value
    file.seek(0)
    assert load(file, weights_only=False) == value


def test_storages_themselves():
    loaded = from_torch(torch.arange(3.0).untyped_storage())
    assert loaded.nbytes() == 12
    with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
        typed = torch.ones(5).storage()
    assert len(from_torch(typed)) == 5
    assert to_torch(oarlock_torch.ones(2).untyped_storage(), weights_only=True).nbytes() == 8


def test_loaded_tensors_are_ordinary_ones():
    x = from_torch(torch.arange(6.0).view(2, 3).requires_grad_())
    (x * x).sum().backward()
    assert x.grad.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert plain(x).is_contiguous()


def test_untyped_storages_are_made_and_mapped(tmp_path):
    assert UntypedStorage(5).nbytes() == 5
    path = tmp_path / "numbers.bin"
    np.arange(10, dtype="float32").tofile(path)
    storage = UntypedStorage.from_file(str(path), False, 40)
    part = oarlock_torch.asarray(storage[8:20], dtype=oarlock_torch.uint8)
    assert part.view(oarlock_torch.float32).tolist() == [2, 3, 4]
    assert storage[4:8].tolist() == list(np.float32(1).tobytes())
    assert (storage[6], storage[-33]) == (0x80, 0x3F)
    part.fill_(0)
    assert np.fromfile(path, "float32").tolist() == list(range(10))
    with pytest.raises(RuntimeError, match="step of 1"):
        storage[::2]
    with pytest.raises(IndexError):
        storage[40]


def test_shared_file_storages_are_written_through(tmp_path):
    path = tmp_path / "numbers.bin"
    storage = UntypedStorage.from_file(str(path), True, 8)
    oarlock_torch.asarray(storage).fill_(7)
    assert path.read_bytes() == b"\x07" * 8


@pytest.mark.parametrize("name", ["int8", "int16", "float32", "int64"])
def test_parts_of_a_storage_seen_as_another_dtype(name):
    x = torch.arange(12, dtype=torch.int32)[4:]
    ours = oarlock_torch.arange(12, dtype=oarlock_torch.int32)[4:]
    seen: Any = ours.view(getattr(oarlock_torch, name))
    assert seen.tolist() == x.view(getattr(torch, name)).tolist()
