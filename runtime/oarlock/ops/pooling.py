"""Pooling over one, two or three spatial dims, with torch's windows, indices and divisors.

A pooling over one dim is one over two with a height of 1. Paddle's own kernels serve what they can;
dilation, and indices under a padding that is not the same on both sides, are composed.
"""

# ruff: noqa: D417 - torch's own names
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import isnan, prod
from operator import index
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import autocasts, composition, is_integral, on_cpu
from oarlock.ops.double import by_matrices, power
from oarlock.ops.spatial import batched, expanded, unbatched
from oarlock.random.draws import uniform
from oarlock.random.generator import chosen

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed


def max_pool1d(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take the maximum of each window of ``input`` (N, C, L) or (C, L).

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in L.

    Raises:
        RuntimeError: a window that does not fit, or a padding above half of it.
    """
    out = _max_pool(input, 1, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return out if return_indices else out[0]


def max_pool2d(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take the maximum of each window of ``input`` (N, C, H, W) or (C, H, W).

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in the flattened H x W.

    Raises:
        RuntimeError: a window that does not fit, or a padding above half of it.
    """
    out = _max_pool(input, 2, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return out if return_indices else out[0]


@autocasts
def max_pool3d(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Take the maximum of each window of ``input`` (N, C, D, H, W) or (C, D, H, W).

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in the flattened D x H x W.

    Raises:
        RuntimeError: a window that does not fit, or a padding above half of it.
    """
    out = _max_pool(input, 3, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return out if return_indices else out[0]


def max_pool1d_with_indices(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``max_pool1d`` and the positions of its maxima, whatever ``return_indices`` says."""
    return _max_pool(input, 1, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``max_pool2d`` and the positions of its maxima, whatever ``return_indices`` says."""
    return _max_pool(input, 2, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool3d_with_indices(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``max_pool3d`` and the positions of its maxima, whatever ``return_indices`` says."""
    return _max_pool(input, 3, kernel_size, stride, padding, dilation, ceil_mode, True)


@composition
def _max_pool(
    input: paddle.Tensor,
    n: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    indices: bool,
) -> Any:
    if is_integral(input):
        return _integer_max_pool(input, n, kernel_size, stride, padding, dilation, ceil_mode)
    x, added = batched(input, n, f"max_pool{n}d")
    shape = x.shape
    kernel, steps, pads, dilations, sizes, after, around = _windows(
        tuple(shape[2:]),
        _hashable(kernel_size),
        _hashable(stride),
        _hashable(padding),
        _hashable(dilation),
        ceil_mode,
    )
    if n == 1:
        x = _C_ops.unsqueeze(x, [2])
    if 0 in shape:
        return _empty_max(x, sizes, n, added, indices)
    if max(dilations) == 1:
        if not indices:
            picked = None
            if pads == after and not x.stop_gradient and x.ndim == 4 and on_cpu(x):
                picked = _picked_max(x, kernel, steps, pads)
            out = (_pool(x, kernel, steps, around, "max", True) if picked is None else picked,)
        elif pads == after:
            pool = _C_ops.max_pool3d_with_index if n == 3 else _C_ops.max_pool2d_with_index
            values, where = pool(x, kernel, steps, pads, False, False, False)
            out = values, where.detach().cast(paddle.int64)
        else:
            out = _max_of_windows(x, kernel, steps, pads, after, dilations, sizes)
    else:
        out = _max_of_windows(x, kernel, steps, pads, after, dilations, sizes)
    if n == 1:
        out = tuple(_C_ops.squeeze(each, [2]) for each in out)
    return tuple(unbatched(each, True) for each in out) if added else out


def _picked_max(
    x: paddle.Tensor, kernel: list[int], steps: list[int], pads: list[int]
) -> paddle.Tensor | None:
    """Take the maxima from their places in ``x``; None beside NaN, and where a window is all -inf.

    Faster with its backward than Paddle's kernel on the CPU, and with a second derivative.
    """
    if isnan(_C_ops.sum(x.detach(), [], None, False).item()):
        return None
    _, places = _C_ops.max_pool2d_with_index(x.detach(), kernel, steps, pads, False, False, False)
    if _C_ops.min(places, [], False).item() < 0:
        return None
    planes = [*x.shape[:2], -1]
    flat, index = _C_ops.reshape(x, planes), _C_ops.reshape(places, planes)
    return _C_ops.reshape(_C_ops.take_along_axis(flat, index, 2), places.shape)


def _integer_max_pool(x: paddle.Tensor, n: int, *window: Any) -> Any:
    # float64 holds all integers up to 2**53; indices are those of the same values.
    values, where = _max_pool(x.cast(paddle.float64), n, *window, indices=True)
    return values.cast(x.dtype), where


def _empty_max(x: paddle.Tensor, sizes: list[int], n: int, added: bool, indices: bool) -> Any:
    if not prod(x.shape[1:]):
        raise RuntimeError(
            f"max_pool{n}d: Expected a tensor with optional 0 dim batch size for input, "
            f"but got {list(x.shape)}"
        )
    shape = [*x.shape[:2], *(sizes[1:] if n == 1 else sizes)]
    return _empty(x, shape), paddle.zeros(shape, paddle.int64)


def _empty(x: paddle.Tensor, shape: list[int]) -> paddle.Tensor:
    """No elements of ``shape``, differentiable with respect to the empty ``x``."""
    return paddle.zeros(shape, x.dtype) + _C_ops.sum(x, [], None, False)


def _pool(
    x: paddle.Tensor,
    kernel: list[int],
    steps: list[int],
    paddings: list[int],
    kind: str,
    exclusive: bool,
    adaptive: bool = False,
) -> paddle.Tensor:
    if x.ndim == 5:
        return _C_ops.pool3d(
            x, kernel, steps, paddings, False, exclusive, "NCDHW", kind, False, adaptive, "EXPLICIT"
        )
    return _C_ops.pool2d(
        x, kernel, steps, paddings, False, exclusive, "NCHW", kind, False, adaptive, "EXPLICIT"
    )


@lru_cache(maxsize=256)
def _windows(
    spatial: tuple[int, ...],
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
) -> tuple[list[int], ...]:
    """Kernel, steps, padding before, dilation, output sizes, padding after, and before and after by turns.

    For one dim they are those of two.
    """
    n = len(spatial)
    kernel = expanded(kernel_size, n, "kernel_size")
    steps = kernel if stride is None or stride == () else expanded(stride, n, "stride")
    pads, dilations = expanded(padding, n, "padding"), expanded(dilation, n, "dilation")
    sizes = _sizes(spatial, kernel, steps, pads, dilations, ceil_mode)
    if n == 1:
        spatial, kernel, steps = (1, *spatial), [1, *kernel], [1, *steps]
        pads, dilations, sizes = [0, *pads], [1, *dilations], [1, *sizes]
    after = _padding_after(spatial, kernel, steps, pads, dilations, sizes)
    around = [p for pair in zip(pads, after, strict=True) for p in pair]
    return kernel, steps, pads, dilations, sizes, after, around


def _hashable(value: Any) -> Any:
    if type(value) is int or value is None:
        return value
    return tuple(value) if isinstance(value, Sequence) else index(value)


def _sizes(
    spatial: Sequence[int],
    kernel: list[int],
    steps: list[int],
    pads: list[int],
    dilations: list[int],
    ceil_mode: bool,
) -> list[int]:
    """The output sizes: with ``ceil_mode`` no window starts in the padding after the input."""
    sizes = []
    for length, k, s, p, d in zip(spatial, kernel, steps, pads, dilations, strict=True):
        if k <= 0 or s <= 0 or d <= 0:
            raise RuntimeError("kernel size, stride and dilation should be greater than zero")
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, "
                f"but got pad={p}, kernel_size={k} and dilation={d}"
            )
        room = length + 2 * p - d * (k - 1) - 1
        size = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (size - 1) * s >= length + p:
            size -= 1
        if size < 1:
            raise RuntimeError(
                f"Given input size {list(spatial)}, the calculated output size is too small"
            )
        sizes.append(size)
    return sizes


def _padding_after(
    spatial: Sequence[int],
    kernel: list[int],
    steps: list[int],
    pads: list[int],
    dilations: list[int],
    sizes: list[int],
) -> list[int]:
    """The padding after each dim with which Paddle comes to ``sizes`` windows."""
    after = []
    for length, k, s, p, d, size in zip(
        spatial, kernel, steps, pads, dilations, sizes, strict=True
    ):
        needed = (size - 1) * s + d * (k - 1) + 1 - length - p
        # The usual padding where it leads to as many windows: indices are native then.
        usual = (length + 2 * p - d * (k - 1) - 1) // s + 1
        after.append(p if usual == size else max(needed, 0))
    return after


def _max_of_windows(
    x: paddle.Tensor,
    kernel: list[int],
    steps: list[int],
    pads: list[int],
    after: list[int],
    dilations: list[int],
    sizes: list[int],
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Maxima and positions of dilated windows: each gathered once, where its maximum lies."""
    n = len(kernel)
    shape = list(x.shape)
    with paddle.no_grad():
        plain = x.detach()
        wide = [p for pair in zip(pads, after, strict=True) for p in pair]
        if any(wide):
            plain = _C_ops.pad(plain, [0, 0, 0, 0, *wide], float("-inf"))
        plain = _C_ops.assign(plain)
        padded = list(plain.shape[2:])
        strides = [prod(padded[i + 1 :]) for i in range(n)]
        batch = [prod(padded) * shape[1], prod(padded)]
        windows = _C_ops.as_strided(
            plain,
            [*shape[:2], *sizes, *kernel],
            [
                *batch,
                *(a * s for a, s in zip(strides, steps, strict=True)),
                *(a * d for a, d in zip(strides, dilations, strict=True)),
            ],
            0,
        )
        best = paddle.argmax(_C_ops.reshape(windows, [*shape[:2], *sizes, prod(kernel)]), -1)
        position = paddle.zeros([1], paddle.int64)
        for i in range(n):
            inner = prod(kernel[i + 1 :])
            tap = paddle.remainder(
                paddle.floor_divide(best, paddle.full([], inner, "int64")),
                paddle.full([], kernel[i], "int64"),
            )
            start = paddle.arange(sizes[i], dtype=paddle.int64) * steps[i] - pads[i]
            start = start.reshape([-1] + [1] * (n - 1 - i))
            position = position * shape[2 + i] + (tap * dilations[i] + start)
    flat = _C_ops.reshape(x, [*shape[:2], -1])
    values = _C_ops.take_along_axis(flat, _C_ops.reshape(position, [*shape[:2], -1]), 2)
    return _C_ops.reshape(values, [*shape[:2], *sizes]), position


def avg_pool1d(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> paddle.Tensor:
    """Take the mean of each window of ``input`` (N, C, L) or (C, L).

    Raises:
        RuntimeError: a window that does not fit, or a padding above half of it.
    """
    return _avg_pool(input, 1, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> paddle.Tensor:
    """Take the mean of each window of ``input`` (N, C, H, W) or (C, H, W).

    Raises:
        RuntimeError: a window that does not fit, a padding above half of it, or a divisor of zero.
    """
    return _avg_pool(
        input, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@autocasts
def avg_pool3d(
    input: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> paddle.Tensor:
    """Take the mean of each window of ``input`` (N, C, D, H, W) or (C, D, H, W).

    Raises:
        RuntimeError: a window that does not fit, a padding above half of it, or a divisor of zero.
    """
    return _avg_pool(
        input, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@composition
def _avg_pool(
    input: paddle.Tensor,
    n: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> paddle.Tensor:
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    x, added = batched(input, n, f"avg_pool{n}d")
    kernel, steps, pads, _, sizes, after, around = _windows(
        tuple(x.shape[2:]),
        _hashable(kernel_size),
        _hashable(stride),
        _hashable(padding),
        1,
        ceil_mode,
    )
    if n == 3 and any(k > length for k, length in zip(kernel, x.shape[2:], strict=True)):
        raise RuntimeError(f"input image {list(x.shape[2:])} smaller than kernel size {kernel}")
    if x.dtype is paddle.int64:
        mean = _avg_pool(
            x.cast("float64"),
            n,
            kernel_size,
            stride,
            padding,
            ceil_mode,
            count_include_pad,
            divisor_override,
        )
        # A quotient of integers that is none itself is further from the next than half of its unit.
        half = 0.5 / abs(divisor_override or prod(kernel))
        return unbatched((mean + mean.sign() * half).trunc().cast(x.dtype), added)
    if n == 1:
        x = _C_ops.unsqueeze(x, [2])
    if 0 in x.shape:
        shape = [*x.shape[:2], *(sizes[1:] if n == 1 else sizes)]
        return unbatched(_empty(x, shape), added)
    if x.dtype is paddle.float64:
        # Paddle's gradient divides in float32.
        weights = [
            _window_weights(*each, count_include_pad, divisor_override is not None)
            for each in zip(x.shape[2:], kernel, steps, pads, sizes, strict=True)
        ]
        out = by_matrices(x, weights)
        out = out if divisor_override is None else out / divisor_override
        return unbatched(_C_ops.squeeze(out, [2]) if n == 1 else out, added)
    if divisor_override is not None:
        if any(around):
            x = _C_ops.pad(x, [0, 0, 0, 0, *around], 0.0)
        out = _pool(x, kernel, steps, [0] * len(around), "avg", True)
        out = _C_ops.scale(out, prod(kernel) / divisor_override, 0.0, True)
    elif count_include_pad and pads != after:
        # The padding asked for counts as input, what the last window reaches beyond it does not.
        x = _C_ops.pad(x, [0, 0, 0, 0, *(p for p in pads for _ in range(2))], 0.0)
        beyond = [v for p, a in zip(pads, after, strict=True) for v in (0, max(a - p, 0))]
        out = _pool(x, kernel, steps, beyond, "avg", True)
    else:
        out = _pool(x, kernel, steps, around, "avg", not count_include_pad)
    if n == 1:
        out = _C_ops.squeeze(out, [2])
    return unbatched(out, added)


@lru_cache(maxsize=64)
def _window_weights(
    length: int, k: int, step: int, pad: int, size: int, count_include_pad: bool, sums: bool
) -> np.ndarray:
    """What each of ``length`` elements adds to each of ``size`` means of windows, or to sums."""
    start = np.arange(size)[:, None] * step - pad
    at = np.arange(length)[None]
    inside = (at >= start) & (at < start + k)
    if sums:
        return inside.astype(np.float64)
    # A window ends at the padding that the caller asked for.
    counts = np.minimum(start + k, length + pad) - start
    return inside / (counts if count_include_pad else inside.sum(1, keepdims=True))


@lru_cache(maxsize=64)
def _adaptive_weights(length: int, size: int) -> np.ndarray:
    """What each of ``length`` elements adds to each of ``size`` means that cover them."""
    number = np.arange(size)[:, None]
    at = np.arange(length)[None]
    inside = (at >= number * length // size) & (at < -(-(number + 1) * length // size))
    return inside / inside.sum(1, keepdims=True)


def adaptive_avg_pool1d(input: paddle.Tensor, output_size: Any) -> paddle.Tensor:
    """Average ``input`` (N, C, L) or (C, L) over ``output_size`` windows that cover it."""
    return _adaptive_avg_pool(input, 1, output_size)


def adaptive_avg_pool2d(input: paddle.Tensor, output_size: Any) -> paddle.Tensor:
    """Average ``input`` (N, C, H, W) or (C, H, W) over windows that cover it; None keeps a size."""
    return _adaptive_avg_pool(input, 2, output_size)


@autocasts
def adaptive_avg_pool3d(input: paddle.Tensor, output_size: Any) -> paddle.Tensor:
    """Average ``input`` (N, C, D, H, W) or (C, D, H, W) over windows that cover it."""
    return _adaptive_avg_pool(input, 3, output_size)


@composition
def _adaptive_avg_pool(input: paddle.Tensor, n: int, output_size: Any) -> paddle.Tensor:
    if n > 1 and input.ndim < n + 1:
        raise ValueError(f"Input dimension should be at least {n + 1}, but got {input.ndim}")
    x, added = batched(input, n, f"adaptive_avg_pool{n}d")
    sizes = _adaptive_sizes(x, n, output_size)
    if not prod(x.shape) or not prod(sizes):
        if not prod(x.shape[1:]):
            raise RuntimeError(
                f"adaptive_avg_pool{n}d(): Expected input to have non-zero size for "
                f"non-batch dimensions, but input has sizes {list(x.shape)}"
            )
        return unbatched(_empty(x, [*x.shape[:2], *sizes]), added)
    if x.dtype is paddle.float64:
        pairs = zip(x.shape[2:], sizes, strict=True)
        return unbatched(by_matrices(x, [_adaptive_weights(*each) for each in pairs]), added)
    if n == 1:
        x, sizes = _C_ops.unsqueeze(x, [2]), [1, *sizes]
    ones, zeros = [1] * len(sizes), [0] * (2 * len(sizes))
    if sizes == ones:
        # One window: the plain kernel has the faster gradient.
        out = _pool(x, list(x.shape[2:]), ones, zeros, "avg", True)
    else:
        out = _pool(x, sizes, ones, zeros, "avg", True, adaptive=True)
    if n == 1:
        out = _C_ops.squeeze(out, [2])
    return unbatched(out, added)


def adaptive_max_pool1d(
    input: paddle.Tensor, output_size: Any, return_indices: bool = False
) -> Any:
    """Take the maxima of ``output_size`` windows that cover ``input`` (N, C, L) or (C, L).

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in L.
    """
    out = _adaptive_max_pool(input, 1, output_size, return_indices)
    return out if return_indices else out[0]


def adaptive_max_pool2d(
    input: paddle.Tensor, output_size: Any, return_indices: bool = False
) -> Any:
    """Take the maxima of windows that cover ``input`` (N, C, H, W) or (C, H, W).

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in the flattened H x W.
    """
    out = _adaptive_max_pool(input, 2, output_size, return_indices)
    return out if return_indices else out[0]


@autocasts
def adaptive_max_pool3d(
    input: paddle.Tensor, output_size: Any, return_indices: bool = False
) -> Any:
    """Take the maxima of windows that cover ``input`` (N, C, D, H, W) or (C, D, H, W).

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in the flattened D x H x W.
    """
    out = _adaptive_max_pool(input, 3, output_size, return_indices)
    return out if return_indices else out[0]


def adaptive_max_pool1d_with_indices(
    input: paddle.Tensor, output_size: Any, return_indices: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``adaptive_max_pool1d`` and the positions of its maxima."""
    return _adaptive_max_pool(input, 1, output_size, True)


def adaptive_max_pool2d_with_indices(
    input: paddle.Tensor, output_size: Any, return_indices: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``adaptive_max_pool2d`` and the positions of its maxima."""
    return _adaptive_max_pool(input, 2, output_size, True)


def adaptive_max_pool3d_with_indices(
    input: paddle.Tensor, output_size: Any, return_indices: bool = False
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``adaptive_max_pool3d`` and the positions of its maxima."""
    return _adaptive_max_pool(input, 3, output_size, True)


@composition
def _adaptive_max_pool(input: paddle.Tensor, n: int, output_size: Any, indices: bool) -> Any:
    if n > 1 and input.ndim < n + 1:
        raise ValueError(f"Input dimension should be at least {n + 1}, but got {input.ndim}")
    x, added = batched(input, n, f"adaptive_max_pool{n}d")
    sizes = _adaptive_sizes(x, n, output_size)
    if not prod(x.shape) or not prod(sizes):
        if not prod(x.shape[1:]):
            raise RuntimeError(
                f"adaptive_max_pool{n}d(): Expected input to have non-zero size for "
                f"non-batch dimensions, but input has sizes {list(x.shape)}"
            )
        shape = [*x.shape[:2], *sizes]
        out = _empty(x, shape), paddle.zeros(shape, paddle.int64)
        return tuple(unbatched(each, added) for each in out)
    if n == 1:
        x, sizes = _C_ops.unsqueeze(x, [2]), [1, *sizes]
    ones, zeros = [1] * len(sizes), [0] * len(sizes)
    # Paddle's kernel without indices takes windows of another size.
    pool = _C_ops.max_pool3d_with_index if n == 3 else _C_ops.max_pool2d_with_index
    values, where = pool(x, sizes, ones, zeros, False, True, False)
    out = (values, where.detach().cast(paddle.int64)) if indices else (values,)
    if n == 1:
        out = tuple(_C_ops.squeeze(each, [2]) for each in out)
    return tuple(unbatched(each, added) for each in out)


def _adaptive_sizes(x: paddle.Tensor, n: int, output_size: Any) -> list[int]:
    given = list(output_size) if isinstance(output_size, Sequence) else [output_size] * n
    if len(given) == 1 and n > 1:
        given = given * n
    if len(given) != n:
        raise RuntimeError(f"output_size must be {n} ints, but got {output_size}")
    sizes = [size if each is None else each for each, size in zip(given, x.shape[2:], strict=True)]
    if any(size < 0 for size in sizes):
        raise RuntimeError(f"elements of output_size must be greater than or equal to 0: {sizes}")
    return sizes


def lp_pool1d(
    input: paddle.Tensor,
    norm_type: float,
    kernel_size: int,
    stride: Any = None,
    ceil_mode: bool = False,
) -> paddle.Tensor:
    """Take the p-norm of each window of ``input`` (N, C, L) or (C, L), p being ``norm_type``."""
    return _lp_pool(input, 1, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: paddle.Tensor,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> paddle.Tensor:
    """Take the p-norm of each window of ``input`` (N, C, H, W) or (C, H, W)."""
    return _lp_pool(input, 2, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: paddle.Tensor,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
) -> paddle.Tensor:
    """Take the p-norm of each window of ``input`` (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(input, 3, norm_type, kernel_size, stride, ceil_mode)


@composition
def _lp_pool(
    input: paddle.Tensor,
    n: int,
    norm_type: float,
    kernel_size: Any,
    stride: Any,
    ceil_mode: bool,
) -> paddle.Tensor:
    p = float(norm_type)
    mean = _avg_pool(power(input, p), n, kernel_size, stride, 0, ceil_mode, True, None)
    size = prod(expanded(kernel_size, n, "kernel_size"))
    # The root is steep without bound at zero: torch lets no gradient through there.
    zero = paddle.zeros_like(mean)
    total = _C_ops.where(_C_ops.equal(mean, zero), zero, mean)
    return power(_C_ops.scale(total, float(size), 0.0, True), 1.0 / p)


def max_unpool1d(
    input: paddle.Tensor,
    indices: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> paddle.Tensor:
    """Put the values of ``max_pool1d`` back where ``indices`` says, with zeros elsewhere."""
    return _max_unpool(input, indices, 1, kernel_size, stride, padding, output_size)


@autocasts
def max_unpool2d(
    input: paddle.Tensor,
    indices: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> paddle.Tensor:
    """Put the values of ``max_pool2d`` back where ``indices`` says, with zeros elsewhere."""
    return _max_unpool(input, indices, 2, kernel_size, stride, padding, output_size)


@autocasts
def max_unpool3d(
    input: paddle.Tensor,
    indices: paddle.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> paddle.Tensor:
    """Put the values of ``max_pool3d`` back where ``indices`` says, with zeros elsewhere."""
    return _max_unpool(input, indices, 3, kernel_size, stride, padding, output_size)


@composition
def _max_unpool(
    input: paddle.Tensor,
    indices: paddle.Tensor,
    n: int,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
) -> paddle.Tensor:
    kernel = expanded(kernel_size, n, "kernel_size")
    steps = kernel if stride is None else expanded(stride, n, "stride")
    pads = expanded(padding, n, "padding")
    if indices.dtype != paddle.int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {indices.dtype}")
    if list(indices.shape) != list(input.shape):
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) but got indices tensor with shape: {list(indices.shape)}"
        )
    x, added = batched(input, n, f"max_unpool{n}d")
    default = [
        (size - 1) * s - 2 * p + k
        for size, s, p, k in zip(x.shape[2:], steps, pads, kernel, strict=True)
    ]
    sizes = _unpooled_sizes(default, steps, output_size, n)
    shape = list(x.shape)
    room = prod(sizes)
    where = _C_ops.reshape(indices, [*shape[:2], -1])
    if prod(where.shape):
        low, high = int(where.min()), int(where.max())
        if low < 0 or high >= room:
            raise RuntimeError(
                f"Found an invalid max index: {high if high >= room else low} "
                f"(output volumes are of size {'x'.join(map(str, sizes))}"
            )
    if n == 3:
        out = _C_ops.unpool3d(x, indices, kernel, steps, pads, sizes, "NCDHW")
    else:
        # Of one row: what the kernel computes from its window sizes is not asked for.
        flat, where = _C_ops.reshape(x, [*shape[:2], 1, -1]), where.unsqueeze(2)
        out = _C_ops.unpool(flat, where, [1, 1], [1, 1], [0, 0], [1, room], "NCHW")
    return unbatched(_C_ops.reshape(out, [*shape[:2], *sizes]), added)


def _unpooled_sizes(default: list[int], steps: list[int], output_size: Any, n: int) -> list[int]:
    if output_size is None:
        return default
    sizes = [int(size) for size in output_size]
    if len(sizes) == n + 2:
        sizes = sizes[2:]
    if len(sizes) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, "
            f"but it has a length of '{len(sizes)}'"
        )
    for size, usual, s in zip(sizes, default, steps, strict=True):
        if not usual - s < size < usual + s:
            raise ValueError(
                f"invalid output_size '{sizes}' (dim {usual} must be between "
                f"{usual - s} and {usual + s})"
            )
    return sizes


@autocasts
def fractional_max_pool2d(
    input: paddle.Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: paddle.Tensor | None = None,
) -> Any:
    """Take the maxima of windows at pseudo-random steps (Graham, 2014).

    Args:
        input: of shape (N, C, H, W) or (C, H, W).
        _random_samples: of shape (N, C, 2), from [0, 1); without them they are drawn.

    Returns:
        The maxima, and with ``return_indices`` their int64 positions in the flattened H x W.
    """
    out = fractional_max_pool2d_with_indices(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )
    return out if return_indices else out[0]


@autocasts
def fractional_max_pool3d(
    input: paddle.Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: paddle.Tensor | None = None,
) -> Any:
    """Take the maxima of windows at pseudo-random steps of ``input`` (N, C, D, H, W).

    The arguments are those of :func:`fractional_max_pool2d`, with samples of shape (N, C, 3).
    """
    out = fractional_max_pool3d_with_indices(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )
    return out if return_indices else out[0]


def fractional_max_pool2d_with_indices(
    input: paddle.Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: paddle.Tensor | None = None,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``fractional_max_pool2d`` and the positions of its maxima."""
    return _fractional_max_pool(input, 2, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(
    input: paddle.Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: paddle.Tensor | None = None,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Return ``fractional_max_pool3d`` and the positions of its maxima."""
    return _fractional_max_pool(input, 3, kernel_size, output_size, output_ratio, _random_samples)


@composition
def _fractional_max_pool(
    input: paddle.Tensor,
    n: int,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    samples: paddle.Tensor | None,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    api = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{api} requires specifying either an output_size or an output_ratio")
    x, added = batched(input, n, api)
    batch, channels, *spatial = x.shape
    kernel = expanded(kernel_size, n, "kernel_size")
    if output_size is None:
        ratios = list(output_ratio) if isinstance(output_ratio, Sequence) else [output_ratio] * n
        sizes = [int(length * ratio) for length, ratio in zip(spatial, ratios, strict=True)]
    else:
        sizes = expanded(output_size, n, "output_size")
    for length, k, size in zip(spatial, kernel, sizes, strict=True):
        if size + k - 1 > length:
            raise RuntimeError(
                f"{api}: kernel {k} and output size {size} are too large relative to input {length}"
            )
    if samples is None:
        dtype = "float64" if x.dtype is paddle.float64 else "float32"
        drawn = uniform((batch, channels, n), dtype, chosen(None))
    else:
        drawn = samples.numpy()
        if drawn.shape[0] < batch or drawn.shape[1:] != (channels, n):
            raise RuntimeError(
                f"{api}: expected _random_samples of shape ({batch}, {channels}, {n}), or more "
                f"along the first dim, but got {list(drawn.shape)}"
            )
        drawn = drawn[:batch]
    # Of an image the last dim takes the first sample, of a volume the first.
    starts = [
        _fractional_starts(drawn[..., i if n == 3 else n - 1 - i], spatial[i], sizes[i], kernel[i])
        for i in range(n)
    ]
    taps = np.zeros((batch, channels) + (1,) * (2 * n), np.int64)
    for i in range(n):
        grid = starts[i][..., None] + np.arange(kernel[i])
        view = [batch, channels] + [1] * (2 * n)
        view[2 + i], view[2 + n + i] = sizes[i], kernel[i]
        taps = taps * spatial[i] + grid.reshape(view)
    taps = np.broadcast_to(taps, (batch, channels, *sizes, *kernel))
    where = paddle.to_tensor(
        taps.reshape(batch, channels, prod(sizes) * prod(kernel)), place=x.place
    )
    flat = _C_ops.reshape(x, [batch, channels, prod(spatial)])
    if not batch:
        shape = [batch, channels, *sizes]
        return _empty(x, shape), paddle.zeros(shape, paddle.int64)
    with paddle.no_grad():
        windows = _C_ops.take_along_axis(flat.detach(), where, 2)
        windows = _C_ops.reshape(windows, [batch, channels, prod(sizes), prod(kernel)])
        best = paddle.argmax(windows, -1, keepdim=True)
        where = _C_ops.reshape(where, [batch, channels, prod(sizes), prod(kernel)])
        position = _C_ops.squeeze(_C_ops.take_along_axis(where, best, 3), [3])
    values = _C_ops.reshape(_C_ops.take_along_axis(flat, position, 2), [batch, channels, *sizes])
    position = _C_ops.reshape(position, [batch, channels, *sizes])
    return unbatched(values, added), unbatched(position, added)


def _fractional_starts(sample: np.ndarray, length: int, size: int, kernel: int) -> np.ndarray:
    """Where the windows start, of shape (N, C, size)."""
    starts = np.full((*sample.shape, size), length - kernel, np.int64)
    if size > 1:
        alpha = sample.dtype.type((length - kernel) / (size - 1))
        steps = np.arange(size - 1, dtype=sample.dtype)
        first = (sample * alpha).astype(np.int64)[..., None]
        starts[..., :-1] = ((steps + sample[..., None]) * alpha).astype(np.int64) - first
    return starts
