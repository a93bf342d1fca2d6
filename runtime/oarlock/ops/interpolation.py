"""Images and sequences resized: nearest, linear, cubic and area."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from math import floor, prod
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import composition, in_float32
from oarlock.ops.double import by_matrices
from oarlock.ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# From so many elements on, repeating beats Paddle's kernel.
_MANY = 100_000
_SMOOTH = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


@composition
def interpolate(
    input: paddle.Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> paddle.Tensor:
    """Resize the spatial dims of ``input`` to ``size``, or by ``scale_factor``.

    Args:
        input: of shape (N, C, W), (N, C, H, W) or (N, C, D, H, W).
        size: sizes of the output.
        scale_factor: factors of the sizes, instead.
        mode: 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' or 'area'.
        align_corners: the corner pixels keep their centres, instead of the image its edges.
        recompute_scale_factor: sample by the sizes' ratio, not by ``scale_factor`` as given.
        antialias: widen the kernel where the image shrinks; 'bilinear' and 'bicubic' only.

    Raises:
        ValueError: arguments that do not belong together.
        NotImplementedError: a mode that does not serve so many dims.
        RuntimeError: an output without elements.
    """
    n = input.ndim - 2
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: "
                "linear | bilinear | bicubic | trilinear"
            )
    elif align_corners is None:
        align_corners = False
    sizes, scales = _sizes(input, size, scale_factor, recompute_scale_factor, mode)
    if antialias and not (mode in ("bilinear", "bicubic") and n == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )
    if n not in (1, 2, 3) or (mode in _SMOOTH and _SMOOTH[mode] != n):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the "
            f"modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact "
            f"(got {mode})"
        )
    if min([*sizes, *input.shape[2:]]) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input "
            f"{list(input.shape[2:])} and output {sizes}"
        )
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[n - 1]
        return pool(input, sizes)
    if not prod(input.shape):
        if input.shape[1] == 0:
            raise RuntimeError(
                f"Non-empty data tensor expected but got a tensor with sizes {list(input.shape)}"
            )
        return paddle.zeros([*input.shape[:2], *sizes], input.dtype) + input.sum()
    if mode in ("nearest", "nearest-exact"):
        return in_float32(_nearest, input, sizes, scales, exact=mode == "nearest-exact")
    return in_float32(_smooth, input, sizes, scales, mode, bool(align_corners), antialias)


def _sizes(
    x: paddle.Tensor, size: Any, scale_factor: Any, recompute: bool | None, mode: str
) -> tuple[list[int], list[float]]:
    """The output sizes, and the scales to sample by where they were given and count."""
    n = x.ndim - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        if isinstance(size, Sequence):
            if len(size) != n:
                raise ValueError(
                    f"Input and output must have the same number of spatial dimensions, but got "
                    f"input with spatial dimensions of {list(x.shape[2:])} and output size of "
                    f"{size}."
                )
            return [int(each) for each in size], []
        return [int(size)] * n, []
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if isinstance(scale_factor, Sequence):
        if len(scale_factor) != n:
            raise ValueError(
                f"Input and scale_factor must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {list(x.shape[2:])} and scale_factor of shape "
                f"{scale_factor}."
            )
        factors = [float(each) for each in scale_factor]
    else:
        factors = [float(scale_factor)] * n
    sizes = [floor(length * factor) for length, factor in zip(x.shape[2:], factors, strict=True)]
    return sizes, [] if recompute or mode == "area" else factors


def _nearest(
    x: paddle.Tensor, sizes: list[int], scales: list[float], *, exact: bool
) -> paddle.Tensor:
    spatial = list(x.shape[2:])
    if scales and not exact and len(spatial) == 2:
        # Where a size of an image stays or doubles, torch takes the ratio of the sizes, whatever the
        # scale; of a sequence or a volume it does not.
        scales = [
            size / length if size in (length, 2 * length) else scale
            for length, size, scale in zip(spatial, sizes, scales, strict=True)
        ]
    indices = [
        _nearest_index(length, size, scales[i] if scales else 0.0, exact)
        for i, (length, size) in enumerate(zip(spatial, sizes, strict=True))
    ]
    repeated = [
        size % length == 0 and _is_repeated(index, length, size // length)
        for index, length, size in zip(indices, spatial, sizes, strict=True)
    ]
    small = prod(x.shape[:2]) * prod(sizes) < _MANY
    # Paddle's kernel copies an input whose sizes stay, whatever the scale.
    if not exact and spatial != sizes and (small or not all(repeated)):
        return _nearest_by_kernel(x, sizes, scales)
    if spatial == sizes and all(repeated):
        return _C_ops.assign(x)
    for i, index in enumerate(indices):
        length, size = spatial[i], sizes[i]
        if repeated[i]:
            x = _repeated(x, 2 + i, size // length)
        else:
            x = _C_ops.index_select(x, paddle.to_tensor(index, place=x.place), 2 + i)
    return x


@lru_cache(maxsize=64)
def _nearest_index(length: int, size: int, factor: float, exact: bool) -> np.ndarray:
    """Which input each output takes; the scale is a float32, as in torch."""
    scale = np.float32(1.0 / factor) if factor else np.float32(length) / np.float32(size)
    places = np.arange(size, dtype=np.float32) + np.float32(0.5 if exact else 0.0)
    return np.minimum(np.floor(places * scale).astype(np.int64), length - 1)


def _is_repeated(index: np.ndarray, length: int, times: int) -> bool:
    return bool((index == np.repeat(np.arange(length), times)).all())


def _repeated(x: paddle.Tensor, dim: int, times: int) -> paddle.Tensor:
    """Each element ``times`` times: expanding is cheaper than gathering."""
    if times == 1:
        return x
    shape = list(x.shape)
    wide = paddle.expand(
        _C_ops.unsqueeze(x, [dim + 1]), [*shape[: dim + 1], times, *shape[dim + 1 :]]
    )
    shape[dim] *= times
    return _C_ops.reshape(wide, shape)


def _nearest_by_kernel(x: paddle.Tensor, sizes: list[int], scales: list[float]) -> paddle.Tensor:
    if x.ndim == 3:
        out = _nearest_by_kernel(
            _C_ops.unsqueeze(x, [2]), [1, *sizes], [1.0, *scales] if scales else []
        )
        return _C_ops.squeeze(out, [2])
    d, h, w = [-1] * (3 - len(sizes)) + sizes
    return _C_ops.nearest_interp(x, None, None, None, "NCHW", d, h, w, scales, "nearest", False, 0)


def _smooth(
    x: paddle.Tensor,
    sizes: list[int],
    scales: list[float],
    mode: str,
    align_corners: bool,
    antialias: bool,
) -> paddle.Tensor:
    # Paddle samples an output of size 1 at the first corner.
    single = not align_corners and not antialias and 1 in sizes
    if single or x.dtype is paddle.float64:
        return _separable(x, sizes, scales, mode, align_corners, antialias)
    n = len(sizes)
    d, h, w = [-1] * (3 - n) + sizes
    if antialias:
        kernel = _C_ops.interp_antialias
    else:
        kernel = {
            "linear": _C_ops.linear_interp,
            "bilinear": _C_ops.bilinear_interp,
            "bicubic": _C_ops.bicubic_interp,
            "trilinear": _C_ops.trilinear_interp,
        }[mode]
    return kernel(x, None, None, None, "NCHW", d, h, w, scales, mode, align_corners, 0)


def _separable(
    x: paddle.Tensor,
    sizes: list[int],
    scales: list[float],
    mode: str,
    align_corners: bool,
    antialias: bool,
) -> paddle.Tensor:
    """One matrix for each dim, with taps placed in float64: Paddle's kernels do it in float32."""
    matrices = []
    for i, size in enumerate(sizes):
        length = x.shape[2 + i]
        if align_corners:
            scale = (length - 1) / (size - 1) if size > 1 else 0.0
        else:
            scale = 1.0 / scales[i] if scales else length / size
        matrices.append(_taps(length, size, scale, mode == "bicubic", align_corners, antialias))
    return by_matrices(x, matrices)


@lru_cache(maxsize=32)
def _taps(
    length: int, size: int, scale: float, cubic: bool, align_corners: bool, antialias: bool
) -> np.ndarray:
    """The weight of each input for each output, of shape (size, length)."""
    places = np.arange(size)
    taps = np.zeros((size, length))
    if antialias:
        wide = max(scale, 1.0)
        reach = (2.0 if cubic else 1.0) * wide
        for place in places:
            centre = scale * (place + 0.5)
            start = max(int(centre - reach + 0.5), 0)
            end = min(int(centre + reach + 0.5), length)
            away = (np.arange(start, end) - centre + 0.5) / wide
            weights = _keys(away, -0.5) if cubic else np.maximum(1 - np.abs(away), 0)
            taps[place, start:end] = weights / weights.sum()
        return taps
    source = scale * places if align_corners else scale * (places + 0.5) - 0.5
    if not cubic and not align_corners:
        source = np.maximum(source, 0)
    first = np.floor(source).astype(np.int64)
    if not cubic:
        first = np.minimum(first, length - 1)
    rest = source - first
    for k in range(-1, 3) if cubic else range(2):
        weights = _keys(rest - k, -0.75) if cubic else (rest if k else 1 - rest)
        np.add.at(taps, (places, np.clip(first + k, 0, length - 1)), weights)
    return taps


def _keys(x: np.ndarray, a: float) -> np.ndarray:
    """The cubic convolution kernel (Keys, 1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def upsample(
    input: paddle.Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> paddle.Tensor:
    """Return :func:`interpolate` with these arguments; deprecated in torch."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=3,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: paddle.Tensor, size: Any = None, scale_factor: Any = None
) -> paddle.Tensor:
    """Return :func:`interpolate` by 'nearest'; deprecated in torch."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=3,
    )
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: paddle.Tensor, size: Any = None, scale_factor: Any = None
) -> paddle.Tensor:
    """Return :func:`interpolate` by 'bilinear' with aligned corners; deprecated in torch."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=3,
    )
    return interpolate(input, size, scale_factor, "bilinear", True)
