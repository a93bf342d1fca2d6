"""Tensors joined into one: cat, stack and their relatives."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.promotion import result_dtype

Tensors = Sequence[paddle.Tensor]


def cat(tensors: Tensors, dim: int = 0) -> paddle.Tensor:
    """Join tensors along an existing dim, in their promoted dtype.

    Args:
        tensors: of equal shape except at ``dim``; those of shape (0,) are skipped, as torch does.
        dim: the dim to join along.

    Raises:
        ValueError: there are no tensors.
        RuntimeError: the shapes do not fit, or a tensor has no dims.
        IndexError: there is no such dim.
    """
    tensors = _one_dtype(tensors)
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    shapes = [tensor.shape for tensor in tensors]
    kept = [place for place, shape in enumerate(shapes) if shape != [0]]
    if not kept:
        return _joined(tensors, 0)
    if len(kept) < len(tensors):
        tensors = [tensors[place] for place in kept]
        shapes = [shapes[place] for place in kept]
    first = shapes[0]
    for place, shape in enumerate(shapes):
        if not shape:
            raise RuntimeError(
                f"zero-dimensional tensor (at position {place}) cannot be concatenated"
            )
        if len(shape) != len(first):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}"
            )
    dim = normal_dim(dim, len(first))
    for place, shape in enumerate(shapes):
        if shape[:dim] != first[:dim] or shape[dim + 1 :] != first[dim + 1 :]:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}: expected {list(first)} "
                f"but got {list(shape)} for tensor number {place} in the list"
            )
    return _joined(tensors, dim)


def _joined(tensors: list[paddle.Tensor], dim: int) -> paddle.Tensor:
    """Paddle's concat, which has no gradient for bfloat16 on the CPU."""
    dtype = tensors[0].dtype
    if dtype is paddle.bfloat16 and tensors[0].place.is_cpu_place():
        wide = [tensor.cast(paddle.float32) for tensor in tensors]
        return _C_ops.concat(wide, dim).cast(dtype)
    return _C_ops.concat(tensors, dim)


def stack(tensors: Tensors, dim: int = 0) -> paddle.Tensor:
    """Join tensors of one shape along a new dim, in their promoted dtype.

    Raises:
        RuntimeError: there are no tensors, or their shapes differ.
        IndexError: there is no such dim.
    """
    tensors = _one_dtype(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tensors[0].shape
    dim = normal_dim(dim, len(first) + 1)
    for place, tensor in enumerate(tensors):
        if tensor.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 "
                f"and {list(tensor.shape)} at entry {place}"
            )
    return _C_ops.stack(tensors, dim)


def hstack(tensors: Tensors) -> paddle.Tensor:
    """Join side by side: along dim 1, or dim 0 where the first tensor has at most one dim."""
    tensors = _given("hstack", [_atleast(tensor, 1) for tensor in tensors])
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Tensors) -> paddle.Tensor:
    """Join as rows: tensors made at least 2-dim, along dim 0."""
    return cat(_given("vstack", [_atleast(tensor, 2) for tensor in tensors]), 0)


def row_stack(tensors: Tensors) -> paddle.Tensor:
    """The same as vstack."""
    return vstack(tensors)


def dstack(tensors: Tensors) -> paddle.Tensor:
    """Join in depth: tensors made at least 3-dim, along dim 2."""
    return cat(_given("dstack", [_atleast(tensor, 3) for tensor in tensors]), 2)


def column_stack(tensors: Tensors) -> paddle.Tensor:
    """Join as columns: tensors of up to one dim become (n, 1) first."""
    columns = [t.reshape([-1, 1]) if t.ndim == 0 or t.ndim == 1 else t for t in tensors]
    return cat(_given("column_stack", columns), 1)


def block_diag(*tensors: paddle.Tensor) -> paddle.Tensor:
    """Put matrices on the diagonal of a larger one, zeros around them.

    Args:
        *tensors: of at most 2 dims; a vector counts as one row.

    Raises:
        RuntimeError: a tensor has more than 2 dims.
    """
    if not tensors:
        return paddle.empty([1, 0])
    for place, tensor in enumerate(tensors):
        if tensor.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {place} has {tensor.ndim} dimensions"
            )
    blocks = [_atleast(tensor, 2) for tensor in _one_dtype(tensors)]
    width = sum(block.shape[1] for block in blocks)
    rows, left = [], 0
    for block in blocks:
        height, own = block.shape
        before = paddle.zeros([height, left], block.dtype)
        after = paddle.zeros([height, width - left - own], block.dtype)
        rows.append(_joined([before, block, after], 1))
        left += own
    return _joined(rows, 0)


def _atleast(tensor: paddle.Tensor, dims: int) -> paddle.Tensor:
    shape = list(tensor.shape)
    if len(shape) >= dims:
        return tensor
    if not shape:
        return tensor.reshape([1] * dims)
    if dims == 2:
        return tensor.reshape([1, *shape])
    return tensor.reshape([1, *shape, 1] if len(shape) == 1 else [*shape, 1])


def _given(name: str, tensors: list[paddle.Tensor]) -> list[paddle.Tensor]:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


def _one_dtype(tensors: Tensors) -> list[paddle.Tensor]:
    tensors = list(tensors)
    try:
        dtypes = {tensor.dtype for tensor in tensors}
    except AttributeError:
        place = next(at for at, each in enumerate(tensors) if not isinstance(each, paddle.Tensor))
        raise TypeError(
            f"expected Tensor as element {place} in argument 0, but got {type(tensors[place]).__name__}"
        ) from None
    if len(dtypes) < 2:
        return tensors
    common = result_dtype(*tensors)
    return [tensor.cast(common) for tensor in tensors]
