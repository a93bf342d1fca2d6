"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all values of ``parameters``, one after the other, as a vector."""
    params = list(parameters)
    _check_one_device(params)
    return torch.cat([param.view(-1) for param in params])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Put slices of ``vec`` into ``parameters``, in their order, as their ``data``.

    Raises:
        TypeError: ``vec`` is no Tensor, or the parameters are on several devices.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec)}")
    params = list(parameters)
    _check_one_device(params)
    begin = 0
    for param in params:
        count = param.numel()
        values: Any = vec[begin : begin + count].view(param.shape)
        param.data = values.data
        begin += count


def _check_one_device(params: list[Tensor]) -> None:
    if len({str(param.device) for param in params}) > 1:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
