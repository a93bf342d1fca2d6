"""torch.hub beside torch's: local entry points, downloads kept and checked, refusals."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.hub

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError

HUBCONF = """
import helper

dependencies = ["json"]


def model(size, scale=1):
    "A list of numbers."
    return [helper.BASE * scale] * size


def _hidden():
    pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with entry points."""
    (tmp_path / "hubconf.py").write_text(HUBCONF)
    (tmp_path / "helper.py").write_text("BASE = 3")
    return tmp_path


@pytest.mark.parametrize(
    "given", [{"model": "model"}, {"model": "none"}, {"model": 1}, {"source": "disk"}], ids=str
)
def test_local(given: dict[str, Any], folder: Path) -> None:
    def said(t: Any) -> Any:
        arguments = {"model": "model", "source": "local", **given}
        try:
            return t.hub.load(str(folder), size=2, scale=2, **arguments)
        except Exception as error:
            return type(error), str(error)

    assert said(oarlock_torch) == said(torch)


def test_missing_packages(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text("dependencies = ['no_such_package']\nmodel = print")
    for t in (oarlock_torch, torch):
        with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
            t.hub.load(str(tmp_path), "model", source="local")


def test_downloads(tmp_path: Path) -> None:
    state = {"weight": oarlock_torch.ones(2)}
    oarlock_torch.save(state, tmp_path / "plain.pt")
    digest = hashlib.sha256((tmp_path / "plain.pt").read_bytes()).hexdigest()[:8]
    source = tmp_path / f"model-{digest}.pt"
    (tmp_path / "plain.pt").rename(source)
    kept = tmp_path / "kept"
    load = oarlock_torch.hub.load_state_dict_from_url
    found = load(source.as_uri(), model_dir=str(kept), check_hash=True)
    assert found["weight"].tolist() == [1.0, 1.0]
    source.unlink()
    assert load(source.as_uri(), model_dir=str(kept))["weight"].tolist() == [1.0, 1.0]


def test_a_wrong_hash_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    target = tmp_path / "there" / "b.txt"
    target.parent.mkdir()
    with pytest.raises(RuntimeError, match="invalid hash value"):
        oarlock_torch.hub.download_url_to_file(
            (tmp_path / "a.txt").as_uri(), str(target), hash_prefix="00"
        )
    assert not list(target.parent.iterdir())


def test_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert oarlock_torch.hub.get_dir() == torch.hub.get_dir()
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert oarlock_torch.hub.get_dir() == torch.hub.get_dir()


def test_github_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="local"):
        oarlock_torch.hub.load("pytorch/vision", "resnet18")
    with pytest.raises(UnsupportedError, match="GitHub"):
        oarlock_torch.hub.list("pytorch/vision")
