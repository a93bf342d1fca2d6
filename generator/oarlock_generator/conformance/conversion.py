"""Values carried from torch to Oarlock and back: tensors with their strides, dtypes, containers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from oarlock_generator.conformance.counterparts import Counterparts


class Conversion:
    """Carries values across; one instance a process.

    torch's bfloat16 has no numpy dtype and travels as the bits it has, which Paddle reads alike.
    """

    def __init__(self, counterparts: Counterparts):
        self.counterparts = counterparts
        self.torch = counterparts.torch
        self.ours = counterparts.ours
        self.paddle = import_module("paddle")
        self._tensors = import_module("oarlock.tensor")

    def to_ours(self, value: Any, memo: dict[int, Any]) -> Any:
        """Oarlock's copy of a value, containers with all they hold.

        Args:
            value: what torch's operator gets.
            memo: torch tensors by their id to the copies made: one that comes twice is one tensor
                on the other side too.
        """
        torch = self.torch
        if isinstance(value, torch.Tensor):
            if id(value) not in memo:
                memo[id(value)] = self._tensor(value)
            return memo[id(value)]
        if isinstance(value, torch.Size):
            return self.ours.Size(tuple(value))
        if isinstance(value, tuple):
            items = [self.to_ours(item, memo) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if isinstance(value, list):
            return [self.to_ours(item, memo) for item in value]
        if isinstance(value, dict):
            return {key: self.to_ours(item, memo) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(*(self.to_ours(i, memo) for i in (value.start, value.stop, value.step)))
        if isinstance(value, torch.device):
            return self.ours.device(str(value))
        if isinstance(value, torch.memory_format | torch.layout):
            return self.counterparts.named(str(value))
        if isinstance(value, torch.Generator):
            return self.ours.Generator().manual_seed(value.initial_seed())
        if isinstance(value, torch.nn.Module):
            return self._module(value)
        return self.counterparts.of(value)

    def _module(self, module: Any) -> Any:
        """A module without parameters, with the options of the given one."""
        made = self.counterparts.of(type(module))()
        for name, option in vars(module).items():
            if not name.startswith("_"):
                setattr(made, name, self.to_ours(option, {}))
        return made

    def _tensor(self, tensor: Any) -> Any:
        torch, paddle = self.torch, self.paddle
        if tensor.layout is not torch.strided:
            return self._sparse(tensor)
        values = tensor.detach().resolve_conj().resolve_neg()
        shape, strides, offset = list(values.shape), list(values.stride()), values.storage_offset()
        storage = values.untyped_storage()
        is_whole = values.is_contiguous() and storage.nbytes() == values.nbytes
        if not is_whole and values.numel():
            # All that the view's storage holds, and then torch's strides over it.
            values = torch.empty(0, dtype=values.dtype).set_(storage)
        if values.dtype is torch.bfloat16:
            array = values.view(torch.int16).numpy().view(np.uint16)
        else:
            array = values.numpy()
        made = paddle.to_tensor(array.copy(), dtype=str(values.dtype).removeprefix("torch."))
        if not is_whole and tensor.numel():
            made = paddle.as_strided(made, shape, strides, offset * values.element_size())
        ours = self._tensors.wrap(made.detach())
        return ours.requires_grad_() if tensor.requires_grad else ours

    def _sparse(self, tensor: Any) -> Any:
        memo: dict[int, Any] = {}
        if tensor.layout is self.torch.sparse_coo:
            parts = (tensor.detach()._indices(), tensor.detach()._values(), tensor.shape)
            made = self.ours.sparse_coo_tensor(*(self.to_ours(part, memo) for part in parts))
        else:
            name = str(tensor.layout).removeprefix("torch.").removeprefix("sparse_")
            is_row = name in ("csr", "bsr")
            parts = (
                tensor.crow_indices() if is_row else tensor.ccol_indices(),
                tensor.col_indices() if is_row else tensor.row_indices(),
                tensor.detach().values(),
                tensor.shape,
            )
            make = getattr(self.ours, f"sparse_{name}_tensor")
            made = make(*(self.to_ours(part, memo) for part in parts))
        return made.requires_grad_() if tensor.requires_grad else made

    def is_ours(self, value: Any) -> bool:
        """Whether it is Oarlock's or Paddle's tensor."""
        return isinstance(value, self.paddle.Tensor)

    def to_torch(self, tensor: Any) -> Any:
        """A contiguous torch.Tensor: a copy of the values of an Oarlock Tensor, without its history."""
        plain = self._tensors.plain(tensor).detach()
        array = np.ascontiguousarray(plain.numpy()).reshape(tuple(plain.shape))
        if plain.dtype == self.paddle.bfloat16:
            return self.torch.from_numpy(array.view(np.int16)).view(self.torch.bfloat16)
        return self.torch.from_numpy(array)


def tensors_in(value: Any, kind: type) -> Iterator[Any]:
    """Every tensor of a kind in nested containers, in order."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item, kind)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item, kind)
