"""In-place writes under torch's rules: dtype, shape, leaves, views and their gradients."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import is_grad_enabled, no_grad
from oarlock.ops.promotion import cast
from oarlock.tensor.core import Tensor, adopt, detached, plain, refresh
from oarlock.tensor.dtypes import from_paddle
from oarlock.tensor.size import count

# The dtypes that Paddle adds in place on every device without rounding in between.
_ADDED = (paddle.float32, paddle.float64)


def commit(t: Any, result: Any) -> Any:
    """Write ``result`` into ``t`` as torch's in-place operations do, and return ``t``.

    Args:
        t: the tensor that changes; of any strides.
        result: what the operation gives out of place, a tensor of ``t``'s shape whose history the
            changed ``t`` takes over.

    Raises:
        RuntimeError: the dtype can't be cast to ``t``'s, the shape is another, ``t`` is a leaf that
            requires a gradient (or a view of one), or several of its elements share memory.
    """
    p, r = plain(t), plain(result)
    if r.dtype is not p.dtype:
        r = _cast(r, p)
    if r.shape != p.shape:
        raise RuntimeError(
            f"output with shape {list(p.shape)} doesn't match the broadcast shape {list(r.shape)}"
        )
    write(t, r)
    return t


def before(t: Any, *others: Any) -> Any:
    """Return the plain tensor that an in-place operation on ``t`` computes from.

    Where a gradient is recorded this is a copy: an operation may keep it for backward, and torch
    too keeps such a value as it was before the write.

    Args:
        t: the tensor that will change.
        *others: the operation's other arguments.

    Raises:
        RuntimeError: another argument lies in part of the same memory, or ``t`` is a leaf that
            requires a gradient.
    """
    p = plain(t)
    for other in others:
        if isinstance(other, paddle.Tensor):
            check_overlap(p, plain(other))
    if not is_grad_enabled():
        return p
    if p.stop_gradient and all(getattr(o, "stop_gradient", True) for o in others):
        return p
    check_leaf(p)
    return _C_ops.assign(p)


def check_overlap(p: paddle.Tensor, other: paddle.Tensor) -> None:
    """Raise RuntimeError where ``other`` lies in part of the memory of ``p``, which is written to."""
    start, begin = p.data_ptr(), other.data_ptr()
    if start - p.offset != begin - other.offset or not count(p) or not count(other):
        return
    if not (_is_dense(p) and _is_dense(other)):
        return
    if start == begin and p.strides == other.strides and count(p) == count(other):
        return
    size = p.element_size()
    if start < begin + count(other) * size and begin < start + count(p) * size:
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer "
            "to a single memory location. Please clone() the tensor before performing the operation."
        )


def _is_dense(p: paddle.Tensor) -> bool:
    """Whether the elements lie in one run of memory, in whatever order."""
    if p.is_contiguous():
        return True
    reach = 1
    for stride, size in sorted(zip(p.strides, p.shape, strict=True)):
        if size != 1:
            if stride != reach:
                return False
            reach *= size
    return True


def write(t: Any, value: paddle.Tensor) -> None:
    """Put a value of ``t``'s dtype and shape into its storage, with the value's history.

    Raises:
        RuntimeError: as `commit` does for leaves and for elements that share memory.
    """
    view = t._view if isinstance(t, Tensor) else None
    if view is not None and view.read_only:
        raise RuntimeError(view.read_only)
    p = plain(t)
    if isinstance(t, Tensor) and t._source is not None:
        t._source._generation += 1
    if not is_grad_enabled() or (value.stop_gradient and p.stop_gradient):
        with no_grad():
            _C_ops.assign_out_(value, p if view is None else detached(t))
        return
    if view is None:
        check_leaf(p)
        if value.stop_gradient:
            # Paddle would keep the old history of what a constant overwrites.
            value = _C_ops.where(_C_ops.full(p.shape, False, paddle.bool, p.place), p, value)
        _overwrite(p, value)
        if isinstance(t, Tensor):
            adopt(t, p)._generation += 1
        return
    if view.unrecorded:
        raise RuntimeError(view.unrecorded)
    base = view.base
    whole = plain(base)
    if not whole.stop_gradient and whole.is_leaf:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )
    if not count(p):
        return
    _overwrite(whole, _scattered(whole, value, view.replay))
    adopt(base, whole)._generation += 1
    refresh(t, view)


def check_leaf(p: paddle.Tensor) -> None:
    """Raise RuntimeError for a leaf that requires a gradient, which no recorded write may change."""
    if not p.stop_gradient and p.is_leaf and is_grad_enabled():
        raise RuntimeError(
            "a leaf Variable that requires grad is being used in an in-place operation."
        )


def _cast(r: paddle.Tensor, p: paddle.Tensor) -> paddle.Tensor:
    ours, theirs = from_paddle[p.dtype], from_paddle[r.dtype]
    rank = [(d.name != "bool") + d.is_floating_point + 2 * d.is_complex for d in (ours, theirs)]
    # Boolean, integer, floating point, complex: a result is never cast to a lower kind.
    if ours.name == "bool" or theirs.is_complex > ours.is_complex or rank[1] > rank[0]:
        raise RuntimeError(
            f"result type {_scalar_type(theirs)} can't be cast to the desired output type "
            f"{_scalar_type(ours)}"
        )
    return _cast_to(r, p.dtype)


def _cast_to(r: paddle.Tensor, dtype: Any) -> paddle.Tensor:
    """Cast without a question; the real part of a complex value, integers without history."""
    return cast(r, dtype)


_SCALAR_TYPES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}


def _scalar_type(dtype: Any) -> str:
    """The name that torch's messages have for a dtype."""
    name: str = dtype.name
    return _SCALAR_TYPES.get(name, name)


def _scattered(base: paddle.Tensor, value: paddle.Tensor, replay: Any) -> paddle.Tensor:
    """A copy of ``base`` in which the view that ``replay`` makes holds ``value``.

    The view of a tensor of positions says which elements of the base it has.
    """
    positions = _C_ops.reshape(paddle.arange(count(base)), base.shape)
    places = _C_ops.reshape(replay(positions), [-1])
    flat, new = _C_ops.reshape(base, [-1]), _C_ops.reshape(value, [-1])
    # scatter has no second derivative.
    return _C_ops.reshape(_C_ops.index_put(flat, [places], new, False), base.shape)


def _overwrite(p: paddle.Tensor, value: paddle.Tensor) -> None:
    """Put a value with its history in the place of what ``p`` holds and of its history.

    assign_out_ has no second derivative. An addition has; adding to -0.0 changes no number.
    """
    if p.dtype not in _ADDED or not p.is_contiguous():
        _C_ops.assign_out_(value, p)
        return
    if p._is_shared_buffer_with(value):
        value = _C_ops.assign(value)
    p.detach_()
    with no_grad():
        _C_ops.full_(p, p.shape, -0.0, p.dtype, p.place)
    _C_ops.add_(p, value)
