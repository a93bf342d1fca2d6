"""Calls attention through its public function, its kernels in Triton's interpreter."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import paddle
from paddle.distributed.fleet.utils import recompute

from oarlock import explain
from oarlock.flash_attn import flash_attn_func, flash_attn_varlen_func
from oarlock.kernels.attention.implementations import interpreting

facts: dict[str, Any] = {}
random = np.random.default_rng(0)
DRAWN = [random.normal(size=shape) for shape in [(1, 21, 4, 16), (1, 37, 2, 16), (1, 37, 2, 16)]]
COTANGENT = random.normal(size=(1, 21, 4, 16))
OPTIONS: dict[str, Any] = {"causal": True, "window_size": (9, 0), "softcap": 7.0}


def tensors(dtype: Any = "float16") -> Any:
    return [paddle.to_tensor(x, "float16", stop_gradient=False).astype(dtype) for x in DRAWN]


def both_passes(call, dtype: Any = "float16"):
    inputs = [x.detach() for x in tensors(dtype)]
    for x in inputs:
        x.stop_gradient = False
    out = call(*inputs)
    out.backward(paddle.to_tensor(COTANGENT, "float16").astype(dtype).reshape(out.shape))
    return [x.astype("float64").numpy() for x in (out, *(x.grad for x in inputs))]


def distances(given, expected):
    """The largest differences, in units of float16's epsilon and the largest expected value."""
    epsilon = 2.0**-10
    pairs = zip(given, expected, strict=True)
    return [float(abs(a - b).max() / abs(b).max() / epsilon) for a, b in pairs]


def dense(q, k, v):
    return flash_attn_func(q, k, v, **OPTIONS)


def packed(q, k, v):
    rows, keys = (paddle.to_tensor(x, "int32") for x in ([0, 13, 21], [0, 20, 37]))
    q, k, v = (x.squeeze(0) for x in (q, k, v))
    return flash_attn_varlen_func(q, k, v, rows, keys, 13, 20, **OPTIONS)


def dropped(q, k, v):
    return flash_attn_func(q, k, v, dropout_p=0.4, causal=True)


for name, call in {"dense": dense, "packed": packed}.items():
    expected = both_passes(call, "float64")
    with interpreting():
        facts[name] = distances(both_passes(call), expected)

with interpreting():
    paddle.seed(5)
    first = both_passes(dropped)
    paddle.seed(5)
    for reentrant in (True, False):
        paddle.seed(5)
        again = both_passes(lambda *x: recompute(dropped, *x, use_reentrant=reentrant))  # noqa: B023
        same = [bool((a == b).all()) for a, b in zip(first, again, strict=True)]
        facts[f"recompute, reentrant={reentrant}"] = same
    paddle.seed(6)
    facts["another seed"] = bool((both_passes(dropped)[0] == first[0]).all())
    compiled = paddle.jit.to_static(dense, full_graph=False)
    facts["to_static"] = [
        bool((a == b).all()) for a, b in zip(both_passes(compiled), both_passes(dense), strict=True)
    ]
    facts["server"] = explain(flash_attn_func, *tensors(), **OPTIONS).server
    facts["float32"] = explain(flash_attn_func, *tensors("float32"), **OPTIONS).notes
print(json.dumps(facts))
