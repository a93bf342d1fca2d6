"""The torch-side namespaces: what is there, and what a missing name says."""

import importlib
import subprocess
import sys

import pytest

import oarlock
import oarlock.flash_attn
from oarlock.errors import DOCS


def test_aliases_are_one_function():
    from oarlock.flash_attn import flash_attn_func
    from oarlock.flash_attn.flash_attn_interface import flash_attn_func as original

    assert flash_attn_func is original
    assert oarlock.flash_attn.flash_attn_interface.flash_attn_func is original


def test_names_are_listed_before_they_are_loaded():
    assert {"flash_attn_func", "flash_attn_interface"} <= set(dir(oarlock.flash_attn))
    assert "explain" in dir(oarlock)
    assert set(oarlock.__all__) >= {"explain", "UnsupportedError", "flash_attn"}


def test_a_name_without_a_record_is_absent_and_says_so():
    assert not hasattr(oarlock.flash_attn, "flash_attn_with_kvcache")
    with pytest.raises(oarlock.UnmappedError) as caught:
        _ = oarlock.flash_attn.flash_attn_with_kvcache
    assert "flash_attn.flash_attn_with_kvcache" in str(caught.value)
    assert DOCS in str(caught.value)
    assert isinstance(caught.value, AttributeError)


def test_importing_a_name_without_a_record_says_so():
    with pytest.raises(oarlock.UnmappedImportError, match="no record of this API") as caught:
        from oarlock.flash_attn import flash_attn_with_kvcache  # noqa: F401
    assert isinstance(caught.value, ImportError)


def test_plain_attribute_errors_stay_plain():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = oarlock.nothing
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("oarlock.flash_attn.nothing")


def test_the_first_name_leaves_logging_to_the_program():
    program = """
import logging
import sys
from oarlock.torch import nn
nn.Linear
assert logging.getLogger().handlers == [] and "paddle" in sys.modules
logging.basicConfig(level=logging.DEBUG, format="%(message)s", stream=sys.stdout)
logging.debug("from the program")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "from the program\n", done.stderr
