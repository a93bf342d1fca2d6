"""torch.nn.DataParallel, which runs its module on one device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import oarlock.torch as torch
from oarlock.errors import UnsupportedError
from oarlock.nn.module import Module


class DataParallel(Module):
    """A Module that calls ``module``, whose parameters are named ``module.*`` in its state.

    torch splits a batch among GPUs; without a GPU, or with one, it calls the module, and so does this.

    Args:
        module: what is called.
        device_ids: one GPU at most; None for the current one.
        output_device: where the result lies, the first of ``device_ids``.
        dim: the batch's dimension.

    Raises:
        UnsupportedError: ``device_ids`` names several GPUs.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []
        if not torch.cuda.is_available():
            return
        if device_ids is not None and len(device_ids) > 1:
            raise UnsupportedError(
                api="torch.nn.DataParallel",
                parameter="device_ids",
                given=str(list(device_ids)),
                reason="Oarlock runs a module on one GPU",
                advice="Give one device, or leave it out for the current one",
            )
        chosen = device_ids[0] if device_ids else torch.cuda.current_device()
        first = torch.device("cuda", chosen) if isinstance(chosen, int) else torch.device(chosen)
        self.dim = dim
        self.device_ids = [first.index or 0]
        self.output_device = self.device_ids[0] if output_device is None else output_device
        self.src_device_obj = first
        self.module.to(first)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module; on a GPU, with the tensors among the arguments moved there."""
        if not self.device_ids:
            return self.module(*inputs, **kwargs)
        return self.module(*self._moved(inputs), **self._moved(kwargs))

    def _moved(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            tensor: Any = value
            return tensor.to(self.src_device_obj)
        if isinstance(value, dict):
            return {key: self._moved(each) for key, each in value.items()}
        if type(value) in (tuple, list):
            return type(value)(self._moved(each) for each in value)
        return value
