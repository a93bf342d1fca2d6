"""Padding: by a constant, by reflection, by the edge, or around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import composition

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

_MODES = ("reflect", "replicate", "circular")


@composition
def pad(
    input: paddle.Tensor, pad: Sequence[int], mode: str = "constant", value: Any = None
) -> paddle.Tensor:
    """Extend or, with negative numbers, cut ``input`` on both sides of its last dims.

    Args:
        input: of any shape with 'constant'; of shape (N, C, *) or (C, *) otherwise.
        pad: elements before and after, for the last dim first.
        mode: 'constant', 'reflect', 'replicate' or 'circular'.
        value: of 'constant', 0 where it is None.

    Raises:
        RuntimeError: more dims than there are, or more padding than the mode can fill.
        NotImplementedError: a number of dims that the mode does not serve, or another mode.
    """
    pads = [int(each) for each in pad]
    if len(pads) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, got {len(pads)}")
    ndim = input.ndim
    if len(pads) // 2 > ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pads)} and input of dimension {ndim}"
        )
    shape = input.shape
    for i in range(len(pads) // 2):
        size = shape[ndim - 1 - i]
        if size + pads[2 * i] + pads[2 * i + 1] < 0:
            raise RuntimeError(
                f"The input size {size}, plus negative padding {pads[2 * i]} and {pads[2 * i + 1]} "
                f"resulted in a negative output size, which is invalid. Check dimension "
                f"{ndim - 1 - i} of your input."
            )
    if mode == "constant":
        return _constant(input, pads, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    n = len(pads) // 2
    if ndim not in (n + 1, n + 2) or not 1 <= n <= 3:
        raise NotImplementedError(
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"
        )
    return _from_input(input, pads, mode)


def _constant(x: paddle.Tensor, pads: list[int], value: Any) -> paddle.Tensor:
    if not any(pads):
        return _C_ops.assign(x)
    ndim = x.ndim
    if min(pads) < 0:
        shape = x.shape
        for i in range(len(pads) // 2):
            dim = ndim - 1 - i
            before, after = max(-pads[2 * i], 0), max(-pads[2 * i + 1], 0)
            if before or after:
                size = shape[dim]
                # What one side cuts may lie in what the other adds.
                start, end = min(before, size), max(size - after, 0)
                if start > end:
                    return _constant_by_index(x, pads, value)
                x = _C_ops.slice(x, [dim], [start], [end], [1], [])
        pads = [max(each, 0) for each in pads]
        if not any(pads):
            return x
    if x.dtype is paddle.bool:
        return _constant(x.cast(paddle.int32), pads, int(bool(value))).cast(paddle.bool)
    if x.dtype in (paddle.uint8, paddle.int8, paddle.int16):
        return _constant(x.cast(paddle.int32), pads, value).cast(x.dtype)
    if not all(x.shape):
        return _constant_by_index(x, pads, value)
    ordered = [0] * (2 * ndim - len(pads))
    for i in reversed(range(len(pads) // 2)):
        ordered += [pads[2 * i], pads[2 * i + 1]]
    return _C_ops.pad(x, ordered, value)


def _constant_by_index(x: paddle.Tensor, pads: list[int], value: Any) -> paddle.Tensor:
    """A padding that leaves nothing of the input: only the constant remains."""
    shape = list(x.shape)
    for i in range(len(pads) // 2):
        shape[-1 - i] += pads[2 * i] + pads[2 * i + 1]
    nothing = _C_ops.slice(_C_ops.reshape(x, [-1]), [0], [0], [0], [1], []) if all(x.shape) else x
    return paddle.full(shape, value, x.dtype) + _C_ops.sum(nothing, [], None, False).cast(x.dtype)


def _from_input(x: paddle.Tensor, pads: list[int], mode: str) -> paddle.Tensor:
    n = len(pads) // 2
    shape = x.shape
    for i in range(n):
        size, before, after = shape[-1 - i], pads[2 * i], pads[2 * i + 1]
        if mode == "reflect" and max(before, after) >= size:
            raise RuntimeError(
                "Argument #4: Padding size should be less than the corresponding input dimension, "
                f"but got: padding ({before}, {after}) at dimension {len(shape) - 1 - i} of input "
                f"{list(shape)}"
            )
        if mode == "circular" and max(before, after) > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if not size and mode != "constant":
            raise RuntimeError(
                f"Expected a non-zero size in dimension {len(shape) - 1 - i} of input {list(shape)}"
            )
    if min(pads) >= 0 and all(shape):
        lead = [1] * (5 - n - 2) if n < 3 else []
        batch = list(shape[: len(shape) - n])
        batch = batch if len(batch) == 2 else [1, *batch]
        full = _C_ops.reshape(x, [*batch, *lead, *shape[-n:]])
        out = _C_ops.pad3d(full, pads + [0] * (6 - 2 * n), mode, 0.0, "NCDHW")
        return _C_ops.reshape(out, [*shape[: len(shape) - n], *out.shape[-n:]])
    for i in range(n):
        before, after = pads[2 * i], pads[2 * i + 1]
        if before or after:
            size = shape[-1 - i]
            if mode == "circular" and min(before, after) < 0:
                # What remains after the cut goes around.
                start, end = max(-before, 0), size - max(-after, 0)
                x = _C_ops.slice(x, [x.ndim - 1 - i], [start], [end], [1], [])
                before, after, size = max(before, 0), max(after, 0), end - start
            index = np.arange(-before, size + after)
            if mode == "reflect":
                index = (size - 1) - np.abs((size - 1) - np.abs(index))
            elif mode == "replicate":
                index = np.clip(index, 0, size - 1)
            else:
                index %= size
            where = paddle.to_tensor(index, dtype=paddle.int64, place=x.place)
            x = _C_ops.index_select(x, where, x.ndim - 1 - i)
    return x
