"""Tensors that get another storage in place: set_, resize_ and resize_as_."""

from __future__ import annotations

from math import prod
from typing import Any

import paddle

from oarlock.errors import UnsupportedError
from oarlock.tensor.core import Tensor, plain, wrap
from oarlock.tensor.dims import sizes_of


def set_(
    self: Any, source: Any = None, storage_offset: Any = 0, size: Any = None, stride: Any = None
) -> Any:
    """Take the storage, shape and strides of ``source``, or nothing of either, and return ``self``.

    Args:
        self: a tensor that is no view.
        source: of the same dtype; an empty tensor where left out.
        storage_offset: refused beyond 0.
        size: refused.
        stride: refused.

    Raises:
        RuntimeError: the dtypes differ.
        UnsupportedError: ``self`` is a view, or a storage is given with its layout.
    """
    if size is not None or stride is not None or storage_offset:
        raise UnsupportedError(
            api="torch.Tensor.set_",
            parameter="size",
            given="a layout of its own",
            reason="Oarlock's storages hold the bytes of one tensor",
            advice="Give a tensor with that layout, from torch.as_strided for example",
        )
    if source is None:
        source = wrap(paddle.empty([0], plain(self).dtype))
    if not isinstance(source, paddle.Tensor):
        raise UnsupportedError(
            api="torch.Tensor.set_",
            parameter="source",
            given=f"a {type(source).__name__}",
            reason="Oarlock's storages hold the bytes of one tensor",
            advice="Give the tensor",
        )
    if source.dtype is not self.dtype:
        raise RuntimeError(
            f"Could not set tensor of type {_scalar(source)} to a tensor of type {_scalar(self)}"
        )
    _check_view(self, "set_")
    self.data = source
    return self


def resize_(self: Any, *sizes: Any, memory_format: Any = None) -> Any:
    """Change the shape in place: elements are dropped at the end, or unspecified ones added there.

    Args:
        self: a tensor that is no view.
        *sizes: the new shape.
        memory_format: accepted: tensors are contiguous.

    Raises:
        RuntimeError: the tensor requires a gradient, or a size is negative.
        UnsupportedError: it is a view.
    """
    shape = sizes_of(sizes)
    if any(size < 0 for size in shape):
        raise RuntimeError("numel: integer multiplication overflow")
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    _check_view(self, "resize_")
    before = plain(self).detach()
    count = prod(shape)
    if list(before.shape) == shape:
        return self
    flat = before.contiguous().reshape([-1])
    if count > flat.shape[0]:
        made = paddle.empty([count], flat.dtype)
        made = made if made.place == flat.place else made.to(flat.place)
        made[: flat.shape[0]] = flat
        flat = made
    self.data = wrap(flat)[:count].view(shape)
    return self


def resize_as_(self: Any, the_template: Any, *, memory_format: Any = None) -> Any:
    """`resize_` to the shape of another tensor."""
    return resize_(self, the_template.shape, memory_format=memory_format)


def _check_view(tensor: Any, name: str) -> None:
    if isinstance(tensor, Tensor) and tensor._view is not None:
        raise UnsupportedError(
            api=f"torch.Tensor.{name}",
            parameter="self",
            given="a view",
            reason="its storage belongs to the tensor that it is a view of",
            advice="Call clone() first",
        )


def _scalar(tensor: Any) -> str:
    from oarlock.tensor.inplace import _scalar_type

    return _scalar_type(tensor.dtype).lower()
