"""torch.load of a .safetensors path: the safetensors library, its own format, Oarlock's Tensors."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from paddle import _C_ops

from oarlock.errors import UnsupportedError
from oarlock.serialization.locations import default_restore_location
from oarlock.serialization.storage import UntypedStorage, empty, memory
from oarlock.tensor import dtypes
from oarlock.tensor.conversion import rebuilt
from oarlock.tensor.core import Tensor
from oarlock.tensor.devices import device

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


def load(path: str, map_location: Any) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name.

    Raises:
        RuntimeError: the library is not installed, or map_location is a dict or function.
        UnsupportedError: a tensor's dtype is one that Paddle lacks.
    """
    if map_location is not None and not isinstance(map_location, (str, bytes, device)):
        raise RuntimeError(
            "Loading safetensors file with a dict or callable map_location is not supported. "
            "Use a device string or torch.device instead."
        )
    try:
        # The user's own library: nothing but a path that ends so asks for it.
        safetensors = import_module("safetensors")
    except ImportError:
        raise RuntimeError(
            "Attempting to load a safetensors file but safetensors is not installed. "
            "Please install safetensors with: pip install safetensors"
        ) from None
    where = map_location.decode() if isinstance(map_location, bytes) else map_location or "cpu"
    with open(path, "rb") as file:
        entries = safetensors.deserialize(file.read())
    return {name: _tensor(name, entry, where) for name, entry in entries}


def _tensor(name: str, entry: Any, where: Any) -> Tensor:
    dtype = getattr(dtypes, _DTYPES.get(entry["dtype"], ""), None)
    if dtype is None:
        raise UnsupportedError(
            api="torch.load",
            given=f"a tensor of dtype {entry['dtype']} at [{name!r}]",
            reason="Paddle has no such dtype",
            advice="Convert it where it was saved",
        )
    data = np.frombuffer(entry["data"], "uint8")
    storage = empty(data.size)
    memory(storage._p)[:] = data
    placed: UntypedStorage = default_restore_location(storage, where)
    shape = list(entry["shape"])
    if not data.size:
        return rebuilt(Tensor, _C_ops.full(shape, 0, dtype.paddle, placed._p.place), False)
    return rebuilt(Tensor, _C_ops.view_shape(placed.elements(dtype), shape), False)
