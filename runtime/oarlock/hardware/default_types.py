"""The names of tensor types: torch.typename, and the default one that torch.set_default_tensor_type sets."""

from __future__ import annotations

import importlib
from typing import Any

from oarlock.creation import legacy
from oarlock.serialization.names import path_of
from oarlock.tensor import Tensor
from oarlock.tensor.dtypes import dtype, set_default_dtype


def typename(obj: Any, /) -> str:
    """The name of an object's type; of a tensor, that of its dtype and device, 'torch.FloatTensor'."""
    if isinstance(obj, Tensor):
        return obj.type()
    if isinstance(obj, dtype):
        return "torch.dtype"
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    if (known := path_of(kind)) is not None:
        return ".".join(known)
    module = getattr(kind, "__module__", None) or ""
    name = getattr(kind, "__qualname__", "")
    return name if module in ("", "builtins") else f"{module}.{name}"


def set_default_tensor_type(t: Any, /) -> None:
    """Make the dtype of a type such as torch.DoubleTensor, or its name, that of new floating-point tensors.

    Raises:
        TypeError: it is no floating-point tensor type, or one of a GPU.
    """
    if isinstance(t, str):
        module, _, name = t.rpartition(".")
        if module == "torch.cuda":
            raise TypeError(f"type {t} not available. Torch not compiled with CUDA enabled.")
        if module != "torch":
            importlib.import_module(module or name)
        t = getattr(legacy, name, t)
    if t is Tensor:
        t = legacy.FloatTensor
    kind = getattr(t, "dtype", None)
    if not isinstance(t, type) or kind is None:
        raise TypeError(
            "invalid type object: only floating-point types are supported as the default type"
        )
    set_default_dtype(kind)
