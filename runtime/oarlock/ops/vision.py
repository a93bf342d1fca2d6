"""Pixels moved between space and channels, and images sampled along a grid."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import prod
from typing import Any

import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import composition

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed


@composition
def pixel_shuffle(input: paddle.Tensor, upscale_factor: int) -> paddle.Tensor:
    """Move channels into space: (*, C r r, H, W) to (*, C, H r, W r) (Shi et al., 2016).

    Raises:
        RuntimeError: fewer than three dims, or channels that are no multiple of r r.
    """
    r = int(upscale_factor)
    shape = list(input.shape)
    if len(shape) < 3:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions, "
            f"but got input with {len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, channels, height, width = shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    out = _C_ops.reshape(input, [prod(lead), channels // (r * r), r, r, height, width])
    out = _C_ops.transpose(out, [0, 1, 4, 2, 5, 3])
    return _C_ops.reshape(out, [*lead, channels // (r * r), height * r, width * r])


@composition
def pixel_unshuffle(input: paddle.Tensor, downscale_factor: int) -> paddle.Tensor:
    """Move space into channels: (*, C, H r, W r) to (*, C r r, H, W).

    Raises:
        RuntimeError: fewer than three dims, or sizes that are no multiple of r.
    """
    r = int(downscale_factor)
    shape = list(input.shape)
    if len(shape) < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, "
            f"but got input with {len(shape)} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, channels, height, width = shape
    if height % r or width % r:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, "
            f"but got {height} x {width} and {r}"
        )
    out = _C_ops.reshape(input, [prod(lead), channels, height // r, r, width // r, r])
    out = _C_ops.transpose(out, [0, 1, 3, 5, 2, 4])
    return _C_ops.reshape(out, [*lead, channels * r * r, height // r, width // r])


@composition
def channel_shuffle(input: paddle.Tensor, groups: int) -> paddle.Tensor:
    """Interleave ``groups`` groups of the channels of ``input`` (N, C, *) (Zhang et al., 2018).

    Raises:
        RuntimeError: fewer than three dims, or channels that are no multiple of ``groups``.
    """
    shape = list(input.shape)
    if len(shape) <= 2:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {shape}"
        )
    if groups <= 0 or shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {shape[1]} channels and "
            f"{groups} groups."
        )
    out = _C_ops.reshape(input, [shape[0], groups, shape[1] // groups, prod(shape[2:])])
    return _C_ops.reshape(_C_ops.transpose(out, [0, 2, 1, 3]), shape)


@composition
def affine_grid(
    theta: paddle.Tensor, size: Sequence[int], align_corners: bool | None = None
) -> paddle.Tensor:
    """Return the sampling positions of images under affine maps.

    Args:
        theta: of shape (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: (N, C, H, W) or (N, C, D, H, W) of the output.
        align_corners: -1 and 1 are the centres of the corner pixels, not the image's edges.

    Raises:
        ValueError: shapes that do not belong together, or a dtype that is no float.
    """
    sizes = [int(each) for each in size]
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired. "
            "See the documentation of grid_sample for details.",
            stacklevel=3,
        )
        align_corners = False
    if theta.dtype not in (paddle.float16, paddle.bfloat16, paddle.float32, paddle.float64):
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    n = len(sizes) - 2
    if n not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {sizes}."
        )
    if theta.ndim != 3 or list(theta.shape[1:]) != [n, n + 1]:
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {sizes}. "
            f"Got {list(theta.shape)}."
        )
    if min(sizes) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {sizes}")
    return _C_ops.affine_grid(theta, sizes, align_corners)


@composition
def grid_sample(
    input: paddle.Tensor,
    grid: paddle.Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> paddle.Tensor:
    """Sample ``input`` at the positions of ``grid``, -1 to 1 being its extent.

    Args:
        input: of shape (N, C, H, W) or (N, C, D, H, W).
        grid: of shape (N, oH, oW, 2) or (N, oD, oH, oW, 3); x comes first.
        mode: 'bilinear', 'nearest' or, for images, 'bicubic'.
        padding_mode: 'zeros', 'border' or 'reflection', for what lies beyond.
        align_corners: -1 and 1 are the centres of the corner pixels, not the image's edges.

    Raises:
        ValueError: an unknown mode.
        RuntimeError: shapes or dtypes that do not belong together.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False "
            "since 1.3.0. Please specify align_corners=True if the old behavior is desired. "
            "See the documentation of grid_sample for details.",
            stacklevel=3,
        )
        align_corners = False
    _check_grid(input, grid, mode)
    if not prod(grid.shape):
        shape = [*input.shape[:2], *grid.shape[1:-1]]
        return paddle.zeros(shape, input.dtype) + (input.sum() + grid.sum()) * 0.0
    if mode == "bicubic":
        return _bicubic(input, grid, padding_mode, align_corners)
    return _C_ops.grid_sample(input, grid, mode, padding_mode, align_corners)


def _check_grid(input: paddle.Tensor, grid: paddle.Tensor, mode: str) -> None:
    shape, positions = list(input.shape), list(grid.shape)
    if len(shape) not in (4, 5) or len(positions) != len(shape):
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, "
            f"but got input with sizes {shape} and grid with sizes {positions}"
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(
            "grid_sampler(): expected input and grid to have same dtype, but input has "
            f"{input.dtype} and grid has {grid.dtype}"
        )
    if shape[0] != positions[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with "
            f"sizes {shape} and grid with sizes {positions}"
        )
    if positions[-1] != len(shape) - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {len(shape) - 2} in last dimension, but "
            f"got grid with sizes {positions}"
        )
    if not prod(shape[2:]):
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {shape}"
        )
    if mode == "bicubic" and len(shape) != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def _bicubic(
    x: paddle.Tensor, grid: paddle.Tensor, padding_mode: str, align_corners: bool
) -> paddle.Tensor:
    """Sixteen taps around each position, weighed by Keys' kernel with a = -0.75."""
    batch, channels, height, width = x.shape
    flat = _C_ops.reshape(x, [batch, channels, height * width])
    columns = _positions(grid[..., 0], width, align_corners)
    rows = _positions(grid[..., 1], height, align_corners)
    left, top = _C_ops.floor(columns.detach()), _C_ops.floor(rows.detach())
    across, down = _cubic_weights(columns - left), _cubic_weights(rows - top)
    out: Any = 0.0
    for i in range(4):
        row, row_inside = _tap(top + (i - 1), height, padding_mode, align_corners)
        line: Any = 0.0
        for j in range(4):
            column, inside = _tap(left + (j - 1), width, padding_mode, align_corners)
            index = (row * width + column).reshape([batch, 1, -1])
            value = _C_ops.take_along_axis(flat, paddle.expand(index, [batch, channels, -1]), 2)
            value = value.reshape([batch, channels, *grid.shape[1:3]])
            if inside is not None and row_inside is not None:
                value = value * (inside & row_inside).cast(x.dtype).unsqueeze(1)
            line = line + value * across[j].unsqueeze(1)
        out = out + line * down[i].unsqueeze(1)
    return out


def _positions(grid: paddle.Tensor, size: int, align_corners: bool) -> paddle.Tensor:
    if align_corners:
        return (grid + 1.0) / 2.0 * (size - 1)
    return ((grid + 1.0) * size - 1.0) / 2.0


def _cubic_weights(t: paddle.Tensor) -> list[paddle.Tensor]:
    a = -0.75

    def near(x: paddle.Tensor) -> paddle.Tensor:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0

    def far(x: paddle.Tensor) -> paddle.Tensor:
        return ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a

    return [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]


def _tap(
    at: paddle.Tensor, size: int, padding_mode: str, align_corners: bool
) -> tuple[paddle.Tensor, paddle.Tensor | None]:
    """The pixel that a tap reads, and whether it lies inside where that matters."""
    inside = None
    if padding_mode == "zeros":
        inside = (at >= 0) & (at <= size - 1)
    elif padding_mode == "reflection":
        at = _reflected(at, size, align_corners)
    return _C_ops.clip(at, 0.0, float(size - 1)).cast(paddle.int64), inside


def _reflected(at: paddle.Tensor, size: int, align_corners: bool) -> paddle.Tensor:
    low, high = (0.0, 2.0 * (size - 1)) if align_corners else (-1.0, 2.0 * size - 1.0)
    if low == high:
        return paddle.zeros_like(at)
    low, span = low / 2.0, (high - low) / 2.0
    away = _C_ops.abs(at - low)
    flips = _C_ops.floor(away / span)
    rest = away - flips * span
    odd = (flips - _C_ops.floor(flips / 2.0) * 2.0) == 1.0
    return paddle.where(odd, span - rest + low, rest + low)
