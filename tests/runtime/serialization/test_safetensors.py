"""safetensors files: through torch.load, through the library itself, numpy's part and torch's."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError
from oarlock.serialization.loading import load
from oarlock.tensor import Tensor

safetensors_numpy = pytest.importorskip("safetensors.numpy")
safetensors_torch = pytest.importorskip("safetensors.torch")

DTYPES = [
    *("float16", "bfloat16", "float32", "float64", "int64", "int32", "int16", "int8", "uint8"),
    *("bool", "complex64", "float8_e4m3fn", "float8_e5m2"),
]


def test_torch_load_reads_them(tmp_path):
    path = tmp_path / "model.safetensors"
    given = {
        name: (torch.arange(6).view(2, 3) - 2).abs().to(getattr(torch, name)) for name in DTYPES
    }
    safetensors_torch.save_file({**given, "empty": torch.empty(0, 2)}, path)
    loaded = load(path)
    assert tuple(loaded.pop("empty").shape) == (0, 2)
    assert set(loaded) == set(DTYPES)
    for name, value in loaded.items():
        assert type(value) is Tensor
        assert repr(value.dtype) == f"torch.{name}"
        assert value.tolist() == given[name].tolist()
    assert load(str(path), "cpu")["int8"].tolist() == given["int8"].tolist()


def test_what_torch_load_refuses(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors_torch.save_file({"ids": torch.ones(2, dtype=torch.uint16)}, path)
    with pytest.raises(UnsupportedError, match=r"U16 at \['ids'\]"):
        load(path)
    with pytest.raises(RuntimeError, match="dict or callable map_location"):
        load(path, {"cpu": "cpu"})


def test_numpys_part_both_ways(tmp_path):
    path = tmp_path / "model.safetensors"
    x = oarlock_torch.arange(6, dtype=oarlock_torch.float32).view(2, 3)
    safetensors_numpy.save_file({"x": x.numpy(), "t": np.ascontiguousarray(x.t().numpy())}, path)
    theirs = safetensors_torch.load_file(path)
    assert theirs["x"].tolist() == x.tolist()
    safetensors_torch.save_file({"y": theirs["t"].contiguous() * 2}, path)
    arrays = safetensors_numpy.load_file(path)
    assert oarlock_torch.from_numpy(arrays["y"]).tolist() == (x.t() * 2).tolist()


def test_torchs_part_works_under_activation(tmp_path):
    theirs, ours = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    given = {"w": torch.arange(6.0).view(2, 3), "b": torch.ones(3, dtype=torch.bfloat16)}
    safetensors_torch.save_file(given, theirs)
    script = f"""
        import oarlock
        oarlock.activate()
        import torch
        from safetensors import safe_open
        from safetensors.torch import load, load_file, save, save_file

        loaded = load_file({str(theirs)!r})
        assert type(loaded["w"]) is torch.Tensor is oarlock.torch.Tensor
        assert loaded["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert loaded["b"].dtype is torch.bfloat16 and loaded["b"].tolist() == [1, 1, 1]
        with safe_open({str(theirs)!r}, "pt") as file:
            assert file.get_tensor("w").tolist() == loaded["w"].tolist()
            assert file.get_slice("w")[:, 1:].tolist() == [[1, 2], [4, 5]]
        assert load(save(loaded))["b"].tolist() == [1, 1, 1]
        loaded["w"] = loaded["w"] * 2
        save_file(loaded, {str(ours)!r})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
    back = safetensors_torch.load_file(ours)
    assert torch.equal(back["w"], given["w"] * 2)
    assert torch.equal(back["b"], given["b"])
