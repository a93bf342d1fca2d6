"""torch.__version__, and the modules that only re-export."""

import itertools
from importlib import import_module

import pytest
from torch.torch_version import TorchVersion as Theirs

import oarlock.flash_attn
import oarlock.torch
from oarlock.reexports import HOMES, find
from oarlock.torch_version import TorchVersion

VERSIONS = [
    "2.13.0",
    "2.13",
    "2.9.1",
    "2.13.0rc1",
    "2.13.0a0",
    "2.13.0.dev20260101",
    "2.13.0.post1",
    "2.13.0+cpu",
    "1.0",
    "2.13.1",
]


@pytest.mark.parametrize(("one", "other"), itertools.product(VERSIONS, repeat=2))
def test_versions_compare_as_torchs(one, other):
    for operator in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
        theirs = getattr(Theirs(one), operator)(other)
        assert getattr(TorchVersion(one), operator)(other) == theirs
        assert getattr(TorchVersion(one), operator)(TorchVersion(other)) == theirs


def test_a_version_compares_with_tuples_and_is_text():
    version = TorchVersion("2.13.0+oarlock")
    assert version >= (2, 1)
    assert version < (3,)
    assert version > "2.13.0"
    assert version.split("+")[0] == "2.13.0"
    assert hash(version) == hash("2.13.0+oarlock")


def test_the_namespaces_say_the_version_their_records_are_of():
    assert oarlock.torch.__version__ == "2.13.0+oarlock"
    assert isinstance(oarlock.torch.__version__, TorchVersion)
    assert oarlock.flash_attn.__version__ == "2.8.3+oarlock"


@pytest.mark.parametrize("name", sorted(name for name in HOMES if "version" not in name))
def test_a_module_that_reexports_shares_its_names_in_torch_too(name):
    module = import_module(name)
    home = import_module(HOMES[name].removeprefix("oarlock."))
    public = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    shared = [n for n in public if getattr(home, n, None) is getattr(module, n)]
    assert shared
    ours = import_module(f"oarlock.{name}")
    assert ours is find(name)
    assert ours.__name__ == f"oarlock.{name}"


def test_a_module_that_reexports_has_the_names_of_its_home():
    by_its_module = import_module("oarlock.torch.nn.modules.module").Module
    assert by_its_module is oarlock.torch.nn.Module is oarlock.torch.nn.modules.Module
    assert dir(oarlock.torch.nn.modules) == dir(oarlock.torch.nn)
    assert not hasattr(oarlock.torch.nn.modules, "nothing")
    assert not hasattr(oarlock.torch.nn.modules, "__wrapped__")
