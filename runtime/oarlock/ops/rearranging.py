"""Elements moved along dims: roll, flip, rot90."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim, normal_dims, one_or_more
from oarlock.ops.carrying import COMPLEX, ORDINARY, carried

_MOVED = ORDINARY | COMPLEX | {paddle.bool}
_ROLLED = ORDINARY | COMPLEX


def roll(
    input: paddle.Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] = ()
) -> paddle.Tensor:
    """Shift elements along dims, those pushed out coming in at the other end.

    Args:
        input: any shape; rolled as if flat where ``dims`` is empty.
        shifts: how far, for each of ``dims``.
        dims: the dims.

    Raises:
        RuntimeError: there are not as many shifts as dims.
        IndexError: there is no such dim.
    """
    by, along = [index(shift) for shift in one_or_more(shifts)], one_or_more(dims)
    if not by:
        raise RuntimeError("`shifts` required")
    if not along and len(by) == 1:
        return roll(input.reshape([-1]), by, 0).reshape(input.shape)
    if len(by) != len(along):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}"
        )
    along = [normal_dim(dim, input.ndim) for dim in along]
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    if 0 in input.shape:
        return input.clone()
    return carried(lambda x: _C_ops.roll(x, by, along), input, _ROLLED)


def flip(input: paddle.Tensor, *dims: Any) -> paddle.Tensor:
    """Reverse the order of elements along dims.

    Raises:
        RuntimeError: a dim is named twice.
        IndexError: there is no such dim.
    """
    given = dims[0] if len(dims) == 1 and isinstance(dims[0], list | tuple) else dims
    along = normal_dims(list(given), input.ndim)
    if not along or input.ndim == 0 or 0 in input.shape:
        return input.clone()
    return carried(lambda x: _C_ops.flip(x, along), input, _MOVED)


def fliplr(input: paddle.Tensor) -> paddle.Tensor:
    """Reverse dim 1 of a tensor of at least 2 dims."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input: paddle.Tensor) -> paddle.Tensor:
    """Reverse dim 0 of a tensor of at least 1 dim."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def rot90(input: paddle.Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> paddle.Tensor:
    """Turn by 90 degrees ``k`` times in the plane of two dims, from the first towards the second.

    Raises:
        RuntimeError: there are not two different dims.
        IndexError: there is no such dim.
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == input.ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    first, second = (normal_dim(dim, input.ndim) for dim in dims)
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return flip(input, first, second)
    order = list(range(input.ndim))
    order[first], order[second] = second, first
    if turns == 1:
        return flip(input, second).transpose(order)
    return flip(input.transpose(order), second)
