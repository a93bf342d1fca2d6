"""Launching on a GPU, on tensors of the frameworks that are there: what is computed, and when."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from oarlock.kernels.launch import capability, launch

pytest.importorskip("triton")
sys.path.insert(0, str(Path(__file__).parent / "launching"))

pytestmark = pytest.mark.gpu
sample_kernels: Any = import_module("sample_kernels")
OPTIONS: Any = {"num_warps": 4, "num_stages": 2, "BLOCK": 128}


@pytest.fixture(params=["paddle", "torch"])
def framework(request) -> Any:
    found = pytest.importorskip(request.param)
    if request.param == "paddle":
        there = found.device.is_compiled_with_cuda() and found.device.cuda.device_count() > 0
    else:
        there = found.cuda.is_available()
    if not there:
        pytest.skip(f"{request.param} has no GPU here")
    return found


def on_gpu(framework, values):
    made = framework.to_tensor if framework.__name__ == "paddle" else framework.tensor
    return made(values, dtype=framework.float32).cuda()


def scaled(x, y, factor):
    launch(sample_kernels.scaled, (2,), x, y, 200, 1, factor, False, None, **OPTIONS)


def test_the_result_is_the_kernels(framework):
    x, y = (on_gpu(framework, [float(i) for i in range(200)]) for _ in range(2))
    scaled(x, y, 0.5)
    assert y.cpu().numpy().tolist() == [i * 0.5 + 1 for i in range(200)]
    assert capability(x) >= (7, 0)


def test_it_waits_for_what_the_current_stream_did_before(framework):
    x, y = (on_gpu(framework, [0.0] * 200) for _ in range(2))
    big = framework.ones([4096, 4096], dtype=framework.float32).cuda()
    stream = framework.cuda.Stream() if framework.__name__ == "torch" else None
    with framework.cuda.stream(stream) if stream else framework.no_grad():
        for _ in range(20):
            big = big @ big * 1e-4
        x += 2.0
        scaled(x, y, 3.0)
        z = y + 0.0
    if stream:
        stream.synchronize()
    assert z.cpu().numpy().tolist() == [7.0] * 200


def test_threads_launch_side_by_side(framework):
    results = {}

    def work(number):
        x, y = (on_gpu(framework, [1.0] * 200) for _ in range(2))
        for _ in range(50):
            scaled(x, y, float(number))
        results[number] = y.cpu().numpy().tolist()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [number + 1.0] * 200 for number in range(6)}


def test_a_cuda_graph_captures_it(framework):
    if framework.__name__ != "torch":
        pytest.skip("captured through torch")
    x, y = (on_gpu(framework, [1.0] * 200) for _ in range(2))
    scaled(x, y, 2.0)
    graph = framework.cuda.CUDAGraph()
    with framework.cuda.graph(graph):
        scaled(x, y, 2.0)
    x.fill_(5.0)
    graph.replay()
    assert y.cpu().numpy().tolist() == [11.0] * 200
