"""Calls torch's scaled_dot_product_attention on Oarlock, its kernels in Triton's interpreter."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import paddle

from oarlock.kernels.attention.implementations import interpreting
from oarlock.torch.nn.functional import scaled_dot_product_attention

# Name to lengths of queries and keys, key/value heads, and arguments.
CASES: dict[str, tuple[int, int, int, dict[str, Any]]] = {
    "plain": (21, 37, 4, {}),
    "causal with more keys": (21, 37, 4, {"is_causal": True}),
    "causal with more queries": (37, 9, 4, {"is_causal": True, "scale": 0.3}),
    "causal with far more queries": (70, 5, 4, {"is_causal": True}),
    "grouped": (33, 33, 2, {"is_causal": True, "enable_gqa": True}),
}


def refuses_second_derivatives(out: paddle.Tensor, inputs: list[paddle.Tensor]) -> bool:
    """What tells the kernels from the composition: who refuses."""
    try:
        paddle.grad(out.sum(), inputs, create_graph=True, retain_graph=True)
    except (OSError, RuntimeError) as error:
        return "second derivatives of attention" in str(error)
    return False


def both_passes(rows: int, keys: int, kv_heads: int, arguments: dict[str, Any], dtype: Any) -> Any:
    random = np.random.default_rng(0)
    shapes = [(2, 4, rows, 16), (2, kv_heads, keys, 16), (2, kv_heads, keys, 16)]
    inputs = []
    for shape in shapes:
        x = paddle.to_tensor(random.normal(size=shape), "float16").astype(dtype)
        x.stop_gradient = False
        inputs.append(x)
    out = scaled_dot_product_attention(*inputs, **arguments)
    refused = refuses_second_derivatives(out, inputs)
    out.backward(paddle.to_tensor(random.normal(size=out.shape), "float16").astype(dtype))
    results = [x.astype("float64").numpy() for x in (out, *(x.grad for x in inputs))]
    return results, refused


facts: dict[str, Any] = {}
for name, case in CASES.items():
    expected, _ = both_passes(*case, "float64")
    with interpreting():
        given, by_kernel = both_passes(*case, "float16")
    pairs = zip(given, expected, strict=True)
    # The largest differences, in units of float16's epsilon and the largest expected value.
    errors = [float(abs(a - b).max() / abs(b).max() * 2**10) for a, b in pairs]
    facts[name] = [by_kernel, max(errors)]
print(json.dumps(facts))
