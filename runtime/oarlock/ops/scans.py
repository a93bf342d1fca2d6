"""Running sums, products and extremes along a dim, and differences."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops

from oarlock.errors import UnsupportedError
from oarlock.ops.axes import normal_dim
from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import empty, refuse_complex, widened
from oarlock.ops.promotion import (
    BFLOAT16,
    BOOL,
    COMPLEX,
    FLOAT16,
    FLOAT32,
    INT64,
    cast,
    category,
)


@autocasts
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running sums along dim; bool and integers as int64.

    Raises:
        IndexError: there is no such dim.
    """
    return _summed(lambda x, d: _C_ops.cumsum(x, d, False, False, False), input, dim, dtype)


@autocasts
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running products along dim; bool and integers as int64.

    Raises:
        IndexError: there is no such dim.
    """
    return _summed(lambda x, d: _C_ops.cumprod(x, d, False, False), input, dim, dtype)


def _summed(kernel: Any, x: Any, dim: int, dtype: Any) -> Any:
    dim = normal_dim(dim, x.ndim)
    if dtype is None:
        dtype = INT64 if category(x.dtype) < 2 else x.dtype
    if dtype is BOOL:
        raise RuntimeError("a running sum or product is not implemented for 'Bool'")
    x = cast(x, dtype)
    if not x.ndim or empty(x):
        return _C_ops.assign(x)
    if dtype is FLOAT16 or dtype is BFLOAT16:
        x = _C_ops.cast(x, FLOAT32)
    elif category(dtype) < 2:
        x = cast(x, INT64)
    return cast(kernel(x, dim), dtype)


def logcumsumexp(input: Any, dim: int) -> Any:
    """The logarithm of the running sums of exp(input) along dim.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: input is bool or integer.
    """
    dim = normal_dim(dim, input.ndim)
    if category(input.dtype) < 2:
        raise RuntimeError('"logcumsumexp_out_cpu" not implemented for this dtype')
    if not input.ndim or empty(input):
        return _C_ops.assign(input)
    if input.dtype in COMPLEX:
        raise UnsupportedError(
            api="torch.logcumsumexp",
            parameter="input",
            given="a complex tensor",
            reason="Paddle computes it for real numbers only",
            advice="Take torch.log(torch.cumsum(torch.exp(input), dim)) where nothing overflows",
        )
    wide = widened(input)
    return cast(_C_ops.logcumsumexp(wide, dim, False, False, False), input.dtype)


def cummax(input: Any, dim: int) -> tuple[Any, Any]:
    """(values, indices) of the running maximum along dim: the last of equal ones, nan stays.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: input is complex.
    """
    return _running(paddle.cummax, "cummax", input, dim)


def cummin(input: Any, dim: int) -> tuple[Any, Any]:
    """(values, indices) of the running minimum along dim: the last of equal ones, nan stays.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: input is complex.
    """
    return _running(paddle.cummin, "cummin", input, dim)


def _running(kernel: Any, name: str, x: Any, dim: int) -> tuple[Any, Any]:
    refuse_complex(name, x)
    dim = normal_dim(dim, x.ndim)
    if not x.ndim or empty(x):
        return _C_ops.assign(x), paddle.zeros(x.shape, INT64)
    values, indices = kernel(widened(x), dim)
    return cast(values, x.dtype), indices.detach()


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The n-th differences along dim; of bools, where neighbours differ.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: input is 0-dim; n is negative.
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = normal_dim(dim, input.ndim)
    parts = [p for p in (prepend, input, append) if p is not None]
    if n == 0:
        return _C_ops.assign(input)
    if len(parts) > 1:
        from oarlock.ops.promotion import result_dtype

        dtype = result_dtype(*parts)
        input = _C_ops.concat([cast(p, dtype) for p in parts], dim)
    for _ in range(n):
        length = input.shape[dim]
        if not length:
            break
        later = _C_ops.slice(input, [dim], [1], [length], [1], [])
        earlier = _C_ops.slice(input, [dim], [0], [length - 1], [1], [])
        if input.dtype is BOOL:
            input = _C_ops.logical_xor(later, earlier)
        else:
            wide = _C_ops.subtract(widened(later), widened(earlier))
            input = cast(wide, input.dtype)
    return input
