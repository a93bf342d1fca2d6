"""Softmax and its logarithm, exact also far below the maximum, where Paddle's CPU kernels clip."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import composition, on_cpu

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# Paddle's CPU kernels raise x - max(x) to at least -64, so that no probability is below this.
_CLIPPED = 2e-28
_LEAST = -63.9
# Up to so many elements Paddle's CPU kernel of log_softmax is the faster way.
_FEW = 256


@composition
def softmax(
    input: paddle.Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> paddle.Tensor:
    """Return ``exp(input)`` normalised to sum 1 along ``dim``.

    Args:
        input: of any shape.
        dim: the dim that sums to 1. None picks one by torch's old rule and warns.
        _stacklevel: of that warning.
        dtype: cast to before computing.

    Raises:
        IndexError: there is no such dim.
        RuntimeError: an integer input without ``dtype``.
    """
    x, dim = _prepared(input, dim, dtype, "softmax", _stacklevel)
    out = _C_ops.softmax(x, dim)
    if not on_cpu(out) or _smallest(out) > _CLIPPED:
        return out
    return exact_softmax(x, dim)


@composition
def softmin(
    input: paddle.Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> paddle.Tensor:
    """Return ``softmax(-input)`` along ``dim``; the arguments are those of :func:`softmax`."""
    x, dim = _prepared(input, dim, dtype, "softmin", _stacklevel)
    return softmax(_C_ops.scale(x, -1.0, 0.0, True), dim)


@composition
def log_softmax(
    input: paddle.Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> paddle.Tensor:
    """Return ``log(softmax(input))`` along ``dim``; the arguments are those of :func:`softmax`."""
    x, dim = _prepared(input, dim, dtype, "log_softmax", _stacklevel)
    if not on_cpu(x):
        return _C_ops.log_softmax(x, dim)
    if x.stop_gradient and prod(x.shape) <= _FEW:
        out = _C_ops.log_softmax(x, dim)
        if _smallest(out) > _LEAST:
            return out
    # Faster than Paddle's CPU kernel for many elements, exact, and to be differentiated twice.
    shifted = _shifted(x, dim)
    total = _C_ops.sum(_C_ops.exp(shifted), [dim], None, True)
    return _C_ops.subtract(shifted, _C_ops.log(total))


def exact_softmax(x: paddle.Tensor, dim: int) -> paddle.Tensor:
    """Return the softmax of a floating-point ``x`` along ``dim``, 0 where it underflows."""
    shifted = _shifted(x, dim)
    # Paddle's CPU exp gives its smallest normal number at most, and never 0.
    least = -746.0 if x.dtype is paddle.float64 else -104.0
    under = _C_ops.less_than(shifted.detach(), paddle.full([], least, x.dtype))
    e = _C_ops.masked_fill(_C_ops.exp(shifted), under, paddle.zeros([], x.dtype))
    return _C_ops.divide(e, _C_ops.sum(e, [dim], None, True))


def _shifted(x: paddle.Tensor, dim: int) -> paddle.Tensor:
    if x.ndim and x.shape[dim] == 0:
        return x
    return _C_ops.subtract(x, _C_ops.max(x.detach(), [dim] if x.ndim else [], True))


def _smallest(x: paddle.Tensor) -> float:
    return _C_ops.min(x.detach(), [], False).item() if all(x.shape) else 1.0


def _prepared(
    x: paddle.Tensor, dim: int | None, dtype: Any, api: str, stacklevel: int
) -> tuple[paddle.Tensor, int]:
    ndim = x.ndim
    if dim is None:
        warnings.warn(
            f"Implicit dimension choice for {api} has been deprecated. "
            "Change the call to include dim=X as an argument.",
            stacklevel=stacklevel + 1,
        )
        dim = 0 if ndim in (0, 1, 3) else 1
    rank = ndim or 1
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], "
            f"but got {dim})"
        )
    return (x if dtype is None else _C_ops.cast(x, dtype)), dim
