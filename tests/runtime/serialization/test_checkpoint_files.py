"""Paths, file objects, memory maps, where storages go, and what a failed write leaves behind."""

from __future__ import annotations

import io
import os
import pathlib
import pickle
import stat
import zipfile
from typing import Any

import numpy as np
import paddle
import pytest
import torch
from crossing import FORMATS, from_torch

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError
from oarlock.serialization.loading import load
from oarlock.serialization.locations import default_restore_location
from oarlock.serialization.saving import save

on_cpu_only = pytest.mark.skipif(
    paddle.device.is_compiled_with_cuda(), reason="tells what happens without a GPU"
)


def state() -> dict[str, torch.Tensor]:
    return {"w": torch.arange(1000.0).view(10, 100), "b": torch.arange(3).to(torch.bfloat16)}


def same(loaded: Any, expected: dict[str, torch.Tensor]) -> bool:
    return all(loaded[name].tolist() == value.tolist() for name, value in expected.items())


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", [str, pathlib.Path])
def test_paths(kind, options, tmp_path):
    theirs, ours = kind(tmp_path / "theirs.pt"), kind(tmp_path / "ours.v1.pt")
    torch.save(state(), theirs, **options)
    loaded = load(theirs)
    assert same(loaded, state())
    save(loaded, ours, **options)
    assert same(torch.load(ours), state())
    assert sorted(os.listdir(tmp_path)) == ["ours.v1.pt", "theirs.pt"]


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_file_objects(options, tmp_path):
    with open(tmp_path / "x.pt", "wb") as file:
        save(state_of_oarlock(), file, **options)
    with open(tmp_path / "x.pt", "rb") as file:
        assert same(torch.load(file), state())
    with open(tmp_path / "x.pt", "rb") as file:
        assert same(load(file), state())
    with open(tmp_path / "x.pt", "rb", buffering=0) as file:
        assert same(load(file), state())


def state_of_oarlock() -> Any:
    return from_torch(state())


def test_several_older_checkpoints_in_one_file():
    file = io.BytesIO()
    for i in range(3):
        torch.save(torch.full((2,), float(i)), file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert [load(file).tolist() for _ in range(3)] == [[0, 0], [1, 1], [2, 2]]


def test_a_writer_that_can_not_seek():
    class Pipe:
        def __init__(self):
            self.data = bytearray()

        def write(self, data: Any) -> int:
            self.data += data
            return len(data)

        def flush(self) -> None:
            pass

    pipe = Pipe()
    save(state_of_oarlock(), pipe)
    assert same(torch.load(io.BytesIO(pipe.data)), state())


def test_objects_that_are_no_files():
    with pytest.raises(AttributeError, match=r"io\.BytesIO"):
        load(3)
    with pytest.raises(AttributeError, match="write"):
        save({}, 3)
    with pytest.raises(FileNotFoundError):
        load("/nowhere/at/all.pt")
    with pytest.raises(RuntimeError, match="Parent directory /nowhere/at does not exist"):
        save({}, "/nowhere/at/all.pt")


def test_storages_start_at_multiples_of_64_bytes(tmp_path):
    path = tmp_path / "a-rather-long-name-for-a-checkpoint.pt"
    save({f"{i}": oarlock_torch.ones(i) for i in range(1, 9)}, path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            with open(path, "rb") as file:
                file.seek(info.header_offset + 26)
                name, extra = np.frombuffer(file.read(4), "<u2")
            assert (info.header_offset + 30 + int(name) + int(extra)) % 64 == 0
        assert archive.testzip() is None
    torch.load(path, mmap=True)


class Fails:
    def __reduce__(self) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_a_failed_write_leaves_the_old_file(options, tmp_path):
    path = tmp_path / "x.pt"
    save({"old": 1}, path, **options)
    with pytest.raises(ZeroDivisionError):
        save({"new": Fails()}, path, **options)
    assert load(path) == {"old": 1}
    with pytest.raises(ZeroDivisionError):
        save({"new": Fails()}, tmp_path / "y.pt", **options)
    assert os.listdir(tmp_path) == ["x.pt"]


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_a_full_disk_leaves_the_old_file(options, tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    save({"old": 1}, path, **options)
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        save({"new": oarlock_torch.ones(5)}, path, **options)
    monkeypatch.undo()
    assert load(path) == {"old": 1}
    assert os.listdir(tmp_path) == ["x.pt"]


def test_links_and_modes_are_kept(tmp_path):
    target, link = tmp_path / "target.pt", tmp_path / "latest.pt"
    save(1, target)
    target.chmod(0o640)
    link.symlink_to("target.pt")
    save(2, link)
    assert link.is_symlink()
    assert load(target) == 2
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_memory_maps(tmp_path):
    path = tmp_path / "x.pt"
    x = torch.arange(64.0).view(8, 8)
    values = {"x": x, "t": x.t(), "b": torch.ones(5, dtype=torch.bfloat16), "e": torch.empty(0)}
    torch.save(values, path)
    before = path.read_bytes()
    loaded = load(path, mmap=True)
    assert all(loaded[name].tolist() == value.tolist() for name, value in values.items())
    loaded["x"].mul_(2)
    assert loaded["t"].tolist() == (x * 2).t().tolist()
    assert path.read_bytes() == before
    del loaded
    kept = load(str(path), mmap=True, weights_only=False)["t"]
    assert (kept @ kept).tolist() == (x.t() @ x.t()).tolist()
    path.unlink()
    assert kept.sum().item() == x.sum().item()


def test_memory_maps_need_a_path_and_the_zip_format(tmp_path):
    file = io.BytesIO()
    torch.save(state(), file)
    file.seek(0)
    with pytest.raises(ValueError, match="f must be a file path"):
        load(file, mmap=True)
    torch.save(state(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="_use_new_zipfile_serialization=True"):
        load(tmp_path / "old.pt", mmap=True)


def tagged(tag: str, legacy: bool = False) -> io.BytesIO:
    """A file whose storages are tagged with a device that this machine has not."""
    file = io.BytesIO()
    torch.save({"w": torch.arange(3.0)}, file, _use_new_zipfile_serialization=not legacy)
    old, new = (len(text).to_bytes(4, "little") + text for text in (b"cpu", tag.encode()))
    if legacy:
        return io.BytesIO(file.getvalue().replace(b"X" + old, b"X" + new))
    changed = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"X" + old, b"X" + new))
    changed.seek(0)
    return changed


@on_cpu_only
@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_gpu_storages_without_a_gpu(legacy):
    with pytest.raises(RuntimeError, match=r"torch\.cuda\.is_available") as caught:
        load(tagged("cuda:0", legacy))
    assert "map_location=torch.device('cpu')" in str(caught.value)
    with pytest.raises(RuntimeError, match=r"torch\.cuda\.is_available"):
        load(tagged("cpu", legacy), map_location="cuda")


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "map_location",
    [
        "cpu",
        b"cpu",
        oarlock_torch.device("cpu"),
        {"cuda:0": "cpu"},
        {"cuda:0": oarlock_torch.device("cpu")},
        lambda storage, tag: storage,
        lambda storage, tag: default_restore_location(storage, "cpu"),
    ],
)
def test_map_location(map_location, legacy):
    for weights_only in (True, False):
        loaded = load(tagged("cuda:0", legacy), map_location, weights_only=weights_only)
        assert loaded["w"].tolist() == [0, 1, 2]
        assert str(loaded["w"].device) == "cpu"


def test_what_a_map_location_function_gets():
    seen = []

    def where(storage: Any, tag: str) -> None:
        seen.append((storage.nbytes(), str(storage.device), tag))

    assert load(tagged("cpu"), where)["w"].tolist() == [0, 1, 2]
    assert seen == [(12, "cpu", "cpu")]


def test_map_locations_that_are_none():
    with pytest.raises(RuntimeError, match="tagged with mps"):
        load(tagged("mps"))
    with pytest.raises(TypeError, match="map_location must be"):
        load(tagged("cpu"), 3)
    with pytest.raises(TypeError, match="must return a storage"):
        load(tagged("cpu"), lambda storage, tag: "cpu")
    with pytest.raises(UnsupportedError, match="without storage"):
        load(tagged("cpu"), "meta")


def test_weights_only_and_pickle_modules(monkeypatch):
    file = io.BytesIO()
    torch.save({"a": 1}, file)

    def loaded(**options: Any) -> Any:
        file.seek(0)
        return load(file, **options)

    assert loaded(pickle_module=pickle) == {"a": 1}
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        loaded(pickle_module=pickle, weights_only=True)
    with pytest.warns(UserWarning, match="pickle_load_args only works"):
        assert loaded(fix_imports=True) == {"a": 1}
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(RuntimeError, match="explicit pickle_module"):
        loaded(pickle_module=pickle)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(RuntimeError, match="both were set"):
        loaded()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_pickle_protocols(options, protocol):
    file = io.BytesIO()
    save(state_of_oarlock(), file, pickle_protocol=protocol, **options)
    file.seek(0)
    assert same(torch.load(file, weights_only=protocol == 2), state())
    file.seek(0)
    assert same(load(file), state())


def test_the_byte_order_can_be_left_out():
    file = io.BytesIO()
    save(state_of_oarlock(), file, _disable_byteorder_record=True)
    assert not any(name.endswith("byteorder") for name in zipfile.ZipFile(file).namelist())
    file.seek(0)
    assert same(torch.load(file), state())
