"""Attention on a GPU that only records: which kernels a public call launches, and with what."""

from __future__ import annotations

from itertools import groupby

import pytest

pytestmark = pytest.mark.xdist_group("driver")


@pytest.fixture(scope="module")
def run(driver):
    facts, record = driver("attention_program.py")
    stages: dict[str, list] = {}
    name = ""
    for is_stage, entries in groupby(record, lambda each: each["op"] == "stage"):
        if is_stage:
            name = list(entries)[-1]["name"]
            stages[name] = []
        else:
            stages[name] = [each for each in entries if each["op"] == "launch"]
    return facts, stages


def kernels(launches):
    return [each["kernel"] for each in launches]


def addresses(launch, count):
    return [int.from_bytes(bytes.fromhex(each), "little") for each in launch["parameters"][:count]]


def test_both_passes_run_on_the_given_gpu_and_stream_without_torch(run):
    facts, stages = run
    launches = stages["trained"]
    forward, _, *gradients = kernels(launches)
    assert forward == "forward"
    assert gradients == ["query_gradient", "key_value_gradients"]
    assert {(each["gpu"], each["stream"]) for each in launches} == {(1, 0x5EED)}
    assert not facts["torch"]


def test_kernels_read_the_callers_memory_in_place(run):
    facts, stages = run
    assert addresses(stages["trained"][0], 4) == facts["addresses"]
    assert addresses(stages["trained"][2], 3) == facts["addresses"][:3]
    # The saved output is the one that was returned.
    assert addresses(stages["trained"][1], 1) == facts["addresses"][3:]


def test_gradients_are_like_their_tensors(run):
    facts, _ = run
    assert facts["gradients"] == [["paddle.bfloat16", [2, 32, 4, 64]]] * 3


def test_passes_that_no_input_needs_are_not_launched(run):
    facts, stages = run
    assert facts["only v"] == [False, False, True]
    assert "query_gradient" not in kernels(stages["only v"])
    assert "key_value_gradients" not in kernels(stages["only q"])


def test_the_dropout_mask_is_made_beside_the_output(run):
    facts, stages = run
    assert kernels(stages["dropout"]) == ["forward", "signed_probabilities"]
    assert facts["dropout"] == [[2, 4, 32], "paddle.float32", [2, 4, 128, 128]]


def test_packed_sequences_take_the_same_kernel(run):
    facts, stages = run
    (launch,) = stages["packed"]
    assert launch["kernel"] == "forward"
    # q, k, v, out, lse, then the starts of the rows and of the keys.
    assert addresses(launch, 7)[5:] == [facts["starts"]] * 2


def test_second_derivatives_are_refused(run):
    facts, stages = run
    assert "second derivatives" in facts["second derivatives"]
    assert kernels(stages["second derivatives"]) == ["forward"]


def test_the_reference_serves_what_kernels_do_not_take_and_what_is_sent_to_it(run):
    _, stages = run
    assert stages["reference"] == []


def test_explain_names_kernel_architecture_and_tiles(run):
    (server, notes) = run[0]["explained"]
    assert server.startswith("Oarlock's attention kernel in Triton, for sm_90: tile ")
    assert [note.partition(":")[0] for note in notes] == ["gradient of q", "gradients of k and v"]
