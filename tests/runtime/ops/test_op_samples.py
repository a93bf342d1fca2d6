"""torch's own sample inputs, its error inputs among them, through every element-wise function and reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
import pytest
import torch
from against_torch import same
from samples import errors_of, op_db, samples_of

from oarlock.ops import (
    arithmetic,
    bitwise,
    bounds,
    comparison,
    counting,
    extremes,
    logical,
    norms,
    pointwise,
    reductions,
    scans,
    special,
    statistics,
)

MODULES = (
    arithmetic,
    bitwise,
    bounds,
    comparison,
    counting,
    extremes,
    logical,
    norms,
    pointwise,
    reductions,
    scans,
    special,
    statistics,
)
DTYPES = [
    torch.float32,
    torch.float64,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.int8,
    torch.bool,
    torch.bfloat16,
    torch.float16,
    torch.complex64,
    torch.complex128,
]


def _either(of_all: Callable, along: Callable, other: Callable | None) -> Callable:
    """torch's overloads of max, min and median: of all, with another tensor, along a dim."""

    def overloaded(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not args and not kwargs:
            return of_all(x)
        if other is not None and args and isinstance(args[0], paddle.Tensor):
            return other(x, *args)
        return along(x, *args, **kwargs)

    return overloaded


OVERLOADED = {
    "max": _either(extremes.max_of_all, extremes.max_along, bounds.maximum),
    "min": _either(extremes.min_of_all, extremes.min_along, bounds.minimum),
    "median": _either(statistics.median_of_all, statistics.median_along, None),
    "nanmedian": _either(statistics.nanmedian_of_all, statistics.nanmedian_along, None),
    "__radd__": arithmetic.add,
    "__rsub__": arithmetic.rsub,
    "__rmul__": arithmetic.mul,
    "__rpow__": lambda x, base: arithmetic.pow(base, x),
    "__rmod__": lambda x, other: arithmetic.remainder(other, x),
    "__rand__": bitwise.bitwise_and,
    "__ror__": bitwise.bitwise_or,
    "__rxor__": bitwise.bitwise_xor,
    "special.i0e": special.i0e,
    "special.i1": special.i1,
    "special.i1e": special.i1e,
    "special.entr": special.entr,
    "special.xlog1py": arithmetic.xlog1py,
    "polygamma": lambda x, n: special.polygamma(n, x),
    "special.polygamma": lambda x, n: special.polygamma(n, x),
}


def _ours(name: str) -> Callable | None:
    if name in OVERLOADED:
        return OVERLOADED[name]
    for module in MODULES:
        function = getattr(module, name, None)
        if callable(function) and getattr(function, "__module__", "") == module.__name__:
            return function
    return None


OPERATORS = [(op, _ours(op.name)) for op in op_db if _ours(op.name)]
CASES = [
    pytest.param(op, ours, dtype, id=f"{op.formatted_name}-{str(dtype)[6:]}")
    for op, ours in OPERATORS
    for dtype in DTYPES
    if op.supports_dtype(dtype, "cpu")
]

# Where torch's own single-precision result is further from the true one than its tolerance, so that
# two right answers may differ: the same functions are compared in complex128 and float64.
_INEXACT = {
    ("pow", torch.complex64),
    ("__rpow__", torch.complex64),
    ("float_power", torch.complex64),
    ("ldexp", torch.complex64),
    ("logsumexp", torch.complex64),
    ("logsumexp", torch.complex128),
    ("logcumsumexp", torch.float32),
}
# Their samples lie at the poles, where rounding decides; test_special.py has them elsewhere.
_POLES = {"polygamma", "special.polygamma"}
# Refused with the reason: see test_reductions.py.
_REFUSED = {"logcumsumexp", "norm.nuc"}


def _compared(op: Any, dtype: Any) -> bool:
    if op.name in _POLES or (op.name, dtype) in _INEXACT:
        return False
    name = f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name
    return not (name in _REFUSED and dtype.is_complex)


@pytest.mark.parametrize(
    ("op", "ours", "dtype"), [case for case in CASES if _compared(case.values[0], case.values[2])]
)
def test_samples(op: Any, ours: Callable, dtype: torch.dtype) -> None:
    grad = op.supports_autograd and dtype in (torch.float32, torch.float64, torch.complex64)
    for sample in samples_of(op, dtype, grad):
        same(op.op, ours, (sample.input, *sample.args), sample.kwargs, grad=grad)


@pytest.mark.parametrize(
    ("op", "ours"),
    [
        pytest.param(op, ours, id=op.formatted_name)
        for op, ours in OPERATORS
        if op.error_inputs_func is not None
    ],
)
def test_errors(op: Any, ours: Callable) -> None:
    for case in errors_of(op):
        sample = case.sample_input
        # ``out`` is the shim's business, and no paddle.Tensor has 65 dims.
        if "out" in sample.kwargs or not isinstance(sample.input, torch.Tensor):
            continue
        if sample.input.ndim <= 64:
            same(op.op, ours, (sample.input, *sample.args), sample.kwargs)
