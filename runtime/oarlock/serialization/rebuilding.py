"""Tensors and parameters out of what a pickle tells of them: torch._utils' rebuilding functions.

Everything that comes from the file is checked before memory is touched, since a file may lie.
"""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.serialization.lacking import KINDS, Lacking
from oarlock.serialization.storage import TypedStorage, UntypedStorage
from oarlock.tensor.conversion import rebuilt
from oarlock.tensor.core import Tensor
from oarlock.tensor.dtypes import dtype as dtype_class

INTERNAL = ("_view", "_generation", "_source")
_LIMIT = 2**63


def tensor(storage: Any, storage_offset: Any, size: Any, stride: Any) -> Any:
    """A Tensor that is a view of a storage."""
    return tensor_v2(storage, storage_offset, size, stride, False, None)


def tensor_v2(
    storage: Any,
    storage_offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    backward_hooks: Any,
    metadata: Any = None,
) -> Any:
    """A Tensor that is a view of a storage with a type."""
    if not isinstance(storage, TypedStorage):
        raise UnpicklingError(f"expected a typed storage, got {type(storage).__name__}")
    if storage.dtype is None:
        return Lacking(f"a tensor of dtype torch.{storage.kind.dtype}")
    if type(storage_offset) is int:
        storage_offset += storage.offset
    memory, wanted = storage.untyped(), storage.dtype
    return _built(
        memory, wanted, storage_offset, size, stride, requires_grad, backward_hooks, metadata
    )


def tensor_v3(
    storage: Any,
    storage_offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    """A Tensor that is a view of untyped bytes."""
    if isinstance(dtype, Lacking):
        return Lacking(dtype.what.replace("the dtype", "a tensor of dtype"))
    if type(dtype) is not dtype_class:
        raise UnpicklingError(f"expected a torch.dtype, got {type(dtype).__name__}")
    if isinstance(storage, TypedStorage):
        storage = storage.untyped()
    if not isinstance(storage, UntypedStorage):
        raise UnpicklingError(f"expected a storage, got {type(storage).__name__}")
    return _built(
        storage, dtype, storage_offset, size, stride, requires_grad, backward_hooks, metadata
    )


def _built(
    storage: UntypedStorage,
    dtype: dtype_class,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    metadata: Any,
) -> Any:
    if hooks:
        raise UnpicklingError(
            "the file holds a tensor with backward hooks, which torch never saves"
        )
    if requires_grad not in (True, False):
        raise UnpicklingError(f"requires_grad must be a bool, got {type(requires_grad).__name__}")
    if requires_grad and not (dtype.is_floating_point or dtype.is_complex):
        raise UnpicklingError(f"a tensor of {dtype} can't require a gradient")
    p = _strided(storage, dtype, offset, size, stride)
    for bit, resolve in (("conj", paddle.conj), ("neg", paddle.neg)):
        if isinstance(metadata, dict) and metadata.get(bit):
            p = resolve(p)
    return rebuilt(Tensor, p, requires_grad)


def _strided(
    storage: UntypedStorage, dtype: dtype_class, offset: Any, size: Any, stride: Any
) -> paddle.Tensor:
    if not (isinstance(size, (tuple, list)) and isinstance(stride, (tuple, list))):
        raise UnpicklingError("a tensor's size and stride must be tuples")
    numbers = [offset, *size, *stride]
    if len(size) != len(stride) or any(type(n) is not int or not 0 <= n < _LIMIT for n in numbers):
        raise UnpicklingError(
            f"impossible size {tuple(size)}, stride {tuple(stride)} or offset {offset} of a tensor"
        )
    if 0 in size:
        return _C_ops.full(list(size), 0, dtype.paddle, storage._p.place)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    elements = storage.elements(dtype) if storage.nbytes() >= dtype.itemsize else None
    if elements is None or last >= storage.nbytes() // dtype.itemsize:
        raise UnpicklingError(
            f"a tensor of size {tuple(size)} and stride {tuple(stride)} at offset {offset} reaches "
            f"beyond its storage of {storage.nbytes() // dtype.itemsize} elements"
        )
    start = elements.offset + offset * dtype.itemsize
    return _C_ops.as_strided(elements, list(size), list(stride), start)


def parameter(data: Any, requires_grad: Any = True, backward_hooks: Any = None) -> Any:
    """A Parameter around a Tensor."""
    from oarlock.nn.parameter import Parameter

    if isinstance(data, Lacking):
        return data
    if not isinstance(data, Tensor):
        raise UnpicklingError(f"a Parameter needs a tensor, got {type(data).__name__}")
    if requires_grad not in (True, False):
        raise UnpicklingError(f"requires_grad must be a bool, got {type(requires_grad).__name__}")
    return Parameter(data, requires_grad)


def parameter_with_state(data: Any, requires_grad: Any, backward_hooks: Any, state: Any) -> Any:
    """A Parameter with the attributes that were set on it."""
    made = parameter(data, requires_grad)
    return made if isinstance(made, Lacking) else _with_state(made, state)


def from_type_v2(func: Any, new_type: Any, args: Any, state: Any) -> Any:
    """A tensor of a subclass, or one with attributes."""
    if not any(func is known for known in FUNCTIONS.values()) or func is from_type_v2:
        raise UnpicklingError("only a function that rebuilds a tensor can be asked to rebuild one")
    made = func(*args)
    if isinstance(made, Lacking):
        return made
    if not (isinstance(new_type, type) and issubclass(new_type, Tensor)):
        raise UnpicklingError(f"{new_type!r} is no class of tensors")
    if type(made) is not new_type:
        made = rebuilt(new_type, made.detach(), made.requires_grad)
    setstate = getattr(new_type, "__setstate__", None)
    if setstate is not None and setstate is not getattr(Tensor, "__setstate__", None):
        setstate(made, state)
        return made
    return _with_state(made, state)


def _with_state(made: Any, state: Any) -> Any:
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for group in (attributes, slots):
        if group is None:
            continue
        if not isinstance(group, dict) or not all(type(name) is str for name in group):
            raise UnpicklingError("the attributes of a tensor must be a dict with names")
        for name, value in group.items():
            if name in INTERNAL or name.startswith("__"):
                raise UnpicklingError(f"{name!r} is no attribute of a tensor to be loaded")
            made.__dict__[name] = value
    return made


def _lacking(kind: str) -> Any:
    def stand_in(*args: Any) -> Lacking:
        return Lacking(kind)

    return stand_in


FUNCTIONS: dict[str, Any] = {
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor_v2,
    "torch._utils._rebuild_tensor_v3": tensor_v3,
    "torch._utils._rebuild_parameter": parameter,
    "torch._utils._rebuild_parameter_with_state": parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": from_type_v2,
    **{f"torch._utils.{name}": _lacking(kind) for name, kind in KINDS.items()},
}
