"""The part of Module that moves and converts its parameters and buffers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor
from oarlock.tensor.devices import device as _device
from oarlock.tensor.dtypes import dtype as _dtype

if TYPE_CHECKING:
    from typing_extensions import Self


class Conversion:
    """Conversions of a Module, all through ``_apply``, which keeps each Parameter's identity."""

    if TYPE_CHECKING:
        _parameters: dict[str, Any]
        _buffers: dict[str, Any]
        children: Callable[..., Any]

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            grad = param.grad
            with torch.no_grad():
                applied = fn(param)
                if applied is param:
                    continue
                applied_grad = None if grad is None else fn(grad)
            # Paddle keeps a gradient of the old dtype from being read once the data has changed.
            param.grad = None
            param.data = applied
            param.grad = applied_grad
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def _floats(self, convert: Callable[[Any], Any]) -> Self:
        return self._apply(lambda t: convert(t) if t.is_floating_point() else t)

    def float(self) -> Self:
        """Convert floating-point parameters and buffers to float32, in place."""
        return self._floats(lambda t: t.float())

    def double(self) -> Self:
        """Convert floating-point parameters and buffers to float64, in place."""
        return self._floats(lambda t: t.double())

    def half(self) -> Self:
        """Convert floating-point parameters and buffers to float16, in place."""
        return self._floats(lambda t: t.half())

    def bfloat16(self) -> Self:
        """Convert floating-point parameters and buffers to bfloat16, in place."""
        return self._floats(lambda t: t.bfloat16())

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to ``dst_type``, in place."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Self:
        """Move all parameters and buffers to the CPU, in place."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Move all parameters and buffers to a GPU, in place."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Move to ``device`` without copying the values, which are unspecified afterwards."""
        return self._apply(lambda t: torch.empty_like(t, device=device), recurse=recurse)

    def share_memory(self) -> Self:
        """Move parameters and buffers to memory that other processes may share."""
        return self._apply(lambda t: t.share_memory_())

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move and convert parameters and buffers, in place; integers keep their dtype.

        Called as ``to(device, dtype, non_blocking)``, ``to(dtype, non_blocking)`` or
        ``to(tensor, non_blocking)``; ``memory_format`` concerns tensors of 4 and 5 dimensions.

        Raises:
            TypeError: the dtype is neither floating-point nor complex.
        """
        device, dtype, non_blocking, memory_format = _to_arguments(*args, **kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    "nn.Module.to only accepts floating point or complex dtypes, "
                    f"but got desired dtype={dtype}"
                )
            if dtype.is_complex:
                warnings.warn(
                    "Complex modules are a new feature under active development whose design may "
                    "change, and some modules might not work as expected when using complex "
                    "tensors as parameters or buffers.",
                    stacklevel=2,
                )

        def convert(t: Any) -> Any:
            wanted = dtype if t.is_floating_point() or t.is_complex() else None
            if memory_format is not None and t.dim() in (4, 5):
                return t.to(device, wanted, non_blocking, memory_format=memory_format)
            return t.to(device, wanted, non_blocking)

        return self._apply(convert)


def _to_arguments(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """Sort out the overloads of ``to``: device, dtype, non_blocking, memory_format."""
    memory_format = kwargs.pop("memory_format", None)
    names = ["device", "dtype", "non_blocking"]
    if args and isinstance(args[0], _dtype):
        names = ["dtype", "non_blocking"]
    elif (args and isinstance(args[0], Tensor)) or "tensor" in kwargs:
        names = ["tensor", "non_blocking"]
    if len(args) > len(names):
        raise TypeError(f"to() received an invalid combination of arguments - got {args!r}")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names or name in given:
            raise TypeError(f"to() received an invalid combination of arguments - got {name}")
        given[name] = value
    tensor = given.get("tensor")
    if tensor is not None:
        return tensor.device, tensor.dtype, given.get("non_blocking", False), memory_format
    device = given.get("device")
    if device is not None:
        device = _device(device)
    return device, given.get("dtype"), given.get("non_blocking", False), memory_format
