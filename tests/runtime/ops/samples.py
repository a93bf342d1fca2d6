"""torch's own sample inputs and error inputs of an operator, for tests that compare a composition with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch

# Importing torch's samples defines the variants that scipy would serve; a warning is all that is lost.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

from against_torch import same

EVERY = (
    torch.float32,
    torch.int64,
    torch.uint8,
    torch.int16,
    torch.bool,
    torch.bfloat16,
    torch.float16,
    torch.complex64,
)
FLOATS = (torch.float32, torch.float64, torch.complex64)
LIMIT = 40
# Variants whose operator builds its matrix from the samples first.
WRAPPED = ("singular", "hermitian")


def cases(ours: Mapping[str, Callable], dtypes: Sequence[torch.dtype] = EVERY) -> list[Any]:
    """One pytest parameter (operator, composition, dtype) for each operator's name and dtype."""
    return [
        pytest.param(
            op,
            ours[op.name],
            dtype,
            id=f"{op.formatted_name}-{str(dtype).removeprefix('torch.')}",
        )
        for op in op_db
        if op.name in ours and op.variant_test_name not in WRAPPED
        for dtype in dtypes
        if op.supports_dtype(dtype, "cpu")
    ]


def samples_of(op: Any, dtype: torch.dtype, requires_grad: bool = False) -> list[Any]:
    """The operator's samples, without noting where each was made, which takes ten times as long."""
    torch.manual_seed(0)
    return list(op.sample_inputs_func(op, "cpu", dtype, requires_grad))


def errors_of(op: Any) -> list[Any]:
    """The operator's error inputs, in the same way."""
    torch.manual_seed(0)
    return list(op.error_inputs_func(op, "cpu"))


def check_samples(
    op: Any,
    ours: Callable,
    dtype: torch.dtype,
    theirs: Callable | None = None,
    seen_as: Callable = lambda result: result,
) -> None:
    """Compare values, dtypes, shapes and gradients of the operator's samples, evenly taken.

    Args:
        theirs: torch's function, where the operator wraps it.
        seen_as: what of the results is compared, on both sides.
    """
    reference: Any = theirs or op.op
    grad = op.supports_autograd and (dtype.is_floating_point or dtype.is_complex)
    samples = samples_of(op, dtype, grad)
    for sample in samples[:: max(len(samples) // LIMIT, 1)]:
        same(
            lambda *args, **kwargs: seen_as(reference(*args, **kwargs)),
            lambda *args, **kwargs: seen_as(ours(*args, **kwargs)),
            (sample.input, *sample.args),
            sample.kwargs,
            grad=True,
        )


def check_errors(op: Any, ours: Callable, theirs: Callable | None = None) -> None:
    """Assert that what torch refuses is refused, with the same type of error."""
    if not callable(op.error_inputs_func):
        return
    for error in errors_of(op):
        sample = error.sample_input
        if "out" not in sample.kwargs:
            same(theirs or op.op, ours, (sample.input, *sample.args), sample.kwargs)
