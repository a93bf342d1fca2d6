"""Calls attention through its public function, on the recording driver, with torch blocked."""

# ruff: noqa: E402
from __future__ import annotations

import json
import os
import sys
from typing import Any

sys.modules["torch"] = None  # pyright: ignore[reportArgumentType]
import paddle

import oarlock
from oarlock import routing
from oarlock.flash_attn import flash_attn_func, flash_attn_varlen_func
from oarlock.kernels.launch import launching_on

facts: dict[str, Any] = {}
STREAM = 0x5EED


def tensors(*shape, needs=(True, True, True)) -> Any:
    made = [paddle.ones(shape, "bfloat16") for _ in range(3)]
    for x, need in zip(made, needs, strict=True):
        x.stop_gradient = not need
    return made


def stage(name):
    """Mark the driver's record."""
    with open(os.environ["RECORDING_LOG"], "a") as log:
        log.write(json.dumps({"op": "stage", "name": name}) + "\n")


options: dict[str, Any] = {"causal": True, "window_size": (8, 0)}
with launching_on(1, STREAM):
    stage("trained")
    q, k, v = tensors(2, 32, 4, 64)
    out = flash_attn_func(q, k, v, **options)
    facts["addresses"] = [x.data_ptr() for x in (q, k, v, out)]
    out.sum().backward()
    facts["gradients"] = [[str(x.grad.dtype), list(x.grad.shape)] for x in (q, k, v)]
    stage("only v")
    q, k, v = tensors(2, 48, 4, 64, needs=(False, False, True))
    flash_attn_func(q, k, v, **options).sum().backward()
    facts["only v"] = [x.grad is not None for x in (q, k, v)]
    stage("only q")
    q, k, v = tensors(2, 33, 4, 64, needs=(True, False, False))
    flash_attn_func(q, k, v, **options).sum().backward()
    stage("dropout")
    q, k, v = tensors(2, 32, 4, 64, needs=(False, False, False))
    _, lse, mask = flash_attn_func(q, k, v, 0.25, return_attn_probs=True, **options)
    facts["dropout"] = [list(lse.shape), str(lse.dtype), list(mask.shape)]
    stage("packed")
    q, k, v = (x.reshape([64, 4, 64]) for x in (q, k, v))
    starts = paddle.to_tensor([0, 40, 64], "int32")
    flash_attn_varlen_func(q, k, v, starts, starts, 40, 40, **options)
    facts["starts"] = starts.data_ptr()
    stage("second derivatives")
    q, k, v = tensors(2, 32, 4, 64)
    try:
        paddle.grad(flash_attn_func(q, k, v, **options).sum(), [q], create_graph=True)
    except OSError as error:
        facts["second derivatives"] = str(error)
    stage("reference")
    with routing.forcing("reference"):
        flash_attn_func(q, k, v, **options)
    wide: Any = [x.astype("float32") for x in (q, k, v)]
    flash_attn_func(*wide, **options)
    explanation = oarlock.explain(flash_attn_func, q, k, v, **options)
    facts["explained"] = [explanation.server, list(explanation.notes)]
facts["torch"] = sys.modules.get("torch") is not None
print(json.dumps(facts))
