"""The regularized incomplete gamma functions."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops as _stubbed
from paddle.autograd import PyLayer

from oarlock.ops.elementwise import broadcast, require_tensors
from oarlock.ops.promotion import FLOATING, cast, promoted

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed


def igamma(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """P(input, other), the lower function: DLMF 8.2.4; its gradient is with respect to ``other`` alone.

    Raises:
        NotImplementedError: the tensors are not floating-point, or, in backward, ``input`` needs a gradient.
    """
    return _gamma("igamma", input, other)


def igammac(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Q(input, other) = 1 - P(input, other), the upper function; otherwise as igamma."""
    return _gamma("igammac", input, other)


def _gamma(name: str, input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    require_tensors(name, input, other)
    a, x = promoted(input, other)
    if a.dtype not in FLOATING:
        raise NotImplementedError(f'"{name}_cpu" not implemented for {a.dtype}')
    a, x = broadcast(a, x)
    if (a.stop_gradient and x.stop_gradient) or not paddle.is_grad_enabled():
        return _value(name, a, x)
    return _Gamma.apply(a, x, name)


class _Gamma(PyLayer):
    @staticmethod
    def forward(ctx: Any, a: Any, x: Any, name: str) -> Any:
        ctx.save_for_backward(a, x)
        ctx.name = name
        ctx.refused = not a.stop_gradient
        return _value(name, a, x)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        if ctx.refused:
            raise NotImplementedError(f"the derivative for '{ctx.name}: input' is not implemented.")
        a, x = ctx.saved_tensor()
        dtype = x.dtype
        a, x = a.cast("float64"), x.cast("float64")
        slope = paddle.exp((a - 1) * paddle.log(x) - x - paddle.lgamma(a))
        slope = slope if ctx.name == "igamma" else -slope
        return None, args[0] * slope.cast(dtype)


def _value(name: str, a: Any, x: Any) -> Any:
    dtype = a.dtype
    a, x = (_C_ops.cast(each.detach(), paddle.float64) for each in (a, x))
    ordinary = (a > 0) & (x > 0) & a.isfinite() & x.isfinite()
    one = paddle.ones_like(a)
    upper = _C_ops.gammaincc(paddle.where(ordinary, a, one), paddle.where(ordinary, x, one))
    # Where a is 0 or x infinite, all lies below; where a is infinite or x is 0, all lies above.
    above = (a.isinf() | (x == 0)) & (a > 0) & (x >= 0)
    below = ((a == 0) & (x > 0)) | ((x == math.inf) & (a > 0))
    unknown = (above & below) | ~(ordinary | above | below)
    lower = one - upper
    if name == "igamma":
        lower = paddle.where(lower < 0.5, _small(a, x, lower, ordinary), lower)
    chosen = upper if name == "igammac" else lower
    at_above, at_below = (one, one * 0) if name == "igammac" else (one * 0, one)
    chosen = paddle.where(above, at_above, paddle.where(below, at_below, chosen))
    return cast(paddle.where(unknown, one * math.nan, chosen), dtype)


def _small(a: Any, x: Any, lower: Any, ordinary: Any) -> Any:
    """P(a, x) where 1 - Q would cancel: x**a exp(-x) / gamma(a + 1) * sum of x**k / (a + 1)_k, DLMF 8.11.4."""
    wanted = ordinary & (lower < 0.5)
    one = paddle.ones_like(a)
    a, x = paddle.where(wanted, a, one), paddle.where(wanted, x, one * 0.5)
    term = total = one
    k = a
    for _ in range(10_000):
        k = k + 1
        term = term * x / k
        total = total + term
        if not (term > total * 1e-17).any():
            break
    series = paddle.exp(a * paddle.log(x) - x - paddle.lgamma(a + 1)) * total
    return paddle.where(wanted, series, lower)
