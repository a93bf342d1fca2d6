"""Every composition on torch's own sample inputs: results, gradients and error types."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest
import torch
from samples import errors_of, op_db, samples_of
from side_by_side import agree, to_paddle

MODULES = [
    "linear",
    "convolution",
    "pooling",
    "normalization",
    "activation",
    "softmax",
    "loss",
    "embedding",
    "padding",
    "interpolation",
    "attention",
    "distance",
    "folding",
    "vision",
]
# Those draw random numbers, or are called with torch modules: they have tests of their own.
APART = {
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "multi_head_attention_forward",
    "triplet_margin_with_distance_loss",
}
# Half precision goes through float32 once: a share of the samples shows it.
DTYPES = {torch.float32: 1, torch.float64: 3, torch.float16: 6, torch.bfloat16: 6}


def composition(op) -> Any:
    name = op.name.removeprefix("nn.functional.")
    if not op.name.startswith("nn.functional.") and name not in ("softmax", "log_softmax"):
        return None
    for module in MODULES:
        found = getattr(importlib.import_module(f"oarlock.ops.{module}"), name, None)
        if found is not None and found.__module__ == f"oarlock.ops.{module}" and name not in APART:
            # torch's samples of embeddings have the weight first.
            return swapped(found) if name.startswith("embedding") else found
    return None


def swapped(function):
    return lambda weight, indices, *args, **kwargs: function(indices, weight, *args, **kwargs)


def name_of(op):
    name = op.name.removeprefix("nn.functional.")
    return f"{name}-{op.variant_test_name}" if op.variant_test_name else name


OPS = [op for op in op_db if composition(op) is not None]
CASES = [
    pytest.param(op, dtype, id=f"{name_of(op)}-{str(dtype).removeprefix('torch.')}")
    for op in OPS
    for dtype in DTYPES
    if op.supports_dtype(dtype, "cpu")
]


def test_there_are_many():
    assert len(OPS) > 90


@pytest.mark.parametrize(("op", "dtype"), CASES)
def test_values_and_gradients(op, dtype):
    ours = composition(op)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = samples_of(op, dtype, op.supports_autograd)
        for sample in samples[:: DTYPES[dtype]]:
            if sample.kwargs.get("dropout_p"):
                continue
            agree(
                op.op,
                ours,
                sample.input,
                *sample.args,
                gradients=op.supports_autograd,
                **sample.kwargs,
            )


@pytest.mark.parametrize("op", [op for op in OPS if op.error_inputs_func is not None], ids=name_of)
def test_errors_are_of_torchs_type(op):
    ours = composition(op)
    for error in errors_of(op):
        sample = error.sample_input
        arguments = [to_paddle(x) for x in (sample.input, *sample.args)]
        kwargs = to_paddle(sample.kwargs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(error.error_type):
                ours(*arguments, **kwargs)
