"""Activation functions, with torch's values and gradients at zero, at the bounds and at infinity."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import composition, is_integral, on_cpu
from oarlock.ops.double import clipped64, elu64
from oarlock.ops.elementwise import floated

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946
# exp(-x) stays finite above, in float32.
_SILU_LEAST = -80.0


@composition
def relu(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``max(input, 0)``, of any real dtype; NaN stays NaN.

    Raises:
        RuntimeError: a bool or complex input.
    """
    if input.stop_gradient:
        # Paddle's relu turns NaN into 0, its hardtanh does not, but has no second derivative.
        return _or_of_integers(_C_ops.hardtanh, input, 0.0, math.inf)
    out = _C_ops.relu(input)
    # Any NaN makes the sum one. On a GPU the answer is not worth the wait.
    if on_cpu(input) and math.isnan(_C_ops.squared_l2_norm(input.detach()).item()):
        return _C_ops.where(_C_ops.isnan(input), input, out)
    return out


@composition
def relu6(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``min(max(input, 0), 6)``."""
    if input.stop_gradient:
        return _or_of_integers(_C_ops.hardtanh, input, 0.0, 6.0)
    return _C_ops.relu6(input)


@composition
def hardtanh(
    input: paddle.Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> paddle.Tensor:
    """Return ``input`` clipped to [min_val, max_val]; the gradient is zero at both bounds.

    Raises:
        ValueError: ``min_val`` exceeds ``max_val``.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    clip = clipped64 if input.dtype is paddle.float64 else _C_ops.hardtanh
    return _or_of_integers(clip, input, float(min_val), float(max_val))


@composition
def leaky_relu(
    input: paddle.Tensor, negative_slope: float = 0.01, inplace: bool = False
) -> paddle.Tensor:
    """Return ``input`` where it is positive, ``negative_slope * input`` elsewhere."""
    slope = float(negative_slope)
    if slope <= 1.0 and (input.stop_gradient or not _has_zero(input)):
        return _C_ops.leaky_relu(input, slope)
    # At zero torch's gradient is the slope, that of Paddle's kernel is 1.
    return _C_ops.where(_positive(input), input, _scaled(input, slope))


@composition
def prelu(input: paddle.Tensor, weight: paddle.Tensor) -> paddle.Tensor:
    """Return ``input`` where it is positive, ``weight * input`` elsewhere.

    Args:
        input: of shape (N, C, *), or of fewer dims with a single weight.
        weight: of shape (C,) or (1,), or a scalar.

    Raises:
        RuntimeError: as many weights as there are channels were expected.
    """
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: expected weight to be a scalar or 1D tensor, but got {weight.ndim} dims"
        )
    count = weight.shape[0] if weight.ndim else 1
    channels = input.shape[1] if input.ndim > 1 else 1
    if count not in (1, channels):
        raise RuntimeError(
            f"Mismatch of parameter numbers and input channel size. "
            f"Found parameter numbers = {count} and channel size = {channels}."
        )
    if weight.dtype is not input.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}"
        )
    slope = weight
    if count != 1:
        slope = _C_ops.reshape(weight, [-1] + [1] * (input.ndim - 2))
    elif weight.ndim:
        slope = _C_ops.reshape(weight, [])
    return _C_ops.where(_positive(input), input, _C_ops.multiply(input, slope))


@composition
def elu(input: paddle.Tensor, alpha: float = 1.0, inplace: bool = False) -> paddle.Tensor:
    """Return ``input`` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    if input.dtype is paddle.float64:
        return elu64(input, float(alpha))
    return _C_ops.elu(input, float(alpha))


@composition
def selu(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``elu`` scaled so that activations keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    if input.dtype is paddle.float64:
        return elu64(input, _SELU_ALPHA, _SELU_SCALE)
    return _C_ops.selu(input, _SELU_SCALE, _SELU_ALPHA)


@composition
def celu(input: paddle.Tensor, alpha: float = 1.0, inplace: bool = False) -> paddle.Tensor:
    """Return ``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`` of ``input`` x.

    Raises:
        RuntimeError: ``alpha`` is zero.
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    if input.dtype is paddle.float64:
        return elu64(input, float(alpha), 1.0, 1.0 / alpha)
    # Paddle's celu has a NaN gradient where exp(x / alpha) overflows.
    if alpha == 1:
        return _C_ops.elu(input, 1.0)
    return _scaled(_C_ops.elu(_scaled(input, 1.0 / alpha), 1.0), float(alpha))


@composition
def gelu(input: paddle.Tensor, approximate: str = "none") -> paddle.Tensor:
    """Return ``input * Phi(input)``, or its tanh approximation (Hendrycks and Gimpel, 2016).

    Raises:
        RuntimeError: ``approximate`` is neither 'none' nor 'tanh'.
    """
    if approximate == "none":
        return _C_ops.gelu(input, False)
    if approximate == "tanh":
        return _C_ops.gelu(input, True)
    raise RuntimeError("approximate argument must be either none or tanh.")


@composition
def silu(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``input * sigmoid(input)``."""
    if input.stop_gradient or not _reaches(input, _SILU_LEAST):
        return _C_ops.silu(input)
    # The gradient of Paddle's CPU kernel overflows where exp(-x) does.
    return _C_ops.multiply(input, _C_ops.sigmoid(input))


@composition
def mish(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``input * tanh(softplus(input))`` (Misra, 2019)."""
    return _C_ops.mish(input, 20.0)


@composition
def hardswish(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``input * relu6(input + 3) / 6`` (Howard et al., 2019)."""
    return _C_ops.hardswish(input)


@composition
def hardsigmoid(input: paddle.Tensor, inplace: bool = False) -> paddle.Tensor:
    """Return ``relu6(input + 3) / 6``."""
    if input.dtype is paddle.float64:
        return clipped64(input + 3.0, 0.0, 6.0) / 6.0
    return _C_ops.hardsigmoid(input, 1.0 / 6.0, 0.5)


@composition
def softplus(input: paddle.Tensor, beta: float = 1.0, threshold: float = 20.0) -> paddle.Tensor:
    """Return ``log(1 + exp(beta * input)) / beta``, and ``input`` where ``beta * input > threshold``."""
    return _C_ops.softplus(input, float(beta), float(threshold))


@composition
def softsign(input: paddle.Tensor) -> paddle.Tensor:
    """Return ``input / (1 + abs(input))``."""
    return _C_ops.softsign(floated(input))


@composition
def softshrink(input: paddle.Tensor, lambd: float = 0.5) -> paddle.Tensor:
    """Return ``input`` moved towards zero by ``lambd``, and zero within [-lambd, lambd].

    Raises:
        RuntimeError: ``lambd`` is negative.
    """
    if not lambd >= 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    # Paddle's kernel makes infinities NaN.
    return _C_ops.subtract(input, _C_ops.clip(input, -float(lambd), float(lambd)))


@composition
def hardshrink(input: paddle.Tensor, lambd: float = 0.5) -> paddle.Tensor:
    """Return ``input``, and zero within [-lambd, lambd]."""
    # Paddle's kernel keeps the bounds themselves.
    small = _C_ops.less_equal(_C_ops.abs(input.detach()), paddle.full([], lambd, input.dtype))
    return _C_ops.masked_fill(input, small, paddle.zeros([], input.dtype))


@composition
def tanhshrink(input: paddle.Tensor) -> paddle.Tensor:
    """Return ``input - tanh(input)``."""
    input = floated(input)
    return _C_ops.subtract(input, _C_ops.tanh(input))


@composition
def threshold(
    input: paddle.Tensor, threshold: float, value: float, inplace: bool = False
) -> paddle.Tensor:
    """Return ``input``, and ``value`` where it is at most ``threshold``."""
    # Paddle's thresholded_relu multiplies by a mask, so that -inf becomes NaN.
    below = _C_ops.less_equal(input, paddle.full([], threshold, input.dtype))
    return _C_ops.masked_fill(input, below, paddle.full([], value, input.dtype))


@composition
def logsigmoid(input: paddle.Tensor) -> paddle.Tensor:
    """Return ``log(sigmoid(input))``."""
    # Paddle's own kernel has no second derivative.
    opposite = _C_ops.scale(input, -1.0, 0.0, True)
    return _C_ops.scale(_C_ops.softplus(opposite, 1.0, 50.0), -1.0, 0.0, True)


@composition
def glu(input: paddle.Tensor, dim: int = -1) -> paddle.Tensor:
    """Return the first half of ``input`` along ``dim`` times the sigmoid of the second.

    Raises:
        RuntimeError: ``input`` has no dims, or an odd size along ``dim``.
        IndexError: there is no such dim.
    """
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if not -input.ndim <= dim < input.ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of "
            f"[{-input.ndim}, {input.ndim - 1}], but got {dim})"
        )
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {size}")
    value, gate = _C_ops.split_with_num(input, 2, dim % input.ndim)
    return _C_ops.multiply(value, _C_ops.sigmoid(gate))


def _positive(x: paddle.Tensor) -> paddle.Tensor:
    return _C_ops.cast(_C_ops.relu(x.detach()), paddle.bool)


def _has_zero(x: paddle.Tensor) -> bool:
    """Whether a zero is among the values; on a GPU the answer is not worth the wait."""
    if not on_cpu(x) or not all(x.shape):
        return True
    return not _C_ops.all(_C_ops.cast(x.detach(), paddle.bool), [], False).item()


def _reaches(x: paddle.Tensor, least: float) -> bool:
    """Whether a value on the CPU is no more than ``least``."""
    if not on_cpu(x) or not all(x.shape):
        return False
    return not _C_ops.min(x.detach(), [], False).item() > least


def _scaled(x: paddle.Tensor, factor: float) -> paddle.Tensor:
    return _C_ops.scale(x, factor, 0.0, True)


def _or_of_integers(
    clip: Callable[..., paddle.Tensor], x: paddle.Tensor, low: float, high: float
) -> paddle.Tensor:
    """Clip by a floating-point kernel, or integers by way of int64."""
    try:
        return clip(x, low, high)
    except RuntimeError:
        if not is_integral(x):
            raise
        wide = paddle.clip(x.cast(paddle.int64), low, min(high, 2**63 - 1))
        return wide.cast(x.dtype)
