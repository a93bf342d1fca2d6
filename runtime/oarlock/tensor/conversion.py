"""Tensors to other dtypes, devices and Python objects, and copies of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import no_grad
from oarlock.errors import UnsupportedError
from oarlock.ops.promotion import cast
from oarlock.tensor import dtypes
from oarlock.tensor.core import Tensor, detached, like, plain
from oarlock.tensor.devices import CPU, as_device, device, from_place, place
from oarlock.tensor.dtypes import from_paddle, paddle_dtype
from oarlock.tensor.inplace import _SCALAR_TYPES, check_overlap, commit
from oarlock.tensor.layouts import contiguous_format, memory_format, preserve_format
from oarlock.tensor.size import count

_UNSERVED = "Paddle keeps dense tensors in the order of their dimensions"


def _check_format(api: str, format: Any) -> None:
    # A channels-last order changes strides, not values, so it is accepted and not followed.
    if format is not None and not isinstance(format, memory_format):
        raise TypeError(
            f"{api}(): argument 'memory_format' must be torch.memory_format, not "
            f"{type(format).__name__}"
        )


def to(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The tensor with another dtype or device; itself where it has both already.

    ``to(dtype)``, ``to(device, dtype=None)`` and ``to(other)``, each with ``non_blocking``,
    ``copy`` and ``memory_format``.
    """
    wanted, target, copy = _asked(args, kwargs)
    p = plain(self)
    result = p
    if wanted is not None and wanted.paddle is not p.dtype:
        result = cast(result, wanted.paddle)
    if target is not None and target != from_place(p.place):
        result = result._copy_to(place(target, "torch.Tensor.to"), True)
    if result is p:
        return clone(self) if copy else self
    return like(self, result)


def _asked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, bool]:
    kwargs = dict(kwargs)
    kwargs.pop("non_blocking", None)
    copy = bool(kwargs.pop("copy", False))
    _check_format("to", kwargs.pop("memory_format", None))
    target, wanted = as_device(kwargs.pop("device", None)), kwargs.pop("dtype", None)
    other = kwargs.pop("other", None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    rest = list(args)
    first = rest.pop(0) if rest else other
    if isinstance(first, paddle.Tensor):
        p = plain(first)
        wanted, target = from_paddle[p.dtype], from_place(p.place)
    elif first.__class__ is dtypes.dtype or first in (float, int, bool):
        wanted = from_paddle[paddle_dtype(first)]
    elif first is not None:
        target = as_device(first)
        if rest and (rest[0] is None or rest[0].__class__ is dtypes.dtype):
            wanted = rest.pop(0) or wanted
    elif args and rest and rest[0].__class__ is dtypes.dtype:
        wanted = rest.pop(0)
    if len(rest) > 1:
        copy = copy or bool(rest[1])
    return wanted, target, copy


def type_as(self: Any, other: Any) -> Any:
    """``self.to(other.dtype)``."""
    return to(self, from_paddle[plain(other).dtype])


def type(self: Any, dtype: Any = None, non_blocking: Any = False, **kwargs: Any) -> Any:
    """The name of the tensor's legacy type, or the tensor cast to a dtype or such a type."""
    if dtype is None:
        return type_name(plain(self), prefix="torch.")
    if isinstance(dtype, str):
        kind = dtype.removeprefix("torch.").removeprefix("cuda.")
        found = {f"{name}Tensor": key for key, name in _SCALAR_TYPES.items()}.get(kind)
        if found is None:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = getattr(dtypes, found)
    return to(self, getattr(dtype, "dtype", dtype))


def type_name(p: paddle.Tensor, prefix: str = "torch.") -> str:
    """The legacy name of a plain tensor's type, ``torch.FloatTensor``."""
    on = "cuda." if p.place.is_gpu_place() else ""
    return f"{prefix}{on}{_SCALAR_TYPES[from_paddle[p.dtype].name]}Tensor"


def cpu(self: Any, memory_format: Any = preserve_format) -> Any:
    """The tensor in the CPU's memory; itself where it is there."""
    return to(self, CPU)


def cuda(
    self: Any, device: Any = None, non_blocking: Any = False, memory_format: Any = preserve_format
) -> Any:
    """The tensor in a GPU's memory; itself where it is there."""
    return to(self, as_device("cuda" if device is None else device))


def get_device(self: Any) -> Any:
    """The number of the tensor's GPU, or -1 on the CPU."""
    index = from_place(plain(self).place).index
    return -1 if index is None else index


def contiguous(self: Any, memory_format: Any = contiguous_format) -> Any:
    """The tensor in one run of memory, row by row; itself where it is so already."""
    _check_format("contiguous", memory_format)
    p = plain(self)
    return self if p.is_contiguous() else like(self, _C_ops.assign(p))


def clone(input: Any, *, memory_format: Any = preserve_format) -> Any:
    """A copy that gradients flow back through."""
    _check_format("clone", memory_format)
    return like(input, _C_ops.assign(plain(input)))


def copy_(self: Any, other: Any, non_blocking: Any = False) -> Any:
    """Write ``other``, cast and broadcast, into the tensor and return the tensor."""
    if not isinstance(other, paddle.Tensor):
        raise TypeError(
            f"copy_(): argument 'other' (position 1) must be Tensor, not {other.__class__.__name__}"
        )
    p, value = plain(self), plain(other)
    check_overlap(p, value)
    value = cast(value, p.dtype)
    if value.shape != p.shape:
        try:
            value = _C_ops.expand(value, p.shape)
        except Exception:
            raise RuntimeError(
                f"The size of tensor a ({list(p.shape)}) must match the size of tensor b "
                f"({list(value.shape)})"
            ) from None
    return commit(self, value)


def fill_(input: Any, value: Any) -> Any:
    """Write one value everywhere."""
    p = plain(input)
    if isinstance(value, paddle.Tensor):
        v = plain(value)
        if v.ndim:
            raise RuntimeError(
                "fill_ only supports 0-dimension value tensor but got tensor with "
                f"{v.ndim} dimensions."
            )
        return commit(input, _C_ops.expand(cast(v, p.dtype), p.shape))
    return commit(input, _C_ops.full(p.shape, value, p.dtype, p.place))


def zero_(input: Any) -> Any:
    """Write 0 everywhere."""
    return fill_(input, 0)


def item(self: Any) -> Any:
    """The value of the tensor's one element as a Python number.

    Raises:
        RuntimeError: it has none or several.
    """
    p = plain(self)
    if count(p) != 1:
        raise RuntimeError(f"a Tensor with {count(p)} elements cannot be converted to Scalar")
    return p.item()


def tolist(self: Any) -> Any:
    """The values as nested lists of Python numbers, or one number."""
    p = plain(self)
    # numpy has no such types, and Paddle would give their bits.
    narrow = from_paddle[p.dtype].name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")
    return (_C_ops.cast(p, paddle.float32) if narrow else p).tolist()


class _Memory:
    """A tensor's memory as numpy takes it; numpy keeps this object, and it the tensor, alive."""

    lent = False

    def __init__(self, p: paddle.Tensor, typestr: str):
        self.owner = p
        size = p.element_size()
        self.__array_interface__ = {
            "data": (p.data_ptr(), False),
            "shape": tuple(p.shape),
            "strides": tuple(step * size for step in p.strides),
            "typestr": typestr,
            "version": 3,
        }

    def __del__(self) -> None:
        if self.lent:
            _released.append(self.owner)


# Tensors that nobody holds any more, but for the deleter that was running when they were let go.
_released: list[paddle.Tensor] = []


def lend(array: np.ndarray) -> None:
    """Note that Paddle is about to hold an array.

    Where its memory is a tensor's, that tensor must not be freed by the deleter that lets go of the
    array: Paddle runs deleters under one lock, and one inside another waits for ever. It is freed
    at the next call of this function.
    """
    _released.clear()
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, _Memory):
        base.lent = True


def numpy(self: Any, *, force: Any = False) -> np.ndarray:
    """The values as an array that shares the tensor's memory.

    Raises:
        TypeError: it lies on a GPU, or numpy has no such dtype.
        RuntimeError: it requires a gradient.
    """
    p = plain(self)
    if force:
        p = p.detach().cpu()
    if not p.place.is_cpu_place():
        raise TypeError(
            f"can't convert {from_place(p.place)} device type tensor to numpy. Use Tensor.cpu() to "
            "copy the tensor to host memory first."
        )
    recorded = self.requires_grad if isinstance(self, Tensor) else not p.stop_gradient
    if recorded and not force:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    name = from_paddle[p.dtype].name
    if name.startswith(("bfloat", "float8")):
        raise TypeError(f"Got unsupported ScalarType {_SCALAR_TYPES.get(name, name)}")
    if not count(p):
        return np.empty(p.shape, name)
    return np.asarray(_Memory(detached(self) if not force else p, np.dtype(name).str))


def share_memory_(self: Any) -> Any:
    """Refused: Paddle moves no tensor's storage between processes."""
    raise UnsupportedError(
        api="torch.Tensor.share_memory_",
        reason="Paddle can't move a tensor's storage into shared memory",
        advice="Send arrays between processes instead, as DataLoader's workers do",
    )


def pin_memory(self: Any, device: Any = None) -> Any:
    """The tensor in page-locked memory where there is a GPU; without one, torch refuses.

    Raises:
        RuntimeError: there is no GPU.
    """
    if not paddle.device.is_compiled_with_cuda():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return like(self, plain(self).pin_memory())


# What a Tensor remembers of its own place in memory and graph, which no copy shares.
_BOOKKEEPING = ("_generation", "_kept_grad", "_retaining", "_source", "_view")


def deepcopy(self: Tensor, memo: dict[Any, Any]) -> Any:
    """``copy.deepcopy`` of a leaf, its gradient and attributes included.

    Raises:
        RuntimeError: it was computed, so that its history would have to be copied.
    """
    import copy

    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
            "at the moment.  If you were attempting to deepcopy a module, this may be because of a "
            "torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
        )
    found = memo.get(id(self))
    if found is not None:
        return found
    with no_grad():
        made = rebuilt(self.__class__, plain(self).detach().clone(), self.requires_grad)
    memo[id(self)] = made
    gradient = self.grad
    if gradient is not None:
        made.grad = gradient.detach().clone()
    for name, value in self.__dict__.items():
        if name not in _BOOKKEEPING:
            setattr(made, name, copy.deepcopy(value, memo))
    return made


def rebuilt(cls: Any, p: paddle.Tensor, requires_grad: Any) -> Any:
    """A leaf Tensor of a class around a plain tensor."""
    from oarlock.tensor.core import _new, adopt

    made = adopt(_new(cls), p)
    made.stop_gradient = not requires_grad
    return made


def reduce(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    """How pickle keeps a tensor: its bytes, dtype, shape, and whether it requires a gradient."""
    if not self.is_leaf and self.requires_grad:
        raise RuntimeError(
            "Pickling of a tensor that requires grad and is not a leaf loses its history; "
            "use detach() first"
        )
    p = _C_ops.assign(plain(self).detach().cpu())
    name = from_paddle[p.dtype].name
    bits = {"bfloat16": "int16", "float8_e4m3fn": "int8", "float8_e5m2": "int8"}.get(name)
    values = numpy(_C_ops.view_dtype(p, getattr(paddle, bits)) if bits else p)
    extra = {k: v for k, v in self.__dict__.items() if k not in _BOOKKEEPING}
    # A process that reads it need not have Tensor under the name that the class gives itself.
    kind = None if self.__class__ is Tensor else self.__class__
    return _unpickled, (kind, values.copy(), name, self.requires_grad, extra)


def _unpickled(kind: Any, values: np.ndarray, name: str, requires_grad: Any, extra: Any) -> Any:
    from oarlock.creation.data import from_numpy

    # The array belongs to nobody else, and need not be copied.
    p = plain(from_numpy(values if values.flags.writeable else values.copy()))
    wanted = getattr(dtypes, name).paddle
    if p.dtype is not wanted:
        p = _C_ops.view_dtype(p, wanted)
    made = rebuilt(kind or Tensor, p, requires_grad)
    made.__dict__.update(extra)
    return made


def device_of(self: Any) -> device:
    """torch.device of the tensor: the property ``device``."""
    return from_place(plain(self).place)
