"""torch's indexing: the basic part as strided steps, the advanced part by index tensors and masks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from operator import index as as_int
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.ops.carrying import filled_like, places_up_to
from oarlock.ops.fitting import fitting
from oarlock.ops.gathering import masked_select, picked
from oarlock.ops.repeating import spread

# One step for each dim of the basic result or dim taken away, from the front: an int selects, a tuple
# (start, size, step) keeps, None is a new dim of size 1.
Step = int | tuple[int, int, int] | None
# A dim of the basic result, and the int64 indices or the mask applied from it on.
Advanced = tuple[int, paddle.Tensor]

_SLICE = "slice() cannot be applied to a 0-dim tensor."


def basic_index(index: Any, shape: Sequence[int]) -> list[Step] | None:
    """Return the steps of an index of ints, slices, None and Ellipsis only; None for any other.

    Args:
        index: what stands between the brackets.
        shape: that of the tensor indexed.

    Returns:
        Steps from the front: an int (counted from the front) selects from the next dim and takes it away,
        ``(start, size, step)`` keeps ``size`` elements of it, None adds a dim of size 1. Every dim has a step,
        so the view's shape, strides and offset follow from the steps and the strides alone.

    Raises:
        IndexError: out of range, or too many indices.
        ValueError: a slice's step is not positive.
    """
    kind = type(index)
    if kind is int:
        if not shape:
            raise IndexError(_NO_DIMS)
        return [_selected(index, 0, shape[0]), *((0, size, 1) for size in shape[1:])]
    if kind is slice:
        if not shape:
            raise IndexError(_SLICE)
        return [_kept(index, shape[0]), *((0, size, 1) for size in shape[1:])]
    if kind is not tuple:
        if index is None:
            return [None, *((0, size, 1) for size in shape)]
        if index is Ellipsis:
            return [(0, size, 1) for size in shape]
        return None
    steps: list[Step] = []
    dim, rank = 0, len(shape)
    for place, item in enumerate(index):
        kind = type(item)
        if kind is slice:
            if dim >= rank:
                raise _too_many(rank) if rank else IndexError(_SLICE)
            steps.append(_kept(item, shape[dim]))
            dim += 1
        elif kind is int:
            if dim >= rank:
                raise _too_many(rank)
            steps.append(_selected(item, dim, shape[dim]))
            dim += 1
        elif item is None:
            steps.append(None)
        elif item is Ellipsis:
            rest = index[place + 1 :]
            if any(type(other) not in _BASIC for other in rest):
                return None
            skipped = rank - dim - sum(o is not None and o is not Ellipsis for o in rest)
            for _ in range(skipped):
                steps.append((0, shape[dim], 1))
                dim += 1
        else:
            return None
    steps += [(0, size, 1) for size in shape[dim:]]
    return steps


_BASIC = frozenset({int, slice, type(None), type(Ellipsis)})
_NO_DIMS = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
    "to convert a 0-dim tensor to a number"
)


def _too_many(rank: int) -> IndexError:
    return IndexError(f"too many indices for tensor of dimension {rank}" if rank else _NO_DIMS)


def _selected(item: int, dim: int, size: int) -> int:
    if -size <= item < size:
        return item + size if item < 0 else item
    raise IndexError(f"index {item} is out of bounds for dimension {dim} with size {size}")


def _kept(item: slice, size: int) -> tuple[int, int, int]:
    start, stop, step = item.indices(size)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    return start, max((stop - start + step - 1) // step, 0), step


def parse(index: Any, x: paddle.Tensor) -> tuple[list[Step], list[Advanced]]:
    """Split an index into the steps of a view and the advanced indices applied to that view.

    As torch does and numpy does not, ints select first, so that they take no part in where the dims
    of the advanced indices go.

    Args:
        index: ints, slices, None, Ellipsis, booleans, tensors, lists, ranges and numpy arrays, or a tuple of these.
        x: the tensor indexed.

    Returns:
        The steps, as from basic_index; and pairs of a dim of that view and a tensor: int64 indices along the
        dim, or a mask over as many dims as it has, the first being that dim. A boolean that is alone
        adds a dim of size 1 and the index [0] or [].

    Raises:
        IndexError: out of range, too many indices, a mask of another shape, or an index of another type.
        ValueError: a slice's step is not positive.
    """
    shape = x.shape
    steps = basic_index(index, shape)
    if steps is not None:
        return steps, []
    items = [_item(item, x) for item in _as_tuple(index)]
    rank, used = len(shape), sum(_dims_taken(item) for item in items)
    if used > rank:
        raise _too_many(rank)
    steps, advanced = [], []
    dim = 0
    for place, item in enumerate(items):
        at = sum(type(step) is not int for step in steps)
        if item is None:
            steps.append(None)
        elif item is Ellipsis:
            rest = sum(_dims_taken(other) for other in items[place + 1 :])
            for _ in range(rank - dim - rest):
                steps.append((0, shape[dim], 1))
                dim += 1
        elif type(item) is bool:
            steps.append(None)
            line = places_up_to(1 if item else 0, x)
            advanced.append((at, line))
        elif type(item) is int:
            steps.append(_selected(item, dim, shape[dim]))
            dim += 1
        elif type(item) is slice:
            steps.append(_kept(item, shape[dim]))
            dim += 1
        else:
            taken = _dims_taken(item)
            own = list(shape[dim : dim + taken])
            if item.dtype is paddle.bool and list(item.shape) != own:
                raise IndexError(
                    f"The shape of the mask {list(item.shape)} at index {_differing(item.shape, own)} does not "
                    f"match the shape of the indexed tensor {list(shape)} at index "
                    f"{dim + _differing(item.shape, own)}"
                )
            advanced.append((at, item))
            steps += [(0, size, 1) for size in own]
            dim += taken
    steps += [(0, size, 1) for size in shape[dim:]]
    return steps, advanced


def _differing(first: Sequence[int], second: Sequence[int]) -> int:
    return next(place for place, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)


def _as_tuple(index: Any) -> tuple[Any, ...]:
    """The items of an index; a list that holds sequences, slices or None counts as a tuple, as in torch."""
    if isinstance(index, tuple):
        return index
    if not isinstance(index, list | range | np.ndarray) or not _sized(index) or len(index) >= 32:
        return (index,)
    items = list(index)
    nested = any(
        item is None
        or item is Ellipsis
        or isinstance(item, slice | paddle.Tensor | list | tuple | range | np.ndarray)
        for item in items
    )
    if not nested:
        return (index,)
    warnings.warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated; "
        "use x[tuple(seq)] instead of x[seq].",
        UserWarning,
        stacklevel=4,
    )
    return tuple(items)


def _sized(index: Any) -> bool:
    return not isinstance(index, np.ndarray) or index.ndim > 0


def _item(item: Any, x: paddle.Tensor) -> Any:
    """One item as an int, bool, slice, None, Ellipsis, int64 tensor or bool tensor."""
    if item is None or item is Ellipsis or type(item) in (int, bool, slice):
        return item
    if isinstance(item, paddle.Tensor):
        return _index_tensor(item)
    if isinstance(item, np.ndarray) and item.ndim == 0 and item.dtype.kind in "iu":
        return int(item)
    if isinstance(item, list | tuple | range | np.ndarray):
        return _listed(item, x)
    if not isinstance(item, np.bool_):
        try:
            return as_int(item)
        except TypeError:
            pass
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {type(item).__name__})"
    )


def _index_tensor(item: paddle.Tensor) -> Any:
    dtype = item.dtype
    if dtype is paddle.uint8:
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
            UserWarning,
            stacklevel=5,
        )
        item, dtype = item.cast(paddle.bool), paddle.bool
    if dtype is paddle.int64:
        return item if item.ndim else int(item)
    if dtype is paddle.bool:
        return item if item.ndim else bool(item)
    if dtype is paddle.int32:
        return item.cast(paddle.int64) if item.ndim else int(item)
    raise IndexError("tensors used as indices must be long, int, byte or bool tensors")


def _listed(item: Any, x: paddle.Tensor) -> paddle.Tensor:
    values = np.asarray(_without_tensors(item))
    if 0 in values.shape and not isinstance(item, np.ndarray):
        values = values.astype(np.int64)
    if values.dtype.kind == "f" and not isinstance(item, np.ndarray):
        values = values.astype(np.int64)
    if values.dtype == np.uint8:
        return _index_tensor(paddle.to_tensor(values, place=x.place))
    if values.dtype.kind not in "iub":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    if values.dtype.kind != "b":
        values = values.astype(np.int64)
    return paddle.to_tensor(values, place=x.place)


def _without_tensors(item: Any) -> Any:
    if isinstance(item, paddle.Tensor):
        return item.numpy()
    if isinstance(item, list | tuple):
        return [_without_tensors(part) for part in item]
    return item


def _dims_taken(item: Any) -> int:
    if isinstance(item, paddle.Tensor):
        return item.ndim if item.dtype is paddle.bool else 1
    return 0 if item is None or item is Ellipsis or type(item) is bool else 1


def stepped(x: paddle.Tensor, steps: Sequence[Step]) -> paddle.Tensor:
    """Return the part of ``x`` that steps take, by Paddle's slicing."""
    if list(steps) == [(0, size, 1) for size in x.shape]:
        return x
    part = x[_paddle_index([step for step in steps if step is not None])] if x.ndim else x
    new = [at for at, step in enumerate(s for s in steps if type(s) is not int) if step is None]
    # Paddle's own slicing puts new dims elsewhere where ints stand before them.
    return part.unsqueeze(new) if new else part


def _paddle_index(steps: Sequence[Step]) -> tuple[Any, ...]:
    return tuple(
        slice(step[0], step[0] + (step[1] - 1) * step[2] + 1 if step[1] else step[0], step[2])
        if type(step) is tuple
        else step
        for step in steps
    )


def getitem(x: paddle.Tensor, index: Any) -> paddle.Tensor:
    """Return ``x[index]`` as torch does; a view where Paddle's slicing makes one, otherwise a copy.

    Raises:
        IndexError: as parse does, or an index tensor is out of range.
        ValueError: a slice's step is not positive.
    """
    if isinstance(index, paddle.Tensor) and index.ndim and x.ndim:
        if index.dtype is paddle.int64:
            return pick(x, [(0, index)])
        if index.dtype is paddle.bool and index.shape == x.shape:
            return _C_ops.masked_select(x, index)
    steps, advanced = parse(index, x)
    part = stepped(x, steps)
    return pick(part, advanced) if advanced else part


def pick(x: paddle.Tensor, advanced: Sequence[Advanced]) -> paddle.Tensor:
    """Apply advanced indices, as from parse, to the view that its steps took.

    Their dims stand where the indices stand if those are next to each other, otherwise in front.

    Raises:
        IndexError: an index is out of range, or the indices do not broadcast.
    """
    if len(advanced) == 1:
        dim, index = advanced[0]
        if index.dtype is paddle.bool:
            if index.ndim == x.ndim:
                return masked_select(x, index)
            x, index = _merged(x, dim, index)
        if index.ndim == 1:
            return picked(x, index, dim)
        shape = x.shape
        flat = picked(x, index.reshape([-1]), dim)
        return flat.reshape([*shape[:dim], *index.shape, *shape[dim + 1 :]])
    dims, indices = _one_a_dim(advanced)
    shape = list(x.shape)
    together = dims[-1] - dims[0] == len(dims) - 1
    rest = [d for d in range(x.ndim) if d not in dims]
    first = dims[0] if together else 0
    if not together:
        x = x.transpose([*dims, *rest])
    sizes = [shape[d] for d in dims]
    indices = _broadcast(indices)
    places = _from_front(indices[0], sizes[0], dims[0])
    for index, size, dim in zip(indices[1:], sizes[1:], dims[1:], strict=True):
        places = places * size + _from_front(index, size, dim)
    before, after = [shape[d] for d in rest[:first]], [shape[d] for d in rest[first:]]
    lines = x.reshape([*before, int(np.prod(sizes)), *after])
    return picked(lines, places.reshape([-1]), first).reshape([*before, *places.shape, *after])


def _merged(x: paddle.Tensor, dim: int, mask: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """A mask's dims made one, and the places in it where the mask is true."""
    line = paddle.nonzero(mask.reshape([-1])).reshape([-1]) if mask.size else None
    if line is None:
        line = paddle.empty([0], "int64")
    if mask.ndim == 1:
        return x, line
    shape = x.shape
    return x.reshape([*shape[:dim], mask.size, *shape[dim + mask.ndim :]]), line


def _one_a_dim(advanced: Sequence[Advanced]) -> tuple[list[int], list[paddle.Tensor]]:
    """Masks replaced by the indices of their true elements, one vector for each dim."""
    dims: list[int] = []
    indices: list[paddle.Tensor] = []
    for dim, index in advanced:
        if index.dtype is paddle.bool:
            columns = (
                paddle.nonzero(index) if index.size else paddle.empty([0, index.ndim], "int64")
            )
            dims += range(dim, dim + index.ndim)
            indices += [columns[:, d] for d in range(index.ndim)]
        else:
            dims.append(dim)
            indices.append(index)
    return dims, indices


def _broadcast(indices: Sequence[paddle.Tensor]) -> list[paddle.Tensor]:
    shapes = [list(index.shape) for index in indices]
    if all(shape == shapes[0] for shape in shapes):
        return list(indices)
    try:
        shape = list(np.broadcast_shapes(*(tuple(shape) for shape in shapes)))
    except ValueError:
        listed = ", ".join(str(shape) for shape in shapes)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {listed}"
        ) from None
    return [spread(index, shape) for index in indices]


def _from_front(index: paddle.Tensor, size: int, dim: int) -> paddle.Tensor:
    """Indices counted from the front; on the CPU those out of range raise IndexError."""
    if index.place.is_cpu_place():
        if 0 in index.shape:
            return index
        values = index.numpy()
        least, most = int(values.min()), int(values.max())
        if least < -size or most >= size:
            raise IndexError(
                f"index {most if most >= size else least} is out of bounds for dimension {dim} with size {size}"
            )
        if least >= 0:
            return index
    return paddle.where(index < 0, index + size, index)


def setitem(x: paddle.Tensor, index: Any, value: Any) -> None:
    """Do ``x[index] = value`` in place as torch does, recorded by Paddle's autograd.

    Args:
        x: written to.
        index: as for parse.
        value: a number, or a tensor that broadcasts to the place; extra leading dims of size 1 are dropped.
            A tensor is cast to the dtype of ``x``, except with advanced indices, where torch asks for the same dtype.

    Raises:
        IndexError: as getitem does.
        RuntimeError: the value does not fit in shape or dtype.
        TypeError: the value is neither a number nor a tensor.
    """
    tensor = value_tensor(x, value)
    if isinstance(index, paddle.Tensor) and index.ndim and x.ndim:
        if index.dtype is paddle.int64:
            _write_leading(x, index, _one_dtype(x, tensor))
            return
        if index.dtype is paddle.bool and index.shape == x.shape and _fills(x, tensor):
            _C_ops.masked_fill_(x, index, tensor)
            return
    steps, advanced = parse(index, x)
    if advanced:
        write_advanced(x, steps, advanced, tensor)
    else:
        write_steps(x, steps, tensor)


def _fills(x: paddle.Tensor, value: paddle.Tensor) -> bool:
    """Whether masked_fill_ serves: one element, and no gradient, which Paddle would not give it."""
    return value.ndim == 0 and value.stop_gradient and value.dtype is x.dtype and 0 not in x.shape


def _one_dtype(x: paddle.Tensor, value: paddle.Tensor) -> paddle.Tensor:
    if value.dtype is not x.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, "
            f"got {x.dtype} for the destination and {value.dtype} for the source."
        )
    return value


def _write_leading(x: paddle.Tensor, index: paddle.Tensor, value: paddle.Tensor) -> None:
    """Write where one index tensor leads along dim 0, the other dims taken whole."""
    size, *rest = x.shape
    index = _from_front(index, size, 0)
    shape = [*index.shape, *rest]
    value = _fitted(value, shape)
    if 0 not in shape:
        _C_ops.index_put_(x, [index], spread(value, shape), False)


def value_tensor(x: paddle.Tensor, value: Any) -> paddle.Tensor:
    """Return what is assigned as a tensor; a number in the dtype of ``x``, as torch converts it.

    Raises:
        TypeError: neither a number nor a tensor.
        RuntimeError: a complex number, NaN or infinity that the dtype can't hold.
    """
    if isinstance(value, paddle.Tensor):
        return value
    if not isinstance(value, bool | int | float | complex | np.number | np.bool_):
        raise TypeError(f"can't assign a {type(value).__name__} to a torch tensor")
    return filled_like(fitting(value, x.dtype), x)


def write_steps(x: paddle.Tensor, steps: Sequence[Step], value: paddle.Tensor) -> None:
    """Write a tensor over the part of ``x`` that steps take, in place.

    Raises:
        RuntimeError: the value does not broadcast to that part.
    """
    shape = [1 if step is None else step[1] for step in steps if type(step) is not int]  # type: ignore[index]
    value = _fitted(value, shape)
    if 0 in shape:
        return
    if value.dtype is not x.dtype:
        value = value.cast(x.dtype)
    # New dims of size 1 place nothing: they are taken out of the value instead.
    kept = [step[1] for step in steps if type(step) is tuple]
    value = spread(value, shape).reshape(kept)
    if x.ndim == 0:
        # Paddle's assign_out_ leaves x its old gradient, its masked_fill_ gives the value none.
        if value.stop_gradient:
            _C_ops.masked_fill_(x, paddle.ones([], paddle.bool), value)
        else:
            _C_ops.where_(paddle.zeros([], paddle.bool), x, value)
        return
    x[_paddle_index([step for step in steps if step is not None])] = value


def _fitted(value: paddle.Tensor, shape: Sequence[int]) -> paddle.Tensor:
    """A value without the leading dims of size 1 that the place does not have."""
    own = list(value.shape)
    while len(own) > len(shape) and own[0] == 1:
        own = own[1:]
    if len(own) != value.ndim:
        value = value.reshape(own)
    aligned = zip(reversed(own), reversed(list(shape)), strict=False)
    if len(own) > len(shape) or any(mine not in (1, its) for mine, its in aligned):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {own} cannot be broadcast to indexing result of shape "
            f"{list(shape)}"
        )
    return value


def write_advanced(
    x: paddle.Tensor,
    steps: Sequence[Step],
    advanced: Sequence[Advanced],
    value: paddle.Tensor,
) -> None:
    """Write a tensor where steps and then advanced indices lead, in place.

    Raises:
        IndexError: an index is out of range.
        RuntimeError: the value does not fit in shape or dtype.
    """
    if value.dtype is not x.dtype:
        if len(advanced) > 1 or advanced[0][1].dtype is not paddle.bool or value.size != 1:
            _one_dtype(x, value)
        value = value.cast(x.dtype)
    index = advanced[0][1]
    whole = list(steps) == [(0, size, 1) for size in x.shape]
    if whole and index.ndim == x.ndim and index.dtype is paddle.bool and _fills(x, value):
        _C_ops.masked_fill_(x, index, value)
        return
    lines, value = _arranged(x, steps, advanced, value)
    if 0 in value.shape:
        return
    if lines:
        _C_ops.index_put_(x, lines, value, False)
    else:  # Nothing but True and what takes every dim whole.
        write_steps(x, [(0, size, 1) for size in x.shape], value)


def placed(
    x: paddle.Tensor,
    steps: Sequence[Step],
    advanced: Sequence[Advanced],
    value: paddle.Tensor,
    accumulate: bool,
) -> paddle.Tensor:
    """Return a copy of ``x`` with a tensor written, or added, where an index leads; the dtypes are one.

    Raises:
        IndexError: an index is out of range.
        RuntimeError: the value does not fit in shape.
    """
    lines, value = _arranged(x, steps, advanced, value)
    if 0 in value.shape:
        return x.clone()
    if accumulate and x.dtype is paddle.bool:
        wide = _C_ops.index_put(x.cast("int32"), lines, value.cast("int32"), True)
        return wide.cast(paddle.bool)
    return _C_ops.index_put(x, lines, value, accumulate)


def _arranged(
    x: paddle.Tensor, steps: Sequence[Step], advanced: Sequence[Advanced], value: paddle.Tensor
) -> tuple[list[paddle.Tensor], paddle.Tensor]:
    """The index tensors and the value that Paddle's index_put takes for an index.

    It takes index tensors for the leading dims of ``x``, up to the last that is not taken whole: what steps
    take there is spelt as indices too. The value is arranged as those broadcast: the dims kept among
    them, then the places, then the dims taken whole at the end.
    """
    dims, indices = _one_a_dim(advanced)
    sizes = [step[1] if type(step) is tuple else 1 for step in steps if type(step) is not int]
    indices = [
        _from_front(index, sizes[dim], dim)
        for dim, index in zip(dims, _broadcast(indices), strict=True)
    ]
    rest = [d for d in range(len(sizes)) if d not in dims]
    places = list(indices[0].shape)
    together = dims[-1] - dims[0] == len(dims) - 1
    first = dims[0] if together else 0
    shape = [sizes[d] for d in rest[:first]] + places + [sizes[d] for d in rest[first:]]
    value = _fitted(value, shape)
    if 0 in shape:
        return [], paddle.empty([0], x.dtype)
    value = spread(value, shape)
    tail = 0
    for at, (step, size) in enumerate(zip(reversed(steps), reversed(x.shape), strict=False)):
        if type(step) is not tuple or step != (0, size, 1) or len(sizes) - 1 - at in dims:
            break
        tail += 1
    inner = rest[: len(rest) - tail]
    count = len(places)
    order = [*range(first), *range(first + count, len(shape))]
    order[len(inner) : len(inner)] = range(first, first + count)
    if order != list(range(len(order))):
        value = value.transpose(order)
    rank = len(inner) + count
    lines = _spelt(
        x, steps[: len(steps) - tail], dict(zip(dims, indices, strict=True)), inner, rank
    )
    common = value.shape[:rank]
    return [spread(line, common) for line in lines], value


def _spelt(
    x: paddle.Tensor,
    steps: Sequence[Step],
    advanced: dict[int, paddle.Tensor],
    inner: Sequence[int],
    rank: int,
) -> list[paddle.Tensor]:
    """One index tensor for each dim of the tensor indexed, that broadcasts over ``rank`` dims."""
    lines: list[paddle.Tensor] = []
    at = 0
    for step in steps:
        if type(step) is int:
            lines.append((places_up_to(1, x) + step).reshape([1] * rank))
            continue
        if step is not None:
            start, size, stride = step  # type: ignore[misc]
            if at in advanced:
                line = advanced[at]
                line = line if (start, stride) == (0, 1) else line * stride + start
                lines.append(line.reshape([1] * (rank - line.ndim) + list(line.shape)))
            else:
                line = places_up_to(size, x) * stride + start
                own = inner.index(at)
                lines.append(line.reshape([-1 if d == own else 1 for d in range(rank)]))
        at += 1
    return lines
