"""Convolutions and transposed convolutions over one, two or three spatial dims."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, cast

import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.composition import composition
from oarlock.ops.spatial import batched, expanded, unbatched

P = ParamSpec("P")
# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# With a GPU, Paddle has a kernel of its own for one filter a channel; on the CPU it gains nothing.
_DEPTHWISE = paddle.device.is_compiled_with_cuda()
_PARTS = (paddle.complex64, paddle.complex128)


def beyond_floats(function: Callable[P, paddle.Tensor]) -> Callable[P, paddle.Tensor]:
    """Let a convolution take int64, which float64 holds exactly to 2 ** 53, and complex numbers, by parts."""

    def by_parts(
        x: paddle.Tensor, weight: paddle.Tensor, bias: Any, rest: tuple, named: Any
    ) -> Any:
        one: Any = function
        (a, b), (c, d) = ((_C_ops.real(each), _C_ops.imag(each)) for each in (x, weight))
        real = one(a, c, None, *rest, **named) - one(b, d, None, *rest, **named)
        imaginary = one(a, d, None, *rest, **named) + one(b, c, None, *rest, **named)
        out = _C_ops.complex(real, imaginary)
        return out if bias is None else out + bias.reshape([-1] + [1] * (weight.ndim - 2))

    @wraps(function)
    def call(
        input: paddle.Tensor, weight: paddle.Tensor, bias: Any = None, *rest: Any, **named: Any
    ) -> Any:
        dtype, any_dtype = input.dtype, cast(Any, function)
        alike = all(each is None or each.dtype is dtype for each in (weight, bias))
        if dtype is not paddle.float32 and alike:
            if dtype in _PARTS:
                return by_parts(input, weight, bias, rest, named)
            if dtype is paddle.int64:
                wide = [x if x is None else x.cast("float64") for x in (input, weight, bias)]
                return any_dtype(*wide, *rest, **named).cast(dtype)
        return any_dtype(input, weight, bias, *rest, **named)

    return cast(Any, call)


@beyond_floats
@composition
def conv1d(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> paddle.Tensor:
    """Cross-correlate ``input`` (N, C, L) or (C, L) with ``weight`` (out, C / groups, k).

    Raises:
        RuntimeError: shapes or dtypes that do not belong together.
    """
    x, added = batched(input, 1, "conv1d")
    stride, dilation = expanded(stride, 1, "stride"), expanded(dilation, 1, "dilation")
    left, right = _paddings(weight, padding, stride, dilation, 1)
    out = _conv2d(
        _C_ops.unsqueeze(x, [2]),
        _C_ops.unsqueeze(weight, [2]),
        [1, stride[0]],
        [0, 0, left, right],
        [1, dilation[0]],
        groups,
    )
    return unbatched(_with_bias(_C_ops.squeeze(out, [2]), bias), added)


@beyond_floats
@composition
def conv2d(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> paddle.Tensor:
    """Cross-correlate ``input`` (N, C, H, W) or (C, H, W) with ``weight`` (out, C / groups, kH, kW).

    Raises:
        RuntimeError: shapes or dtypes that do not belong together.
    """
    x, added = batched(input, 2, "conv2d")
    stride, dilation = expanded(stride, 2, "stride"), expanded(dilation, 2, "dilation")
    paddings = _paddings(weight, padding, stride, dilation, 2)
    out = _conv2d(x, weight, stride, paddings, dilation, groups)
    return unbatched(_with_bias(out, bias), added)


@beyond_floats
@composition
def conv3d(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> paddle.Tensor:
    """Cross-correlate ``input`` (N, C, D, H, W) or (C, D, H, W) with ``weight`` (out, C / groups, …).

    Raises:
        RuntimeError: shapes or dtypes that do not belong together.
    """
    x, added = batched(input, 3, "conv3d")
    stride, dilation = expanded(stride, 3, "stride"), expanded(dilation, 3, "dilation")
    paddings = _paddings(weight, padding, stride, dilation, 3)
    _check(x, weight, paddings, dilation, groups)
    out = _C_ops.conv3d(x, weight, stride, paddings, "EXPLICIT", groups, dilation, "NCDHW")
    return unbatched(_with_bias(out, bias), added)


@beyond_floats
@composition
def conv_transpose1d(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> paddle.Tensor:
    """Apply the gradient of ``conv1d`` to ``input`` (N, C, L) with ``weight`` (C, out / groups, k).

    Raises:
        RuntimeError: shapes that do not belong together, or an output padding too large.
    """
    x, added = batched(input, 1, "conv_transpose1d")
    s, p = expanded(stride, 1, "stride"), expanded(padding, 1, "padding")
    o, d = expanded(output_padding, 1, "output_padding"), expanded(dilation, 1, "dilation")
    _check_transposed(x, weight, s, o, d)
    out = _transposed(
        _C_ops.unsqueeze(x, [2]),
        _C_ops.unsqueeze(weight, [2]),
        [1, *s],
        [0, *p],
        [0, *o],
        groups,
        [1, *d],
    )
    return unbatched(_with_bias(_C_ops.squeeze(out, [2]), bias), added)


@beyond_floats
@composition
def conv_transpose2d(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> paddle.Tensor:
    """Apply the gradient of ``conv2d`` to ``input`` (N, C, H, W) with ``weight`` (C, out / groups, …).

    Raises:
        RuntimeError: shapes that do not belong together, or an output padding too large.
    """
    x, added = batched(input, 2, "conv_transpose2d")
    s, p = expanded(stride, 2, "stride"), expanded(padding, 2, "padding")
    o, d = expanded(output_padding, 2, "output_padding"), expanded(dilation, 2, "dilation")
    _check_transposed(x, weight, s, o, d)
    out = _transposed(x, weight, s, p, o, groups, d)
    return unbatched(_with_bias(out, bias), added)


@beyond_floats
@composition
def conv_transpose3d(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> paddle.Tensor:
    """Apply the gradient of ``conv3d`` to ``input`` (N, C, D, H, W) with ``weight`` (C, out / groups, …).

    Raises:
        RuntimeError: shapes that do not belong together, or an output padding too large.
    """
    x, added = batched(input, 3, "conv_transpose3d")
    s, p = expanded(stride, 3, "stride"), expanded(padding, 3, "padding")
    o, d = expanded(output_padding, 3, "output_padding"), expanded(dilation, 3, "dilation")
    _check_transposed(x, weight, s, o, d)
    out = _transposed(x, weight, s, p, o, groups, d)
    return unbatched(_with_bias(out, bias), added)


@composition
def conv_tbc(
    input: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor, pad: int = 0
) -> paddle.Tensor:
    """Cross-correlate ``input`` (time, batch, C) with ``weight`` (k, C, out) and add ``bias`` (out,).

    Raises:
        RuntimeError: shapes or dtypes that do not belong together.
    """
    out = conv1d(input.transpose([1, 2, 0]), weight.transpose([2, 1, 0]), bias, 1, pad)
    return out.transpose([2, 0, 1])


def _conv2d(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    stride: list[int],
    paddings: list[int],
    dilation: list[int],
    groups: int,
) -> paddle.Tensor:
    _check(x, weight, paddings, dilation, groups)
    if _DEPTHWISE and groups > 1 and groups == x.shape[1]:
        return _C_ops.depthwise_conv2d(
            x, weight, stride, paddings, "EXPLICIT", groups, dilation, "NCHW"
        )
    return _C_ops.conv2d(x, weight, stride, paddings, "EXPLICIT", dilation, groups, "NCHW")


def _paddings(
    weight: paddle.Tensor, padding: Any, stride: list[int], dilation: list[int], n: int
) -> list[int]:
    """The padding before and after each spatial dim, in Paddle's order."""
    if not isinstance(padding, str):
        pads = expanded(padding, n, "padding")
        if min(pads) < 0:
            raise RuntimeError("negative padding is not supported")
        return [p for each in pads for p in (each, each)]
    if padding == "valid":
        return [0] * (2 * n)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    if weight.ndim != n + 2:
        raise RuntimeError(f"expected a weight of {n + 2} dims, but got {weight.ndim}")
    totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    return [p for total in totals for p in (total // 2, total - total // 2)]


def _check(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    paddings: list[int],
    dilation: list[int],
    groups: int,
) -> None:
    if weight.dtype is not x.dtype:
        # Paddle would promote.
        raise RuntimeError(
            f"Input type ({x.dtype}) and weight type ({weight.dtype}) should be the same"
        )
    # Paddle's kernels divide by zero or read beyond their input for some of these.
    shape, filters = x.shape, weight.shape
    if len(filters) != len(shape):
        raise RuntimeError(
            f"expected a weight of {len(shape)} dims, but got weight of size {list(filters)}"
        )
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    if filters[0] % groups or shape[1] != filters[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(filters)}, expected input"
            f"{list(shape)} to have {filters[1] * groups} channels, "
            f"but got {shape[1]} channels instead"
        )
    for i, k in enumerate(filters[2:]):
        if shape[i + 2] + paddings[2 * i] + paddings[2 * i + 1] < dilation[i] * (k - 1) + 1:
            raise RuntimeError(
                "Calculated padded input size per channel is smaller than the kernel. "
                "Kernel size can't be greater than actual input size"
            )


def _check_transposed(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    stride: list[int],
    output_padding: list[int],
    dilation: list[int],
) -> None:
    if weight.dtype is not x.dtype:
        raise RuntimeError(
            f"Input type ({x.dtype}) and weight type ({weight.dtype}) should be the same"
        )
    if weight.ndim != x.ndim or weight.shape[0] != x.shape[1]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input"
            f"{list(x.shape)} to have {weight.shape[0]} channels, "
            f"but got {x.shape[1]} channels instead"
        )
    for s, o, d in zip(stride, output_padding, dilation, strict=True):
        if o and o >= max(s, d):
            raise RuntimeError(
                "output padding must be smaller than either stride or dilation, "
                f"but got output_padding {o}, stride {s} and dilation {d}"
            )


def _transposed(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    stride: list[int],
    padding: list[int],
    output_padding: list[int],
    groups: int,
    dilation: list[int],
) -> paddle.Tensor:
    convolve = _C_ops.conv3d_transpose if x.ndim == 5 else _C_ops.conv2d_transpose
    layout = "NCDHW" if x.ndim == 5 else "NCHW"
    if all(o < s for o, s in zip(output_padding, stride, strict=True)):
        o = output_padding if any(output_padding) else []
        return convolve(x, weight, stride, padding, o, [], "EXPLICIT", groups, dilation, layout)
    # Paddle wants an output padding below the stride: the whole output, cut and filled up.
    n = len(stride)
    out = convolve(x, weight, stride, [0] * n, [], [], "EXPLICIT", groups, dilation, layout)
    for i, (p, o) in enumerate(zip(padding, output_padding, strict=True)):
        size = out.shape[2 + i]
        cut = max(p - o, 0)
        out = _C_ops.slice(out, [2 + i], [p], [size - cut], [1], [])
    fill = [v for p, o in zip(padding, output_padding, strict=True) for v in (0, max(o - p, 0))]
    return _C_ops.pad(out, [0, 0, 0, 0, *fill], 0.0) if any(fill) else out


def _with_bias(out: paddle.Tensor, bias: paddle.Tensor | None) -> paddle.Tensor:
    if bias is None:
        return out
    if bias.dtype is not out.dtype:
        raise RuntimeError(
            f"Input type ({out.dtype}) and bias type ({bias.dtype}) should be the same"
        )
    # One number for each sample and channel: Paddle adds those several times faster than one for each
    # channel, and the gradient's sum over the batch comes apart from that over positions, rounded less.
    spatial = [1] * (out.ndim - 2)
    each = _C_ops.expand(_C_ops.reshape(bias, [1, -1, *spatial]), [*out.shape[:2], *spatial])
    return _C_ops.add(out, each)
