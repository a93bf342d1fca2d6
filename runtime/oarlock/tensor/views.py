"""Functions and methods that return views, which write through and carry gradients."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any, SupportsIndex

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import is_grad_enabled
from oarlock.errors import ArgumentTypeError
from oarlock.overloads import variadic
from oarlock.spellings import REQUIRED, respelled
from oarlock.tensor import dtypes
from oarlock.tensor.bits import seen_as
from oarlock.tensor.core import (
    Tensor,
    adopt,
    detached,
    like,
    plain,
    raw,
    shape_of,
    view_of,
    wrap,
)
from oarlock.tensor.dims import dim_of, dims_of, inferred, sizes_of, view_strides
from oarlock.tensor.dtypes import from_paddle
from oarlock.tensor.inplace import check_leaf
from oarlock.tensor.size import count

_at = paddle.Tensor.__getitem__
_is_contiguous = paddle.Tensor.is_contiguous
_MANY = (
    "Output {place} of {name} is a view and is being modified inplace. This view is the output of a "
    "function that returns multiple views. Such functions do not allow the output views to be "
    "modified inplace. You should replace the inplace operation by an out-of-place one."
)
_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location. Please clone() the tensor before performing the operation."
)


def _view(input: Any, replay: Any, p: Any = None, **options: Any) -> Any:
    if not isinstance(input, Tensor):
        return replay(input)
    return view_of(input, replay, p=p, **options)


def _records(input: Any) -> bool:
    return is_grad_enabled() and not input.stop_gradient


def _as(sizes: list[int]) -> Any:
    # Paddle's reshape takes a size of 0 for "as before".
    if 0 in sizes:
        return lambda x: _strided(x, sizes, [1] * len(sizes), x.offset)
    if sizes.count(1) == len(sizes):
        # Paddle's reshape copies what has no dimensions.
        ones = list(range(len(sizes)))
        return lambda x: _C_ops.reshape(x, sizes) if x.shape else _C_ops.unsqueeze(x, ones)
    return lambda x: _C_ops.reshape(x, sizes)


# Shapes


def view(self: Any, *size: Any, dtype: Any = None) -> Any:
    """View of another shape or dtype.

    Raises:
        RuntimeError: the strides do not allow a view of that shape; use reshape.
    """
    if dtype is not None or (len(size) == 1 and isinstance(size[0], dtypes.dtype)):
        return _view_dtype(self, dtype or size[0])
    p = plain(self)
    shape = p.shape
    sizes = inferred(sizes_of(size), prod(shape))
    if not p.is_contiguous() and view_strides(shape, p.strides, sizes) is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension "
            "spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return _view(self, _as(sizes), p=p)


def _view_dtype(self: Any, dtype: dtypes.dtype) -> Any:
    p = plain(self)
    ours = from_paddle[p.dtype]
    if dtype is ours:
        return _view(self, _same)
    if dtype.itemsize != ours.itemsize and not p.shape:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {ours} as {dtype} (different element sizes)"
        )
    if dtype.itemsize > ours.itemsize and p.shape[-1] * ours.itemsize % dtype.itemsize:
        ratio = dtype.itemsize // ours.itemsize
        raise RuntimeError(
            f"self.size(-1) must be divisible by {ratio} to view {ours} as {dtype} "
            f"(different element sizes), but got {p.shape[-1]}"
        )
    return _view(self, lambda x: seen_as(x, dtype.paddle))


def view_as(self: Any, other: Any) -> Any:
    """``self.view(other.size())``."""
    return view(self, *other.shape)


def reshape(input: Any, shape: Sequence[int]) -> Any:
    """The same elements in another shape: a view where the strides allow it, else a copy."""
    return reshape_method(input, shape)


def reshape_method(self: Any, *shape: Any) -> Any:
    """The same elements in another shape: a view where the strides allow it, else a copy."""
    p = raw(self) if isinstance(self, Tensor) else self
    before = shape_of(p)
    sizes = inferred(sizes_of(shape), prod(before))
    if not _is_contiguous(p) and view_strides(before, plain(p).strides, sizes) is None:
        return like(self, _as(sizes)(plain(p)))
    return _view(self, _as(sizes), p=p)


def reshape_as(self: Any, other: Any) -> Any:
    """``self.reshape(other.size())``."""
    return reshape(self, other.shape)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """One dimension in place of those from ``start_dim`` to ``end_dim``."""
    shape = list(plain(input).shape)
    first, last = dim_of(start_dim, len(shape)), dim_of(end_dim, len(shape))
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not shape:
        return reshape(input, (1,))
    if first == last:
        return input
    size = 1
    for length in shape[first : last + 1]:
        size *= length
    return reshape(input, [*shape[:first], size, *shape[last + 1 :]])


def ravel(input: Any) -> Any:
    """``input`` as one dimension."""
    return reshape(input, (-1,)) if count(plain(input)) else reshape(input, (0,))


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Several dimensions in place of one."""
    shape = list(plain(input).shape)
    place = dim_of(dim, len(shape))
    try:
        parts = inferred(sizes_of((sizes,)), shape[place])
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {place} "
            f"({shape[place]}) in the input tensor"
        ) from None
    return view(input, *shape[:place], *parts, *shape[place + 1 :])


def squeeze(input: Any, dim: Any = None, **numpy: Any) -> Any:
    """Without the dimensions of size 1, or without ``dim`` where its size is 1."""
    if numpy:
        (dim,) = respelled("torch.squeeze", numpy, dim=dim)
    shape = plain(input).shape
    dims = range(len(shape)) if dim is None else dims_of(dim, len(shape))
    ones = [place for place in dims if shape and shape[place] == 1]
    return _view(input, lambda x: _C_ops.squeeze(x, ones) if ones else _same(x))


def unsqueeze(input: Any, dim: int = REQUIRED, **numpy: int) -> Any:
    """With a dimension of size 1 at ``dim``."""
    if numpy or dim is REQUIRED:
        (dim,) = respelled("torch.unsqueeze", numpy, dim=dim)
    place = dim_of(dim, plain(input).ndim + 1)
    return _view(input, lambda x: _C_ops.unsqueeze(x, [place]))


def expand(self: Any, *size: Any, implicit: bool = False) -> Any:
    """Dimensions of size 1 repeated without copying; -1 keeps a size."""
    return _expand(self, sizes_of(size))


def _expand(self: Any, sizes: list[int]) -> Any:
    p = plain(self)
    shape, extra = list(p.shape), len(sizes) - p.ndim
    if extra < 0:
        raise RuntimeError(
            f"expand({_type_name(p)}{{{shape}}}, size={sizes}): the number of sizes provided "
            f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)})"
        )
    full = list(sizes)
    for place, size in enumerate(sizes):
        old = shape[place - extra] if place >= extra else None
        if size == -1 and old is None:
            raise RuntimeError(
                f"expand({_type_name(p)}{{{shape}}}, size={sizes}): the expanded size of the tensor "
                f"(-1) isn't allowed in a leading, non-existing dimension {place}"
            )
        full[place] = old if size == -1 and old is not None else size
        if old not in (None, 1, full[place]):
            raise RuntimeError(
                f"The expanded size of the tensor ({size}) must match the existing size ({old}) at "
                f"non-singleton dimension {place}.  Target sizes: {sizes}.  Tensor sizes: {shape}"
            )
    if full == shape:
        return _view(self, _same)
    if not isinstance(self, Tensor):
        return _C_ops.expand(self, full)
    padded, strides = [1] * extra + shape, [0] * extra + list(p.strides)
    steps = [
        0 if old != new else stride for old, new, stride in zip(padded, full, strides, strict=True)
    ]

    def replay(x: paddle.Tensor) -> paddle.Tensor:
        # The gradient of Paddle's stride-0 views keeps one of the repeats, so it copies there.
        if _records(x) or not count(x):
            return _C_ops.expand(x, full)
        return _strided(x, full, steps, x.offset)

    return view_of(self, replay, copied=_records(p), read_only=_OVERLAP if count(p) else None)


def _type_name(p: paddle.Tensor) -> str:
    from oarlock.tensor.conversion import type_name

    return type_name(p)


def expand_as(self: Any, other: Any) -> Any:
    """``self.expand(other.size())``."""
    return _expand(self, list(plain(other).shape))


def broadcast_to(input: Any, *sizes: Any, **named: Any) -> Any:
    """``input.expand(size)``."""
    size = variadic("torch.broadcast_to", "size", sizes, named)
    return _expand(input, sizes_of((size,)))


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one dimension; several, or a sequence of some, give a tuple."""
    return _each_atleast(tensors, 1)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two dimensions: (n,) becomes (1, n)."""
    return _each_atleast(tensors, 2)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three: (n,) becomes (1, n, 1), and (m, n) becomes (m, n, 1)."""
    return _each_atleast(tensors, 3)


def _each_atleast(tensors: tuple[Any, ...], dims: int) -> Any:
    if len(tensors) == 1:
        if isinstance(tensors[0], paddle.Tensor):
            return _atleast(tensors[0], dims)
        tensors = tensors[0]
    return tuple(_atleast(tensor, dims) for tensor in tensors)


def _atleast(tensor: Any, dims: int) -> Any:
    shape = list(plain(tensor).shape)
    if len(shape) >= dims:
        return tensor
    if not shape:
        return reshape(tensor, [1] * dims)
    if dims == 2:
        return reshape(tensor, [1, *shape])
    return reshape(tensor, [1, *shape, 1] if len(shape) == 1 else [*shape, 1])


# Orders of dimensions


def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """With two dimensions exchanged."""
    p = raw(input) if isinstance(input, Tensor) else input
    order = list(range(len(shape_of(p))))
    try:
        order[dim0], order[dim1] = order[dim1], order[dim0]
    except IndexError:
        # A tensor without dimensions has dimension 0 nevertheless.
        dim_of(dim0, len(order))
        dim_of(dim1, len(order))
    return _view(input, lambda x: _C_ops.transpose(x, order), p=p)


def permute(input: Any, dims: Sequence[int]) -> Any:
    """With its dimensions in another order."""
    ndim = plain(input).ndim
    given = sizes_of((dims,))
    if len(given) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length "
            f"of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to "
            f"len(dims) = {len(given)}"
        )
    order = [dim_of(dim, ndim) for dim in given]
    if len(set(order)) < len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _view(input, lambda x: _C_ops.transpose(x, order))


def permute_method(self: Any, *dims: Any) -> Any:
    """With its dimensions in another order."""
    return permute(self, sizes_of(dims))


def t(input: Any) -> Any:
    """The transpose of a matrix; fewer dimensions stay as they are."""
    ndim = plain(input).ndim
    if ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return transpose(input, 0, 1) if ndim == 2 else _view(input, _same)


def reversed_dims(self: Any) -> Any:
    """With its dimensions in reverse order: ``x.T``."""
    return permute(self, list(range(plain(self).ndim))[::-1])


def matrix_transpose(self: Any) -> Any:
    """With its last two dimensions exchanged: ``x.mT``.

    Raises:
        RuntimeError: there are fewer than two.
    """
    ndim = plain(self).ndim
    if ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {ndim}-D tensor."
        )
    return transpose(self, -2, -1)


def conjugate_transpose(self: Any) -> Any:
    """The conjugate of a matrix's transpose: ``x.H``."""
    ndim = plain(self).ndim
    if ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor."
        )
    return conj(transpose(self, 0, 1)) if ndim else conj(self)


def adjoint(input: Any) -> Any:
    """The conjugate of the matrices' transposes: ``x.mH``."""
    ndim = plain(input).ndim
    if ndim < 2:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. "
            f"Got {ndim}-D tensor."
        )
    return conj(transpose(input, -2, -1))


def conj(input: Any) -> Any:
    """The conjugates of complex numbers; a real tensor itself."""
    p = plain(input)
    return like(input, paddle.conj(p)) if from_paddle[p.dtype].is_complex else input


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """With some dimensions at other places, and the others in their order."""
    ndim = plain(input).ndim
    starts, ends = dims_of(source, ndim), dims_of(destination, ndim)
    if len(starts) != len(ends):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({len(starts)} dims) should contain the same number of dims as destination "
            f"({len(ends)} dims)"
        )
    rest = iter(place for place in range(ndim) if place not in starts)
    placed = dict(zip(ends, starts, strict=True))
    return permute(input, [placed[p] if p in placed else next(rest) for p in range(ndim)])


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """With two dimensions exchanged."""
    return transpose(input, axis0, axis1)


def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """With two dimensions exchanged."""
    return transpose(input, dim0, dim1)


# Parts


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` positions of ``dim``, from ``start`` on."""
    shape = plain(input).shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    place, first = dim_of(dim, len(shape)), index(start)
    size = shape[place]
    if not -size <= first <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {first})"
        )
    first += size if first < 0 else 0
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if first + length > size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return _slice(input, place, first, first + length)


def _slice(input: Any, place: int, start: int, end: int, **options: Any) -> Any:
    return _view(input, lambda x: _C_ops.slice(x, [place], [start], [end], [], []), **options)


def select(input: Any, dim: int, index: int) -> Any:
    """One position of ``dim``, without that dimension."""
    shape = plain(input).shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    place, at = dim_of(dim, len(shape)), int(index)
    size = shape[place]
    if not -size <= at < size:
        raise IndexError(
            f"select(): index {at} out of range for tensor of size {list(shape)} at dimension {place}"
        )
    at += size if at < 0 else 0
    return _view(input, lambda x: _C_ops.slice(x, [place], [at], [at + 1], [1], [place]))


def _pieces(input: Any, place: int, ends: list[int], name: str) -> tuple[Any, ...]:
    """Views between consecutive ends; with a gradient, one operation whose gradient is one too."""
    p = plain(input)
    starts = [0, *ends[:-1]]
    sizes = [max(end - start, 0) for start, end in zip(starts, ends, strict=True)]
    tensor = isinstance(input, Tensor)
    recorded = _records(p)
    if recorded and sum(sizes) == p.shape[place] and ends == sorted(ends) and all(sizes):
        parts = _C_ops.split(p, sizes, place)
        if not tensor:
            return tuple(parts)
        return tuple(
            view_of(
                input,
                _Ready(part, place, start, start + size),
                copied=True,
                unrecorded=_MANY.format(place=n, name=name),
            )
            for n, (part, start, size) in enumerate(zip(parts, starts, sizes, strict=True))
        )
    return tuple(
        _slice(
            input,
            place,
            start,
            start + size,
            **({"unrecorded": _MANY.format(place=n, name=name)} if recorded and tensor else {}),
        )
        for n, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )


class _Ready:
    """A replay whose first view was made together with its neighbours'."""

    def __init__(self, part: paddle.Tensor, place: int, start: int, end: int):
        self.part: paddle.Tensor | None = part
        self.bounds = ([place], [start], [end], [], [])

    def __call__(self, x: paddle.Tensor) -> paddle.Tensor:
        part, self.part = self.part, None
        return part if part is not None else _C_ops.slice(x, *self.bounds)


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of one size along ``dim``, the last one smaller, or of the sizes in a list."""
    shape = plain(tensor).shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    place = dim_of(dim, len(shape))
    size = shape[place]
    if isinstance(split_size_or_sections, list | tuple):
        return _split_sizes(tensor, sizes_of((split_size_or_sections,)), place, size)
    step = index(split_size_or_sections)
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
    if step == 0 and size:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}"
        )
    ends = [min(end, size) for end in range(step, size + step, step)] if size else [0]
    return _pieces(tensor, place, ends, "SplitBackward0")


def _split_sizes(tensor: Any, sizes: list[int], place: int, size: int) -> tuple[Any, ...]:
    if sum(sizes) != size or min(sizes, default=0) < 0:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
            f"dimension {place}), but got split_sizes={sizes}"
        )
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    return _pieces(tensor, place, ends, "SplitWithSizesBackward0")


def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Pieces of the given sizes along ``dim``."""
    return split(input, list(split_sizes), dim)


def split_method(self: Any, split_size: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of one size along ``dim``, the last one smaller, or of the sizes in a list."""
    return split(self, split_size, dim)


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most ``chunks`` pieces of one size along ``dim``, the last one smaller."""
    shape = plain(input).shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    place = dim_of(dim, len(shape))
    size = shape[place]
    if size == 0:
        return _pieces(input, place, [0] * chunks, "SplitBackward0")
    return split(input, -(-size // chunks), place)


def tensor_split(
    input: Any, indices_or_sections: Any = REQUIRED, dim: int = 0, **named: Any
) -> tuple[Any, ...]:
    """Pieces between the given indices of ``dim``, or so many of nearly equal size.

    Args:
        input: the tensor.
        indices_or_sections: a number of pieces, or indices; a tensor may hold either.
        dim: the dimension to split.
        **named: ``sections``, ``indices`` or ``tensor_indices_or_sections``, where it is given by name;
            ``axis`` for ``dim``.
    """
    dim = named.pop("axis", dim)
    given = _cuts("torch.tensor_split", indices_or_sections, named)
    shape = plain(input).shape
    if not shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    place = dim_of(dim, len(shape))
    size = shape[place]
    if isinstance(given, paddle.Tensor):
        given = plain(given).tolist()
    if isinstance(given, SupportsIndex):
        given = index(given)
        if given <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {given}")
        least, more = divmod(size, given)
        sizes = [least + (n < more) for n in range(given)]
        bounds = [(sum(sizes[:n]), sum(sizes[: n + 1])) for n in range(given)]
    else:
        cuts = [min(max(cut + size if cut < 0 else cut, 0), size) for cut in map(index, given)]
        bounds = list(zip([0, *cuts], [*cuts, size], strict=True))
    return tuple(_slice(input, place, start, max(start, end)) for start, end in bounds)


def hsplit(input: Any, *indices_or_sections: Any, **named: Any) -> tuple[Any, ...]:
    """tensor_split by columns: the second dimension, or the only one."""
    given = _cuts("torch.hsplit", _one_of(indices_or_sections), named)
    ndim = plain(input).ndim
    if ndim < 1:
        raise RuntimeError(
            "torch.hsplit requires a tensor with at least 1 dimension, but got a tensor with 0 "
            "dimensions!"
        )
    return _even_split(input, given, 0 if ndim == 1 else 1, "hsplit")


def vsplit(input: Any, *indices_or_sections: Any, **named: Any) -> tuple[Any, ...]:
    """tensor_split by rows: the first dimension of at least two."""
    given = _cuts("torch.vsplit", _one_of(indices_or_sections), named)
    ndim = plain(input).ndim
    if ndim < 2:
        raise RuntimeError(
            f"torch.vsplit requires a tensor with at least 2 dimension, but got a tensor with {ndim} "
            "dimensions!"
        )
    return _even_split(input, given, 0, "vsplit")


def dsplit(input: Any, *indices_or_sections: Any, **named: Any) -> tuple[Any, ...]:
    """tensor_split by depth: the third dimension."""
    given = _cuts("torch.dsplit", _one_of(indices_or_sections), named)
    ndim = plain(input).ndim
    if ndim < 3:
        raise RuntimeError(
            f"torch.dsplit requires a tensor with at least 3 dimension, but got a tensor with {ndim} "
            "dimensions!"
        )
    return _even_split(input, given, 2, "dsplit")


def _one_of(given: tuple[Any, ...]) -> Any:
    """What was passed one by one: nothing, a single value, or indices."""
    if not given:
        return REQUIRED
    return given[0] if len(given) == 1 else given


def _cuts(api: str, given: Any, named: dict[str, Any]) -> Any:
    """Indices or a number of sections, by position or under one of torch's names."""
    if not named and given is not REQUIRED:
        return given
    if given is not REQUIRED or len(named) != 1 or named.keys() - _CUTS:
        words = ", ".join(map(repr, named)) or "nothing"
        raise ArgumentTypeError(api=api, given=words, accepted="sections or indices, once")
    return next(iter(named.values()))


_CUTS = {"sections", "indices", "tensor_indices_or_sections"}


def _even_split(input: Any, given: Any, place: int, name: str) -> tuple[Any, ...]:
    size = plain(input).shape[place]
    if isinstance(given, int | np.integer) and (given <= 0 or size % given):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {place}, but the size of the dimension "
            f"{size} is not divisible by the split_size {given}!"
        )
    return tensor_split(input, given, place)


def unbind(input: Any, dim: int = 0, **numpy: int) -> tuple[Any, ...]:
    """Each position of ``dim``, without that dimension."""
    if numpy:
        (dim,) = respelled("torch.unbind", numpy, dim=dim)
    p = plain(input)
    if not p.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    place = dim_of(dim, p.ndim)
    if not isinstance(input, Tensor):
        return tuple(_C_ops.unbind(p, place)) if p.shape[place] else ()
    recorded = _records(p)
    if not p.shape[place]:
        return ()
    parts = _C_ops.unbind(p, place)
    return tuple(
        view_of(
            input,
            _ReadyRow(part, place, n),
            unrecorded=_MANY.format(place=n, name="UnbindBackward0") if recorded else None,
        )
        for n, part in enumerate(parts)
    )


class _ReadyRow(_Ready):
    """The same for one position of a dimension, which goes."""

    def __init__(self, part: paddle.Tensor, place: int, at: int):
        super().__init__(part, place, at, at + 1)
        self.bounds = ([place], [at], [at + 1], [1], [place])


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonals of the matrices that two dimensions make, as the last dimension."""
    ndim = plain(input).ndim
    first, second = dim_of(dim1, ndim), dim_of(dim2, ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return _view(input, lambda x: _C_ops.diagonal(x, offset, first, second))


def unfold(self: Any, dimension: int, size: int, step: int) -> Any:
    """Windows of ``size`` along a dimension, ``step`` apart, as a new last dimension."""
    p = plain(self)
    place = dim_of(dimension, p.ndim)
    length = p.shape[place] if p.ndim else 1
    if size > length:
        raise RuntimeError(
            f"maximum size for tensor at dimension {place} is {length} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not p.ndim:
        return _view(self, lambda x: _C_ops.reshape(x, [1]))
    options: dict[str, Any] = {}
    if isinstance(self, Tensor):
        options = {"read_only": _OVERLAP if step < size else None, "copied": _records(p)}

    def windows(x: paddle.Tensor) -> paddle.Tensor:
        shape, strides = list(x.shape), list(x.strides)
        sizes = [*shape[:place], (length - size) // step + 1, *shape[place + 1 :], size]
        steps = [*strides[:place], strides[place] * step, *strides[place + 1 :], strides[place]]
        return _strided(x, sizes, steps, x.offset)

    return _view(self, lambda x: _gathered(x, windows), **options)


def _gathered(x: paddle.Tensor, strided: Any) -> paddle.Tensor:
    """The strided view of ``x``; a copy with the same elements where a gradient is recorded.

    The gradient of Paddle's strided views keeps one of the elements that share memory, and is an
    error once the tensor was written to.
    """
    if not _records(x):
        return strided(x)
    positions = strided(_C_ops.reshape(paddle.arange(count(x)), x.shape))
    flat = _C_ops.index_select(_C_ops.reshape(x, [-1]), _C_ops.reshape(positions, [-1]), 0)
    return _C_ops.reshape(flat, positions.shape)


def as_strided(
    input: Any, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Any:
    """A view of the storage with any sizes and strides, in elements.

    Raises:
        RuntimeError: it would reach beyond the storage.
        UnsupportedError: a gradient is recorded and the memory is not the tensor's own.
    """
    from oarlock.errors import UnsupportedError

    p = plain(input)
    sizes, steps = sizes_of((size,)), sizes_of((stride,))
    if len(sizes) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    start = None if storage_offset is None else storage_offset * p.element_size()
    reach = sum((n - 1) * step for n, step in zip(sizes, steps, strict=True)) + 1
    last = (p.offset if start is None else start) + reach * p.element_size()
    if 0 not in sizes and last > p._holder_size():
        raise RuntimeError(
            f"setStorage: sizes {sizes}, strides {steps} are out of bounds for storage of size "
            f"{p._holder_size()}"
        )
    overlap = _overlaps(sizes, steps)
    whole = p if not isinstance(input, Tensor) or input._view is None else plain(input._view.base)
    recorded = _records(p)
    if recorded and not (whole.is_contiguous() and whole.offset == 0):
        raise UnsupportedError(
            api="torch.as_strided",
            parameter="input",
            given="a part of another tensor's memory, which requires a gradient",
            reason="Paddle's gradient of strided views is incomplete",
            advice="Clone the tensor first, or use narrow, expand or unfold",
        )
    options: dict[str, Any] = {}
    if isinstance(input, Tensor):
        options = {"read_only": _OVERLAP if overlap else None, "copied": recorded}

    def strided(x: paddle.Tensor) -> paddle.Tensor:
        # The element size is that of x, which may be a tensor of positions.
        offset = x.offset if storage_offset is None else storage_offset * x.element_size()
        return _strided(x, sizes, steps, offset)

    return _view(input, lambda x: _gathered(x, strided), **options)


def _overlaps(sizes: list[int], steps: list[int]) -> bool:
    reach = 0
    for step, size in sorted(zip(steps, sizes, strict=True)):
        if size > 1:
            if step <= reach:
                return True
            reach += step * (size - 1)
    return False


def _strided(x: paddle.Tensor, sizes: list[int], steps: list[int], offset: int) -> paddle.Tensor:
    return _C_ops.as_strided(x, sizes, steps, offset)


def _same(x: paddle.Tensor) -> paddle.Tensor:
    return _at(x, Ellipsis)


# The whole


def alias(input: Any) -> Any:
    """All of it."""
    return _view(input, _same)


def detach(input: Any) -> Any:
    """The same storage without history."""
    return like(input, detached(input))


def detach_(input: Any) -> Any:
    """Forget the history, in place.

    Raises:
        RuntimeError: it is a view, whose base would keep it.
    """
    if isinstance(input, Tensor) and input._view is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, "
            "gradients are views of DDP buckets, and hence detach_() cannot be called on these "
            "gradients."
        )
    input.stop_gradient = True
    return adopt(input, plain(input).detach()) if isinstance(input, Tensor) else input


# The same tensor seen anew, in place


def _seen_as(input: Any, function: Any, *args: Any) -> Any:
    """Make a tensor the view that ``function`` takes of it.

    Raises:
        RuntimeError: it is a leaf that requires a gradient.
    """
    check_leaf(plain(input))
    if not isinstance(input, Tensor):
        return adopt(input, function(input, *args))
    above = wrap(plain(input))
    above._view = input._view
    seen = function(above, *args)
    adopt(input, plain(seen))
    input._view = seen._view
    return input


def squeeze_(self: Any, dim: Any = None) -> Any:
    """squeeze, in place."""
    return _seen_as(self, squeeze, dim)


def unsqueeze_(self: Any, dim: int) -> Any:
    """unsqueeze, in place."""
    return _seen_as(self, unsqueeze, dim)


def transpose_(self: Any, dim0: int, dim1: int) -> Any:
    """transpose, in place."""
    return _seen_as(self, transpose, dim0, dim1)


def swapaxes_(self: Any, axis0: int, axis1: int) -> Any:
    """swapaxes, in place."""
    return _seen_as(self, transpose, axis0, axis1)


def swapdims_(self: Any, dim0: int, dim1: int) -> Any:
    """swapdims, in place."""
    return _seen_as(self, transpose, dim0, dim1)


def t_(self: Any) -> Any:
    """t, in place."""
    return _seen_as(self, t)


# Parts of complex numbers


def real(input: Any) -> Any:
    """The real parts; of a real tensor, the tensor itself."""
    return _part(input, paddle.real, "real")


def imag(input: Any) -> Any:
    """The imaginary parts of a complex tensor.

    Raises:
        RuntimeError: the tensor is real.
    """
    if not from_paddle[plain(input).dtype].is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return _part(input, paddle.imag, "imag")


def view_as_real(input: Any) -> Any:
    """A complex tensor as pairs of real and imaginary parts, the last dimension."""
    if not from_paddle[plain(input).dtype].is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _part(input, paddle.as_real, "view_as_real")


def view_as_complex(input: Any) -> Any:
    """Pairs along the last dimension as a complex tensor."""
    p = plain(input)
    if not from_paddle[p.dtype].is_floating_point:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor "
            f"of scalar type: {from_paddle[p.dtype]}"
        )
    if not p.ndim or p.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    return _part(input, paddle.as_complex, "view_as_complex")


def _part(input: Any, function: Any, name: str) -> Any:
    """What is a view in torch and a copy in Paddle: made anew when its base changes, never written."""
    if name == "real" and not from_paddle[plain(input).dtype].is_complex:
        return input
    if not isinstance(input, Tensor):
        return function(input)
    message = (
        f"torch.{name} is a copy on Paddle, so writing to it can't reach the tensor it was taken "
        "from; build a complex tensor with torch.complex instead"
    )
    return view_of(input, function, copied=True, read_only=message)
