"""Sliding blocks of an image as columns, and columns summed back into an image."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.composition import composition
from oarlock.ops.spatial import batched, expanded, unbatched


@composition
def unfold(
    input: paddle.Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> paddle.Tensor:
    """Return each block of ``input`` (N, C, H, W) or (C, H, W) as a column.

    Returns:
        A tensor of shape (N, C * kernel elements, blocks).

    Raises:
        RuntimeError: blocks that do not fit into the padded input.
    """
    x, added = batched(input, 2, "unfold")
    kernel, d = expanded(kernel_size, 2, "kernel_size"), expanded(dilation, 2, "dilation")
    p, s = expanded(padding, 2, "padding"), expanded(stride, 2, "stride")
    _check(kernel, d, s)
    sizes = [
        (length + 2 * p[i] - d[i] * (kernel[i] - 1) - 1) // s[i] + 1
        for i, length in enumerate(x.shape[2:])
    ]
    if min(sizes) < 1:
        raise RuntimeError(
            f"Given input with spatial size {list(x.shape[2:])}, kernel_size={kernel}, "
            f"dilation={d}, padding={p}, stride={s}, calculated shape of the array of sliding "
            f"blocks as {sizes}, but its components must be at least one."
        )
    if not x.shape[0]:
        shape = [0, x.shape[1] * kernel[0] * kernel[1], sizes[0] * sizes[1]]
        return paddle.zeros(shape, x.dtype) + x.sum()
    return unbatched(_C_ops.unfold(x, kernel, s, [*p, *p], d), added)


@composition
def fold(
    input: paddle.Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> paddle.Tensor:
    """Sum columns ``input`` (N, C * kernel elements, blocks) into images of ``output_size``.

    Raises:
        RuntimeError: columns that do not belong to such images.
    """
    x, added = batched(input, 1, "fold")
    size = expanded(output_size, 2, "output_size")
    kernel, d = expanded(kernel_size, 2, "kernel_size"), expanded(dilation, 2, "dilation")
    p, s = expanded(padding, 2, "padding"), expanded(stride, 2, "stride")
    _check(kernel, d, s)
    elements = kernel[0] * kernel[1]
    if x.shape[1] % elements:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={x.shape[1]} and kernel_size={kernel}."
        )
    sizes = [(size[i] + 2 * p[i] - d[i] * (kernel[i] - 1) - 1) // s[i] + 1 for i in range(2)]
    if sizes[0] * sizes[1] != x.shape[2] or min(sizes) < 1:
        raise RuntimeError(
            f"Given output_size={size}, kernel_size={kernel}, dilation={d}, padding={p}, "
            f"stride={s}, expected size of input's dimension 2 to match the calculated number of "
            f"sliding blocks {sizes[0]} * {sizes[1]} = {sizes[0] * sizes[1]}, "
            f"but got input.size(2)={x.shape[2]}."
        )
    if not x.shape[0]:
        return paddle.zeros([0, x.shape[1] // elements, *size], x.dtype) + x.sum()
    return unbatched(_C_ops.fold(x, size, kernel, s, [*p, *p], d), added)


def _check(kernel: list[int], dilation: list[int], stride: list[int]) -> None:
    for name, value in (("kernel", kernel), ("dilation", dilation), ("stride", stride)):
        if min(value) <= 0:
            raise RuntimeError(f"{name} size should be greater than zero, but got {value}")
