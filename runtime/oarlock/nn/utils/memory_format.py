"""The memory layout of convolutions' weights."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Give the weights of Conv2d and ConvTranspose2d a layout, which changes no values.

    Args:
        module: a convolution, or what has some; it is returned.
        memory_format: torch.channels_last or torch.contiguous_format.
    """
    return _convert(module, memory_format, (torch.nn.Conv2d, torch.nn.ConvTranspose2d))


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """Give the weights of Conv3d and ConvTranspose3d a layout, which changes no values.

    Args:
        module: a convolution, or what has some; it is returned.
        memory_format: torch.channels_last_3d or torch.contiguous_format.
    """
    return _convert(module, memory_format, (torch.nn.Conv3d, torch.nn.ConvTranspose3d))


def _convert(module: Any, memory_format: Any, kinds: tuple[type, ...]) -> Any:
    for one in module.modules():
        if isinstance(one, kinds):
            weight: Any = one.weight
            weight.data = weight.detach().clone(memory_format=memory_format)
    return module
