"""Pooling over 1 to 3 spatial dimensions, and its inverse."""

from __future__ import annotations

from typing import Any, ClassVar

from oarlock.nn.module import Module
from oarlock.nn.sizes import per_dimension
from oarlock.nn.tensors import Tensor
from oarlock.torch.nn import functional as F  # noqa: N812


class _MaxPoolNd(Module):
    _functional: ClassVar[str]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._functional)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """Maxima over windows of (N, C, L) or (C, L).

    Args:
        kernel_size: the window's size.
        stride: its step; ``kernel_size`` where left out.
        padding: negative infinity added at both ends.
        dilation: the step inside the window.
        return_indices: return (maxima, their positions), as MaxUnpool takes them.
        ceil_mode: round the output size up.
    """

    _functional = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    """Maxima over windows of (N, C, H, W) or (C, H, W); arguments as MaxPool1d's."""

    _functional = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    """Maxima over windows of (N, C, D, H, W) or (C, D, H, W); arguments as MaxPool1d's."""

    _functional = "max_pool3d"


class _MaxUnpoolNd(Module):
    _spatial: ClassVar[int]
    _functional: ClassVar[str]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        stride = kernel_size if stride is None else stride
        self.kernel_size = per_dimension(kernel_size, self._spatial)
        self.stride = per_dimension(stride, self._spatial)
        self.padding = per_dimension(padding, self._spatial)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return getattr(F, self._functional)(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts maxima back to the positions that MaxPool1d returned, among zeros."""

    _spatial = 1
    _functional = "max_unpool1d"


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts maxima back to the positions that MaxPool2d returned, among zeros."""

    _spatial = 2
    _functional = "max_unpool2d"


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts maxima back to the positions that MaxPool3d returned, among zeros."""

    _spatial = 3
    _functional = "max_unpool3d"


class _AvgPoolNd(Module):
    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """Averages over windows of (N, C, L) or (C, L).

    Args:
        kernel_size: the window's size.
        stride: its step; ``kernel_size`` where left out.
        padding: zeros added at both ends.
        ceil_mode: round the output size up.
        count_include_pad: whether the padding counts in the average.
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = per_dimension(kernel_size, 1)
        self.stride = per_dimension(kernel_size if stride is None else stride, 1)
        self.padding: Any = per_dimension(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class _AvgPoolWithDivisor(_AvgPoolNd):
    _functional: ClassVar[str]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, self._functional)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPoolWithDivisor):
    """Averages over windows of (N, C, H, W) or (C, H, W).

    Arguments as AvgPool1d's, and ``divisor_override``, which sums are divided by instead of the
    window's size.
    """

    _functional = "avg_pool2d"


class AvgPool3d(_AvgPoolWithDivisor):
    """Averages over windows of (N, C, D, H, W) or (C, D, H, W); arguments as AvgPool2d's."""

    _functional = "avg_pool3d"


class _FractionalMaxPoolNd(Module):
    _spatial: ClassVar[int]
    _functional: ClassVar[str]

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self._spatial
        self.kernel_size = per_dimension(kernel_size, n)
        if n == 3 and not all(size > 0 for size in self.kernel_size):
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else per_dimension(output_size, n)
        self.output_ratio = None if output_ratio is None else per_dimension(output_ratio, n)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._functional)(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima over windows at random steps, for an output of a given size (arXiv:1412.6071).

    Args:
        kernel_size: the windows' size.
        output_size: H and W of the output; or
        output_ratio: their ratio to the input's, between 0 and 1.
        return_indices: return (maxima, their positions).
    """

    _spatial = 2
    _functional = "fractional_max_pool2d"


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """FractionalMaxPool2d over (N, C, D, H, W)."""

    _spatial = 3
    _functional = "fractional_max_pool3d"


class _LPPoolNd(Module):
    _functional: ClassVar[str]

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, self._functional)(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """(Σ xᵖ) ** (1 / p) over windows of (N, C, L) or (C, L), p the ``norm_type``."""

    _functional = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    """(Σ xᵖ) ** (1 / p) over windows of (N, C, H, W) or (C, H, W)."""

    _functional = "lp_pool2d"


class LPPool3d(_LPPoolNd):
    """(Σ xᵖ) ** (1 / p) over windows of (N, C, D, H, W) or (C, D, H, W)."""

    _functional = "lp_pool3d"


class _AdaptiveMaxPoolNd(Module):
    _functional: ClassVar[str]

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._functional)(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, L) or (C, L) over as many windows as ``output_size`` says."""

    _functional = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """AdaptiveMaxPool1d of (N, C, H, W) or (C, H, W); None keeps a dimension's size."""

    _functional = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """AdaptiveMaxPool1d of (N, C, D, H, W) or (C, D, H, W); None keeps a dimension's size."""

    _functional = "adaptive_max_pool3d"


class _AdaptiveAvgPoolNd(Module):
    _functional: ClassVar[str]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return getattr(F, self._functional)(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Averages of (N, C, L) or (C, L) over as many windows as ``output_size`` says."""

    _functional = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """AdaptiveAvgPool1d of (N, C, H, W) or (C, H, W); None keeps a dimension's size."""

    _functional = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """AdaptiveAvgPool1d of (N, C, D, H, W) or (C, D, H, W); None keeps a dimension's size."""

    _functional = "adaptive_avg_pool3d"
