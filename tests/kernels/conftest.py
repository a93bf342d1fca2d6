"""A dense attention in float64 that results are held to, and a CUDA driver that only records."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

LAUNCHING = Path(__file__).parent / "launching"


def dense_attention(
    q,
    k,
    v,
    *,
    scale=None,
    causal=False,
    window_size=(-1, -1),
    softcap=0.0,
    slopes=None,
    drop_factor=None,
):
    """Return (out, logsumexp, probabilities); drop_factor multiplies the probabilities."""
    import paddle

    batch, rows, heads, dim = q.shape
    keys, kv_heads = k.shape[1:3]
    reads = [head * kv_heads // heads for head in range(heads)]
    q = q.astype("float64").transpose([0, 2, 1, 3])
    k = paddle.stack([k.astype("float64")[:, :, head] for head in reads], 1)
    v = paddle.stack([v.astype("float64")[:, :, head] for head in reads], 1)
    s = paddle.matmul(q, k, transpose_y=True) * (dim**-0.5 if scale is None else scale)
    if softcap:
        s = softcap * paddle.tanh(s / softcap)
    here = np.arange(rows)[:, None] + keys - rows
    there = np.arange(keys)[None, :]
    if slopes is not None:
        distance = paddle.to_tensor(np.abs(here - there).astype("float64"))
        s = s - slopes.astype("float64").reshape([-1, heads, 1, 1]) * distance
    left, right = window_size
    visible = np.ones((rows, keys), bool)
    if causal:
        visible &= there <= here
    elif 0 <= right < keys:
        visible &= there <= here + right
    if 0 <= left < keys:
        visible &= there >= here - left
    if keys == 0:
        return paddle.zeros([batch, rows, heads, dim], "float64"), None, None
    seen = paddle.to_tensor(np.any(visible, -1)[:, None])
    s = paddle.where(paddle.to_tensor(visible), s, paddle.full([], -1e30, "float64"))
    lse = paddle.where(
        seen, paddle.logsumexp(s, -1, keepdim=True), paddle.full([], np.inf, "float64")
    )
    p = paddle.exp(s - paddle.where(seen, lse, paddle.zeros([], "float64"))) * visible.astype("f8")
    weights = p if drop_factor is None else p * drop_factor
    return paddle.matmul(weights, v).transpose([0, 2, 1, 3]), lse.squeeze(-1), p


@pytest.fixture(scope="session")
def dense() -> Callable:
    return dense_attention


@pytest.fixture(scope="session")
def tensors() -> Callable:
    """Return a function that draws q, k, v from a seed, with gradients."""
    import paddle

    def draw(batch, rows, keys, heads, kv_heads, dim, dtype: Any = "float64", seed=0):
        random = np.random.default_rng(seed)
        shapes = [(batch, rows, heads, dim), *[(batch, keys, kv_heads, dim)] * 2]
        return [
            paddle.to_tensor(random.normal(size=shape), dtype=dtype, stop_gradient=False)
            for shape in shapes
        ]

    return draw


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> Callable:
    """Return a function that runs a program on a CUDA driver that only records.

    It returns what the program printed last, from JSON, and the driver's record. What one program
    compiled is there for the next.
    """
    triton = pytest.importorskip("triton")
    if shutil.which("gcc") is None:
        pytest.skip("the recording driver is built with gcc")
    folder = tmp_path_factory.mktemp("driver")
    include = Path(triton.__file__).parent / "backends/nvidia/include"
    subprocess.run(
        [
            *("gcc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", f"-I{include}"),
            *(str(LAUNCHING / "recording_libcuda.c"), "-o", str(folder / "libcuda.so.1")),
        ],
        check=True,
    )
    environment = os.environ | {
        "LD_LIBRARY_PATH": str(folder),
        "TRITON_LIBCUDA_PATH": str(folder),
        "TRITON_CACHE_DIR": str(folder / "cache"),
    }
    environment.pop("TRITON_INTERPRET", None)

    def run(program: str, *arguments: str, **variables: str):
        log = tmp_path_factory.mktemp("record") / "log"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", program, *arguments],
            cwd=LAUNCHING,
            env=environment | {"RECORDING_LOG": str(log)} | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        record = [json.loads(line) for line in log.read_text().splitlines()]
        return json.loads(done.stdout.splitlines()[-1]), record

    return run
