"""Padding of 1 to 3 spatial dimensions."""

from __future__ import annotations

from typing import Any, ClassVar

from oarlock.nn.module import Module
from oarlock.nn.sizes import per_dimension
from oarlock.nn.tensors import Tensor
from oarlock.torch.nn import functional as F  # noqa: N812


class _PadNd(Module):
    _spatial: ClassVar[int]
    _mode: ClassVar[str]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = per_dimension(padding, 2 * self._spatial)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ReflectionPadNd(_PadNd):
    _mode = "reflect"


class _ReplicationPadNd(_PadNd):
    _mode = "replicate"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        low = self._spatial + 1
        if input.dim() not in (low, low + 1):
            raise ValueError(f"expected {low}D or {low + 1}D input (got {input.dim()}D input)")
        return super().forward(input)


class _ConstantPadNd(_PadNd):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with ``value``; ``padding`` is one size or (left, right)."""

    _spatial = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with ``value``; ``padding`` is one size or (left, right, top, bottom)."""

    _spatial = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with ``value``; ``padding`` is one size or (left, right, top, bottom, front, back)."""

    _spatial = 3


class ZeroPad1d(_ZeroPadNd, ConstantPad1d):
    """Pads the last dimension with zeros; ``padding`` is one size or (left, right)."""

    _spatial = 1


class ZeroPad2d(_ZeroPadNd, ConstantPad2d):
    """Pads the last two dimensions with zeros; ``padding`` is one size or (left, right, top, bottom)."""

    _spatial = 2


class ZeroPad3d(_ZeroPadNd, ConstantPad3d):
    """Pads the last three dimensions with zeros; ``padding`` is one size or (left, right, top, bottom, front, back)."""

    _spatial = 3


class ReflectionPad1d(_ReflectionPadNd):
    """Pads the last dimension with its mirror image, the edge not repeated; ``padding`` is one size or (left, right)."""

    _spatial = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Pads the last two dimensions with its mirror image, the edge not repeated; ``padding`` is one size or (left, right, top, bottom)."""

    _spatial = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Pads the last three dimensions with its mirror image, the edge not repeated; ``padding`` is one size or (left, right, top, bottom, front, back)."""

    _spatial = 3


class ReplicationPad1d(_ReplicationPadNd):
    """Pads the last dimension with its edge; ``padding`` is one size or (left, right)."""

    _spatial = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Pads the last two dimensions with its edge; ``padding`` is one size or (left, right, top, bottom)."""

    _spatial = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Pads the last three dimensions with its edge; ``padding`` is one size or (left, right, top, bottom, front, back)."""

    _spatial = 3


class CircularPad1d(_CircularPadNd):
    """Pads the last dimension with its other end; ``padding`` is one size or (left, right)."""

    _spatial = 1


class CircularPad2d(_CircularPadNd):
    """Pads the last two dimensions with its other end; ``padding`` is one size or (left, right, top, bottom)."""

    _spatial = 2


class CircularPad3d(_CircularPadNd):
    """Pads the last three dimensions with its other end; ``padding`` is one size or (left, right, top, bottom, front, back)."""

    _spatial = 3
