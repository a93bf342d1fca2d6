"""What a Tensor tells of itself: sizes, strides, dtype facts, where it lies."""

from __future__ import annotations

from math import prod
from typing import Any

import paddle

from oarlock.tensor.core import Tensor, plain, shape_of
from oarlock.tensor.dims import dim_of
from oarlock.tensor.dtypes import from_paddle
from oarlock.tensor.layouts import contiguous_format, strided
from oarlock.tensor.size import count
from oarlock.tensor.size import of as size_of


def size(self: Any, dim: int | None = None) -> Any:
    """torch.Size, or the length of one dimension."""
    shape = shape_of(self)
    if dim is None:
        return size_of(shape)
    if not shape:
        dim_of(dim, 0)
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return shape[dim_of(dim, len(shape))]


def stride(self: Any, dim: int | None = None) -> Any:
    """Steps in memory, in elements: a tuple, or that of one dimension."""
    strides = tuple(plain(self).strides)
    return strides if dim is None else strides[dim_of(dim, len(strides))]


def numel(self: Any) -> int:
    """The number of elements."""
    return prod(shape_of(self))


def dim(self: Any) -> int:
    """The number of dimensions."""
    return len(shape_of(self))


def element_size(self: Any) -> int:
    """Bytes of one element."""
    return plain(self).element_size()


def nbytes(self: Any) -> int:
    """Bytes of all elements."""
    p = plain(self)
    return p.element_size() * count(p)


def storage_offset(self: Any) -> int:
    """Where the tensor starts in its storage, in elements."""
    p = plain(self)
    return p.offset // p.element_size()


def data_ptr(self: Any) -> int:
    """The address of the first element."""
    p = plain(self)
    return p.data_ptr() if count(p) else 0


def is_contiguous(self: Any, memory_format: Any = contiguous_format) -> bool:
    """Whether it lies in memory in one run, row by row."""
    p = plain(self)
    if memory_format is contiguous_format:
        return p.is_contiguous()
    order = {4: [0, 2, 3, 1], 5: [0, 2, 3, 4, 1]}.get(p.ndim)
    return order is not None and p.transpose(order).is_contiguous()


def is_floating_point(input: Any) -> bool:
    """Whether its dtype is a floating-point one."""
    return from_paddle[plain(input).dtype].is_floating_point


def is_complex(input: Any) -> bool:
    """Whether its dtype is complex."""
    return from_paddle[plain(input).dtype].is_complex


def is_signed(self: Any) -> bool:
    """Whether its dtype has negative values."""
    return from_paddle[plain(self).dtype].is_signed


def is_nonzero(input: Any) -> bool:
    """Whether its one element is not zero.

    Raises:
        RuntimeError: it has none or several.
    """
    p = plain(input)
    if count(p) != 1:
        raise RuntimeError(
            "Boolean value of Tensor with no values is ambiguous"
            if not count(p)
            else "Boolean value of Tensor with more than one value is ambiguous"
        )
    return bool(p.item())


def is_same_size(input: Any, other: Any) -> bool:
    """Whether two tensors have one shape."""
    return plain(input).shape == plain(other).shape


def is_set_to(self: Any, tensor: Any) -> bool:
    """Whether two tensors are the same view of the same storage."""
    a, b = plain(self), plain(tensor)
    return a.data_ptr() == b.data_ptr() and a.shape == b.shape and a.strides == b.strides


def is_cuda(self: Any) -> bool:
    """Whether it lies on a GPU."""
    return plain(self).place.is_gpu_place()


def is_cpu(self: Any) -> bool:
    """Whether it lies in the CPU's memory."""
    return not plain(self).place.is_gpu_place()


def is_not(self: Any) -> bool:
    """False: of the kinds of tensor that Paddle has none of, sparse or quantized for example."""
    return False


def layout(self: Any) -> Any:
    """``torch.strided``."""
    return strided


def itemsize(self: Any) -> int:
    """Bytes of one element."""
    return plain(self).element_size()


def version(self: Any) -> int:
    """How often its storage was written to: ``_version``."""
    return self.inplace_version


def base(self: Any) -> Any:
    """The tensor it is a view of, or None: ``_base``."""
    view = self._view
    return None if view is None else view.base


def is_view(self: Any) -> bool:
    """Whether it is a view of another tensor."""
    return self._view is not None


def is_tensor(obj: Any) -> bool:
    """Whether an object is a torch.Tensor."""
    return isinstance(obj, Tensor)


def is_pinned(self: Any, device: Any = None) -> bool:
    """Whether it lies in page-locked memory."""
    return plain(self).place.is_cuda_pinned_place()


def has_names(self: Any) -> bool:
    """False: Paddle's dimensions have no names."""
    return False


def names(self: Any) -> tuple[None, ...]:
    """As many None as there are dimensions, since none has a name."""
    return (None,) * plain(self).ndim


def dense_dim(self: Any) -> int:
    """The number of dimensions, all of them dense."""
    return len(shape_of(self))


def untyped_storage(self: Any) -> Any:
    """The memory that the tensor and its views share."""
    return Storage(plain(self))


class Storage:
    """The memory behind a tensor, to be asked for its address and size.

    Args:
        p: a plain tensor that lies in it.
    """

    def __init__(self, p: paddle.Tensor):
        self._p = p

    def data_ptr(self) -> int:
        """The address of its first byte."""
        return self._p.data_ptr() - self._p.offset

    def nbytes(self) -> int:
        """Its bytes."""
        return self._p._holder_size()

    size = nbytes

    def __len__(self) -> int:
        return self.nbytes()
