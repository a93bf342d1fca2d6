"""Normalizations over features, groups and neighbouring channels."""

from __future__ import annotations

import numbers
from typing import Any

import oarlock.torch as torch
from oarlock.nn import init
from oarlock.nn.module import Module
from oarlock.nn.parameter import Parameter
from oarlock.nn.tensors import Tensor
from oarlock.torch.nn import functional as F  # noqa: N812


class _Affine(Module):
    """Optional ``weight`` and ``bias`` of one shape, initially ones and zeros."""

    def _register_affine(
        self, shape: tuple[int, ...], device: Any, dtype: Any, **names: bool
    ) -> None:
        for name, wanted in names.items():
            empty = torch.empty(shape, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if empty is None else Parameter(empty))

    def reset_parameters(self) -> None:
        """Set the scale to ones and the shift to zeros."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self._parameters.get("bias") is not None:
            init.zeros_(self.bias)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    if isinstance(normalized_shape, numbers.Integral):
        return (normalized_shape,)  # type: ignore[return-value]
    return tuple(normalized_shape)


class LayerNorm(_Affine):
    """Normalizes over the last dimensions of an input (*, *normalized_shape) (arXiv:1607.06450).

    Args:
        normalized_shape: sizes of the dimensions to normalize over, or one size.
        eps: added to the variance.
        elementwise_affine: whether there are a scale and a shift.
        bias: whether there is a shift beside the scale.
        device, dtype: of the parameters.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        bias = elementwise_affine and bias
        self._register_affine(
            self.normalized_shape, device, dtype, weight=elementwise_affine, bias=bias
        )
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class GroupNorm(_Affine):
    """Normalizes over groups of channels of an input (N, C, *) (arXiv:1803.08494).

    Args:
        num_groups: number of groups, a divisor of ``num_channels``.
        num_channels: C.
        eps: added to the variance.
        affine: whether there are a scale and a shift per channel.
        device, dtype: of the parameters.
        bias: whether there is a shift beside the scale.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        bias = affine and bias
        self._register_affine((num_channels,), device, dtype, weight=affine, bias=bias)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(_Affine):
    """Divides by the root mean square over the last dimensions (arXiv:1910.07467).

    Args:
        normalized_shape: sizes of these dimensions, or one size.
        eps: added to the mean square; the machine epsilon of the input's dtype where None.
        elementwise_affine: whether there is a scale.
        device, dtype: of the parameter.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._register_affine(self.normalized_shape, device, dtype, weight=elementwise_affine)
        self.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class LocalResponseNorm(Module):
    """Divides each value by a power of the squares of neighbouring channels, (N, C, *).

    Args:
        size: number of channels summed over.
        alpha, beta, k: the divisor is (k + alpha / size · Σ x²) ** beta.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
