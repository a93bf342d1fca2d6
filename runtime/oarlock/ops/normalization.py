"""Normalizations over batches, instances, layers, groups and channels."""

# ruff: noqa: D417 - torch's own names
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from operator import index
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.axes import one_or_more
from oarlock.ops.carrying import COMPLEX
from oarlock.ops.composition import autocasts, composition, is_half, kernel_ready, narrowed, on_cpu
from oarlock.ops.double import power, standardized
from oarlock.ops.elementwise import floated
from oarlock.ops.pooling import avg_pool2d

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# Added to a norm where its gradient divides by it: none at zero, and no other is changed.
_TINY = 1e-38
_EPS = {
    paddle.float32: float(np.finfo(np.float32).eps),
    paddle.float64: float(np.finfo(np.float64).eps),
}


def batch_norm(
    input: paddle.Tensor,
    running_mean: paddle.Tensor | None,
    running_var: paddle.Tensor | None,
    weight: paddle.Tensor | None = None,
    bias: paddle.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> paddle.Tensor:
    """Normalize each channel over the batch (Ioffe and Szegedy, 2015).

    In training the running statistics are updated in place: ``momentum`` is the weight of the new
    observation, and the variance observed is the unbiased one.

    Args:
        input: of shape (N, C, *).
        running_mean, running_var, weight, bias: of shape (C,).
        training: normalize by the batch's statistics instead of the running ones.
        momentum: weight of the batch in the running statistics.
        eps: added to the variance.

    Raises:
        ValueError: training with a single value in each channel.
        RuntimeError: no running statistics outside training, or sizes that do not belong together.
    """
    shape = input.shape
    if len(shape) < 2:
        if prod(shape):
            raise RuntimeError(f"batch_norm: expected at least 2 dims, but got {list(shape)}")
        return input
    count = prod(shape) // shape[1] if shape[1] else 0
    if training:
        if count == 1:
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size {list(shape)}"
            )
    elif running_mean is None or running_var is None:
        raise RuntimeError("Expected running_mean and running_var to be defined in evaluation mode")
    _check_sizes(shape[1], running_mean, running_var, weight, bias)
    if not (is_half(input) and on_cpu(input)):
        return _batch_norm(
            input, running_mean, running_var, weight, bias, training, momentum, eps, count
        )
    # In float32 the statistics of float32 stay the caller's own, so that they are updated in place.
    given = running_mean, running_var
    mean, var = kernel_ready(given)
    out = _batch_norm(
        kernel_ready(input),
        mean,
        var,
        kernel_ready(weight),
        kernel_ready(bias),
        training,
        momentum,
        eps,
        count,
    )
    for old, new in zip(given, (mean, var), strict=True):
        if old is not None and old is not new and training:
            _C_ops.assign_out_(narrowed(new, old.dtype), old)
    return narrowed(out, input.dtype)


def _check_sizes(
    channels: int,
    running_mean: paddle.Tensor | None,
    running_var: paddle.Tensor | None,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
) -> None:
    for name, x in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if x is not None and prod(x.shape) != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {prod(x.shape)}")


def _batch_norm(
    x: paddle.Tensor,
    running_mean: paddle.Tensor | None,
    running_var: paddle.Tensor | None,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    count: int,
) -> paddle.Tensor:
    ndim = x.ndim
    shape = x.shape
    if ndim > 5:
        x = x.reshape([shape[0], shape[1], -1])
        ndim = 3
    if count == 0:
        return _empty_batch(x, shape, weight, bias)
    if x.dtype is paddle.float64:
        return _double_batch_norm(
            x, running_mean, running_var, weight, bias, training, momentum, eps, count
        ).reshape(shape)
    scratch = _scratch(shape[1], on_cpu(x))
    if running_mean is None or running_var is None:
        running_mean, running_var = scratch
        momentum = 0.0
    elif running_mean.dtype is not x.dtype and on_cpu(x):
        return _mixed_batch_norm(
            x, running_mean, running_var, weight, bias, training, momentum, eps, count, shape
        )
    if weight is not None and weight.dtype is not x.dtype and on_cpu(x):
        weight = weight.cast(x.dtype)
        bias = None if bias is None else bias.cast(x.dtype)
    if not training:
        out = _C_ops.batch_norm(
            x, running_mean, running_var, weight, bias, True, 0.9, eps, "NCHW", True, False
        )[0]
        return out if ndim == len(shape) else out.reshape(shape)
    # The kernel updates the mean in place; its momentum is the weight of the old value. For the
    # variance it gets one that nobody reads: on the CPU it tracks the biased variance, torch the
    # unbiased one.
    out, _, _, _, inv_std, _ = _C_ops.batch_norm(
        x,
        running_mean,
        scratch[1],
        weight,
        bias,
        False,
        1.0 - momentum,
        eps,
        "NCHW",
        False,
        False,
    )
    if momentum:
        unbiased = count / (count - 1)
        var = _C_ops.reciprocal(_C_ops.square(inv_std.detach()))
        var = _C_ops.scale(var, unbiased, -eps * unbiased, True)
        _C_ops.lerp_(running_var, var, _weight(momentum, on_cpu(x)))
    return out if ndim == len(shape) else out.reshape(shape)


def _mixed_batch_norm(
    x: paddle.Tensor,
    running_mean: paddle.Tensor,
    running_var: paddle.Tensor,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    count: int,
    shape: Sequence[int],
) -> paddle.Tensor:
    """Statistics of another dtype than the input: computed in the input's, then stored."""
    mean, var = running_mean.cast(x.dtype), running_var.cast(x.dtype)
    out = _batch_norm(x, mean, var, weight, bias, training, momentum, eps, count)
    if training:
        _C_ops.assign_out_(mean.cast(running_mean.dtype), running_mean)
        _C_ops.assign_out_(var.cast(running_var.dtype), running_var)
    return out.reshape(shape)


def _empty_batch(
    x: paddle.Tensor,
    shape: Sequence[int],
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
) -> paddle.Tensor:
    """An empty input stays as it is, and parameters get a gradient of zeros."""
    out = x.reshape(shape)
    view = [1, -1] + [1] * (len(shape) - 2)
    for parameter in (weight, bias):
        if parameter is not None:
            out = out * parameter.reshape(view)
    return out


@lru_cache(maxsize=64)
def _scratch(channels: int, cpu: bool) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Statistics that nobody reads: Paddle's kernel wants some to write to."""
    return paddle.zeros([channels], "float32"), paddle.ones([channels], "float32")


@lru_cache(maxsize=64)
def _ones(channels: int, dtype: Any, place: str) -> paddle.Tensor:
    return paddle.ones([channels], dtype)


@lru_cache(maxsize=64)
def _weight(momentum: float, cpu: bool) -> paddle.Tensor:
    return paddle.full([], momentum, "float32")


def _double_batch_norm(
    x: paddle.Tensor,
    running_mean: paddle.Tensor | None,
    running_var: paddle.Tensor | None,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    count: int,
) -> paddle.Tensor:
    view = [1, -1] + [1] * (x.ndim - 2)
    if training or running_mean is None or running_var is None:
        out, mean, var = standardized(x, [0, *range(2, x.ndim)], eps)
        observed = (mean, 1.0), (var, count / (count - 1))
        for running, (new, factor) in zip((running_mean, running_var), observed, strict=True):
            if running is not None:
                new = _C_ops.reshape(new.detach(), [-1]) * factor
                mixed = running.cast(new.dtype) * (1.0 - momentum) + new * momentum
                _C_ops.assign_out_(mixed.cast(running.dtype), running)
    else:
        mean, var = (r.cast(x.dtype).reshape(view) for r in (running_mean, running_var))
        out = (x - mean) * _C_ops.rsqrt(var + eps)
    return _affine(out, weight, bias, view)


@composition
def instance_norm(
    input: paddle.Tensor,
    running_mean: paddle.Tensor | None = None,
    running_var: paddle.Tensor | None = None,
    weight: paddle.Tensor | None = None,
    bias: paddle.Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> paddle.Tensor:
    """Normalize each channel of each sample (Ulyanov et al., 2016).

    With ``use_input_stats`` the running statistics, where given, are updated in place by the mean
    over the batch of each instance's mean and unbiased variance.

    Args:
        input: of shape (N, C, *).
        running_mean, running_var, weight, bias: of shape (C,).
        use_input_stats: normalize by the input's statistics instead of the running ones.
        momentum: weight of the new observation.
        eps: added to the variance.

    Raises:
        ValueError: ``use_input_stats`` with a single value in each instance.
        RuntimeError: no running statistics without ``use_input_stats``.
    """
    shape = input.shape
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    spatial = prod(shape[2:])
    if spatial == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {list(shape)}"
        )
    dims = list(range(2, len(shape)))
    if running_mean is not None and running_var is not None and prod(shape):
        with paddle.no_grad():
            x = kernel_ready(input)
            means = _C_ops.mean(x, dims, True)
            squares = _C_ops.sum(_C_ops.square(_C_ops.subtract(x, means)), dims, None, False)
            mean, var = means.reshape(shape[:2]).mean(0), squares.mean(0) / (spatial - 1)
            for running, new in ((running_mean, mean), (running_var, var)):
                mixed = kernel_ready(running) * (1 - momentum) + new * momentum
                _C_ops.assign_out_(mixed.cast(running.dtype), running)
    if input.dtype is paddle.float64:
        out = standardized(input, dims, eps)[0]
    else:
        out = _C_ops.instance_norm(input, None, None, eps)
    return _affine(out, weight, bias, [1, -1] + [1] * (len(shape) - 2))


@autocasts
def layer_norm(
    input: paddle.Tensor,
    normalized_shape: Sequence[int],
    weight: paddle.Tensor | None = None,
    bias: paddle.Tensor | None = None,
    eps: float = 1e-05,
) -> paddle.Tensor:
    """Normalize over the last dims (Ba et al., 2016).

    Args:
        input: of shape (*, *normalized_shape).
        normalized_shape: sizes of the dims to normalize over.
        weight, bias: of shape ``normalized_shape``.
        eps: added to the variance.

    Raises:
        RuntimeError: shapes that do not belong together.
    """
    dims = _normalized_dims(input, normalized_shape, weight, bias, "layer_norm")
    if len(dims) > 1:
        weight = None if weight is None else _C_ops.reshape(weight, [-1])
        bias = None if bias is None else _C_ops.reshape(bias, [-1])
    return _layer_norm(input, weight, bias, eps, input.ndim - len(dims))


@composition
def _layer_norm(
    x: paddle.Tensor,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    eps: float,
    axis: int,
) -> paddle.Tensor:
    if not 0 <= eps <= 0.001 or x.dtype is paddle.float64:
        # Paddle's kernel takes no other eps, and that in float32.
        out = standardized(x, range(axis, x.ndim), eps)[0]
        shape = x.shape[axis:]
        if weight is not None:
            out = _C_ops.multiply(out, _C_ops.reshape(weight, shape))
        return out if bias is None else _C_ops.add(out, _C_ops.reshape(bias, shape))
    if axis == 0:
        # Paddle wants a dim that is not normalized.
        out = _C_ops.layer_norm(_C_ops.unsqueeze(x, [0]), weight, bias, eps, 1)
        return _C_ops.squeeze(out, [0])
    return _C_ops.layer_norm(x, weight, bias, eps, axis)


def _normalized_dims(
    x: paddle.Tensor,
    normalized_shape: Sequence[int],
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    api: str,
) -> list[int]:
    dims = list(normalized_shape)
    if not dims:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            "one element, but got normalized_shape = []"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and list(parameter.shape) != dims:
            raise RuntimeError(
                f"{api}: expected {name} to be of same shape as normalized_shape, but got "
                f"{name} of shape {list(parameter.shape)} and normalized_shape = {dims}"
            )
    if list(x.shape[-len(dims) :]) != dims:
        raise RuntimeError(
            f"Given normalized_shape={dims}, expected input with shape [*, "
            f"{', '.join(map(str, dims))}], but got input of size {list(x.shape)}"
        )
    return dims


@composition
def group_norm(
    input: paddle.Tensor,
    num_groups: int,
    weight: paddle.Tensor | None = None,
    bias: paddle.Tensor | None = None,
    eps: float = 1e-05,
) -> paddle.Tensor:
    """Normalize each group of channels of each sample (Wu and He, 2018).

    Args:
        input: of shape (N, C, *).
        num_groups: divides C.
        weight, bias: of shape (C,).
        eps: added to the variance.

    Raises:
        ValueError: a single value in each group of the only sample.
        RuntimeError: C is no multiple of ``num_groups``, or sizes that do not belong together.
    """
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    channels = shape[1]
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(shape)} and num_groups={num_groups}"
        )
    if shape[0] * channels // num_groups * prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and list(parameter.shape) != [channels]:
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, "
                f"but got {name} of shape {list(parameter.shape)} and input of shape {list(shape)}"
            )
    if weight is None:
        # Without one the gradient of Paddle's CPU kernel is wrong.
        weight = _ones(channels, input.dtype, str(input.place))
    if 0 in shape:
        return _C_ops.group_norm(input, weight, bias, eps, num_groups, "NCHW")
    # Paddle's variance is E[x²] - E[x]², which cancels where the mean is large. A constant that is
    # taken from a group changes neither its result nor its gradient.
    groups = _C_ops.reshape(input, [shape[0], num_groups, -1])
    groups = _C_ops.subtract(groups, _C_ops.mean(groups.detach(), [2], True))
    flat = _C_ops.reshape(groups, [shape[0], channels, -1])
    return _C_ops.group_norm(flat, weight, bias, eps, num_groups, "NCHW").reshape(shape)


@composition
def rms_norm(
    input: paddle.Tensor,
    normalized_shape: Sequence[int],
    weight: paddle.Tensor | None = None,
    eps: float | None = None,
) -> paddle.Tensor:
    """Divide by the root of the mean square over the last dims (Zhang and Sennrich, 2019).

    Args:
        input: of shape (*, *normalized_shape).
        normalized_shape: sizes of the dims to normalize over.
        weight: of shape ``normalized_shape``.
        eps: added to the mean square; None is the machine epsilon of float32, or of float64 for
            such an input.

    Raises:
        RuntimeError: shapes that do not belong together.
    """
    dims = _normalized_dims(input, normalized_shape, weight, None, "rms_norm")
    x = kernel_ready(input)
    if eps is None:
        eps = _EPS[x.dtype]
    mean = _C_ops.mean(_C_ops.square(x), list(range(-len(dims), 0)), True)
    out = _C_ops.multiply(x, _C_ops.rsqrt(_C_ops.scale(mean, 1.0, eps, True)))
    if weight is not None:
        out = _C_ops.multiply(out, kernel_ready(weight))
    return out if out.dtype == input.dtype else out.cast(input.dtype)


@composition
def local_response_norm(
    input: paddle.Tensor, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0
) -> paddle.Tensor:
    """Divide by ``(k + alpha * mean)**beta``, the mean square of ``size`` channels around each.

    Args:
        input: of shape (N, C, *), with at least three dims.

    Raises:
        ValueError: fewer than three dims.
    """
    shape = input.shape
    if len(shape) < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {len(shape)} dimensions)"
        )
    if not prod(shape):
        return input
    # The channels are the height of an image of one channel, averaged over a column.
    squares = _C_ops.reshape(_C_ops.square(input), [shape[0], 1, shape[1], -1])
    squares = _C_ops.pad(squares, [0, 0, 0, 0, size // 2, (size - 1) // 2, 0, 0], 0.0)
    scale = power(floated(avg_pool2d(squares, (size, 1), 1)) * alpha + k, beta)
    return _C_ops.divide(floated(input), _C_ops.reshape(scale, list(shape)))


@composition
def normalize(
    input: paddle.Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12
) -> paddle.Tensor:
    """Divide by the p-norm along ``dim``, which counts as at least ``eps``.

    Raises:
        IndexError: there is no such dim.
    """
    norm = vector_norm_kept(input, p, dim)
    return _C_ops.divide(input, _C_ops.clip(norm, eps, float("inf")))


def vector_norm_kept(x: paddle.Tensor, p: float, dim: Any) -> paddle.Tensor:
    """Return the p-norm of ``x`` along ``dim``, which stays with size 1.

    Raises:
        IndexError: there is no such dim.
    """
    if x.dtype in COMPLEX:
        x = _C_ops.abs(x)
    rank = x.ndim or 1
    dims = [index(each) for each in one_or_more(dim)]
    for each in dims:
        if not -rank <= each < rank:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], "
                f"but got {each})"
            )
    if x.ndim == 0:
        return _C_ops.abs(x)
    if x.dtype is paddle.float64 and p not in (0, 1, 2, float("inf"), float("-inf")):
        return _precise_norm(x, float(p), dims)
    if len(dims) == 1:
        return _C_ops.p_norm(x, float(p), dims[0], _TINY, True, False)
    dims = [each % rank for each in dims]
    kept = [each for each in range(rank) if each not in dims]
    flat = _C_ops.transpose(x, [*kept, *dims]).reshape([*(x.shape[i] for i in kept), -1])
    norm = _C_ops.p_norm(flat, float(p), -1, _TINY, False, False)
    return norm.reshape([1 if i in dims else size for i, size in enumerate(x.shape)])


def _precise_norm(x: paddle.Tensor, p: float, dims: list[int]) -> paddle.Tensor:
    """The norm in float64, where Paddle's kernel takes 1 / p in float32."""
    total = _C_ops.sum(power(_C_ops.abs(x), p), dims, None, True)
    empty = _C_ops.equal(total, paddle.zeros([], total.dtype))
    # A power of zero has no finite gradient.
    norm = power(_C_ops.masked_fill(total, empty, paddle.ones([], total.dtype)), 1.0 / p)
    return _C_ops.masked_fill(norm, empty, paddle.zeros([], norm.dtype))


def _affine(
    x: paddle.Tensor,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    view: list[int],
) -> paddle.Tensor:
    if weight is not None:
        x = _C_ops.multiply(x, _C_ops.reshape(weight, view))
    if bias is not None:
        x = _C_ops.add(x, _C_ops.reshape(bias, view))
    return x
