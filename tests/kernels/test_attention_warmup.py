"""oarlock.warmup compiles what later calls run, with no GPU there, and refuses what can't be."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import oarlock
from oarlock.kernels.attention.implementations import triton_is_missing

pytest.importorskip("triton")
pytestmark = pytest.mark.xdist_group("driver")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    return tmp_path


def compiled(cache):
    return sorted(file.stem for file in cache.rglob("*.cubin"))


def test_a_call_of_the_kind_that_was_warmed_up_compiles_nothing(cache, driver):
    seconds = oarlock.warmup(
        48, "float16", causal=True, window_size=(512, 0), heads=8, capability=(9, 0)
    )
    assert seconds > 0
    before = compiled(cache)
    said, record = driver("warmed_program.py", TRITON_CACHE_DIR=str(cache))
    assert said == []
    assert sorted(each["kernel"] for each in record if each["op"] == "launch") == before
    assert compiled(cache) == before


def test_another_architecture_is_compiled_anew_and_the_same_is_not(cache):
    for capability in [(8, 0), (9, 0), (8, 0)]:
        oarlock.warmup(16, "float16", backward=False, capability=capability)
    assert compiled(cache) == ["forward", "forward"]


@pytest.mark.parametrize(
    ("arguments", "changes", "parameter"),
    [
        ((257,), {}, "head_dims"),
        (([64, 0],), {}, "head_dims"),
        ((64, "float32"), {}, "dtypes"),
        ((64,), {"capability": (7, 5)}, "capability"),
        ((64,), {"window_size": 5}, "window_size"),
    ],
)
def test_what_there_are_no_kernels_for_is_refused(arguments, changes, parameter):
    options: dict[str, Any] = {"capability": (9, 0)} | changes
    with pytest.raises(oarlock.OarlockError) as caught:
        oarlock.warmup(*arguments, **options)
    assert caught.value.parameter == parameter


def test_without_a_gpu_the_architecture_has_to_be_named():
    import paddle

    if paddle.device.is_compiled_with_cuda():
        pytest.skip("this Paddle may have a GPU")
    with pytest.raises(oarlock.ArgumentError, match=r"capability: .*such as \(9, 0\)"):
        oarlock.warmup(64)


def test_without_triton_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    triton_is_missing.cache_clear()
    try:
        with pytest.raises(oarlock.UnsupportedError, match=r"pip install 'triton>=3\.6'"):
            oarlock.warmup(64, capability=(9, 0))
    finally:
        triton_is_missing.cache_clear()
