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

# Importing them works; what torch itself defines there is private, or has no record yet.
WITHOUT_MAPPED_NAMES = (
    "torch.autograd.anomaly_mode",
    "torch.autograd.variable",
    "torch.nn.modules",
    "torch.utils.data._utils",
)


@pytest.mark.parametrize(("one", "other"), [*itertools.product(VERSIONS, repeat=2)])
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
def test_a_module_that_reexports_has_names_of_torchs(name):
    theirs = import_module(name)
    ours = import_module(f"oarlock.{name}")
    assert ours.__name__ == f"oarlock.{name}"
    assert ours is find(name)
    public = [n for n, v in vars(theirs).items() if getattr(v, "__module__", None) == name]
    mapped = [n for n in public if hasattr(ours, n)]
    assert mapped or name in WITHOUT_MAPPED_NAMES
    assert {*mapped} <= {*dir(ours)}


def test_a_module_that_reexports_has_the_names_of_its_home():
    modules = oarlock.torch.nn.modules
    by_its_module = import_module("oarlock.torch.nn.modules.module").Module
    assert by_its_module is oarlock.torch.nn.Module is modules.Module is modules.linear.Module
    assert {*dir(oarlock.torch.nn)} <= {*dir(modules)}
    assert not hasattr(modules, "nothing")
    assert not hasattr(modules, "__wrapped__")
    assert not any(
        name.startswith("__")
        for name in {*dir(oarlock.torch.special)} - {*vars(oarlock.torch.special)}
    )
