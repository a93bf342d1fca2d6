"""Launching, seen from the CUDA driver's side: what is loaded and launched, and what is left alone."""

from __future__ import annotations

import struct
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("driver")


@pytest.fixture(scope="module")
def on_paddle(driver):
    headers = Path(sysconfig.get_path("include"), "Python.h").exists()
    return driver("program.py", "paddle", *["and by Triton's own launcher"] * headers)


def launches(record, kernel="scaled"):
    return [each for each in record if each["op"] == "launch" and each["kernel"] == kernel]


def integer(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "little", signed=True)


def test_kernel_grid_stream_and_parameters_are_those_of_the_call(on_paddle):
    facts, record = on_paddle
    x, y, offsets = facts["addresses"]
    first, again, other, long = launches(record)[:4]
    assert first == again
    assert first["grid"] == [3, 2, 1]
    assert first["threads"] == 4 * 32
    assert (first["stream"], first["gpu"]) == (0x5EED, 0)
    *own, scratch, profile = first["parameters"]
    # None and the block size are constants of the kernel, not parameters of it.
    assert [integer(each) for each in own[:4]] == [x, y, 192, 7]
    assert struct.unpack("<f", bytes.fromhex(own[4])) == (2.5,)
    assert own[5] == "00"
    assert (integer(scratch), integer(profile)) == (0, 0)
    assert len(own) == 6

    assert (other["stream"], other["gpu"]) == (1, 1)
    assert integer(other["parameters"][2]) == 191
    assert other["parameters"][5] == "01"
    assert integer(other["parameters"][6]) == offsets

    assert len(bytes.fromhex(long["parameters"][2])) == 8
    assert integer(long["parameters"][2]) == 2**40


def test_an_empty_grid_launches_nothing(on_paddle):
    _, record = on_paddle
    assert not [each for each in launches(record) if each["stream"] == 3]


def test_a_kernel_is_loaded_once_for_each_gpu_and_kind_of_arguments(on_paddle):
    _, record = on_paddle
    loads = [each for each in record if each["op"] == "load" and each["kernel"] == "scaled"]
    # Plain; on GPU 1 with offsets and an odd length; with a 64-bit length; and by the threads, plain
    # on GPU 1. Triton's own launcher, which runs last, loads for itself.
    ours = loads[:4]
    assert [each["gpu"] for each in ours] == [0, 1, 0, 1]
    assert len(loads) <= 5


def test_much_shared_memory_is_asked_for(on_paddle):
    _, record = on_paddle
    (launch,) = launches(record, "product")
    assert launch["shared"] > 48 * 1024
    (attribute,) = [each for each in record if each["op"] == "attribute"]
    assert attribute["attribute"] == 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    assert attribute["value"] >= launch["shared"]


def test_threads_launch_with_their_own_streams_and_values(on_paddle):
    _, record = on_paddle
    for number in range(6):
        own = [each for each in launches(record) if each["stream"] == 100 + number]
        assert len(own) == 20
        factors = {struct.unpack("<f", bytes.fromhex(each["parameters"][4])) for each in own}
        assert factors == {(float(number),)}
        assert {each["gpu"] for each in own} == {number % 2}


def test_tritons_active_driver_is_neither_asked_nor_replaced(on_paddle):
    facts, _ = on_paddle
    assert facts["driver"] == {"kept": True, "touched": []}
    assert facts["frameworks"] == ["paddle"]


def test_tritons_own_launcher_would_have_launched_the_same(on_paddle):
    _, record = on_paddle
    first, *_, last = launches(record)
    if last["stream"] != 0x5EED:
        pytest.skip("Triton's own launcher is built against Python.h, which is not there")
    assert last == first


def test_a_compilation_is_announced_once_at_the_callers_line(on_paddle):
    facts, _ = on_paddle
    ((category, message, file),) = facts["warnings"]
    assert category == "CompilationWarning"
    assert "sm_90" in message
    assert "oarlock.warmup" in message
    assert file.endswith("program.py")


def test_wrong_arguments_are_refused_before_anything_is_launched(on_paddle):
    facts, _ = on_paddle
    assert facts["too few"] == [
        "TypeError",
        "scaled takes 7 arguments besides its constants, not 1",
    ]
    assert facts["on the CPU"][0] == "ValueError"
    assert "TRITON_INTERPRET=1" in facts["on the CPU"][1]
    assert facts["a string"] == ["TypeError", "scaled can't take a str"]


def test_the_capability_is_the_gpus(on_paddle):
    facts, _ = on_paddle
    assert facts["capability"] == [9, 0]


def test_torch_tensors_are_launched_the_same_and_from_disk_nothing_is_announced(driver, on_paddle):
    _, by_paddle = on_paddle
    facts, record = driver("program.py", "torch")
    assert facts["frameworks"] == ["torch"]
    assert facts["warnings"] == []
    assert facts["driver"] == {"kept": True, "touched": []}
    x, y, _ = facts["addresses"]
    first, paddles = launches(record)[0], launches(by_paddle)[0]
    assert [integer(each) for each in first["parameters"][:2]] == [x, y]
    for each in ("kernel", "grid", "threads", "shared", "stream", "gpu"):
        assert first[each] == paddles[each]
    assert first["parameters"][2:] == paddles["parameters"][2:]
    assert launches(record, "forward")
