"""Largest and smallest elements over dims, and where they are."""

from __future__ import annotations

from math import nan as NAN  # noqa: N812
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.ops.axes import normal_dim
from oarlock.ops.elementwise import empty, refuse_complex, same_value, widened
from oarlock.ops.promotion import BOOL, INT64, cast, category
from oarlock.ops.reductions import dims_of, reduced_shape


def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest elements over dims; nan where there is one; ties share the gradient evenly.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is complex; a dim is named twice.
    """
    return _extreme("amax", _C_ops.amax, input, dim, keepdim)


def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest elements over dims; nan where there is one; ties share the gradient evenly.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is complex; a dim is named twice.
    """
    return _extreme("amin", _C_ops.amin, input, dim, keepdim)


def _extreme(name: str, kernel: Any, x: Any, dim: Any, keepdim: bool, with_nan: Any = None) -> Any:
    refuse_complex(name, x)
    dims = dims_of(x, dim)
    if empty(x) and isinstance(dim, (tuple, list)) and not dim:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    _refuse_empty(name, x, dims)
    if empty(x):
        return _C_ops.full(reduced_shape(x, dims, keepdim), 0, x.dtype, x.place)
    if not dims:
        return _C_ops.assign(x)
    wide = widened(x)
    result = cast(kernel(wide, dims, keepdim), x.dtype)
    if not x.stop_gradient and _C_ops.any(_C_ops.isnan(result.detach()), [], False).item():
        if with_nan is not None:
            return with_nan(name, x, dims, keepdim)
        return _with_nan_gradient(x, dims, keepdim, result)
    return result


def _with_nan_gradient(x: Any, dims: list[int], keepdim: bool, result: Any) -> Any:
    """The same, with torch's gradient of nan to everything that a nan was the largest of."""
    wide = widened(x)
    nan = _C_ops.isnan(result.detach())
    kept = _C_ops.reshape(nan, reduced_shape(x, dims, True))
    zero = _C_ops.full_like(wide, 0.0, wide.dtype, wide.place)
    poison = _C_ops.where(_C_ops.expand(kept, wide.shape), _C_ops.scale(zero, 1.0, NAN, True), zero)
    poisoned = _C_ops.sum(_C_ops.multiply(wide, poison), dims, None, keepdim)
    return cast(_C_ops.where(nan, poisoned, widened(result)), x.dtype)


def _with_gradient_of_nan(name: str, x: Any, dims: list[int], keepdim: bool) -> Any:
    """The same, the gradient shared by the nans, which are equal to nothing for Paddle's kernel."""
    wide = widened(x)
    with paddle.no_grad():
        top = (_C_ops.amax if name == "amax" else _C_ops.amin)(wide, dims, True)
        chosen = _C_ops.logical_or(
            same_value(wide, top),
            _C_ops.logical_and(_C_ops.isnan(wide), _C_ops.isnan(top)),
        )
        share = cast(chosen, wide.dtype)
        share = _C_ops.divide(share, _C_ops.sum(share, dims, None, True))
    zero = _C_ops.full_like(wide, 0.0, wide.dtype, wide.place)
    finite = _C_ops.where(_C_ops.isfinite(wide), wide, _C_ops.subtract(wide, wide.detach()))
    flow = _C_ops.where(chosen, _C_ops.multiply(finite, share), zero)
    total = _C_ops.sum(flow, dims, None, True)
    total = _C_ops.add(_C_ops.subtract(total, total.detach()), top)
    if not keepdim:
        total = _C_ops.reshape(total, reduced_shape(x, dims, False))
    return cast(total, x.dtype)


def _refuse_empty(name: str, x: Any, dims: list[int]) -> None:
    for d in dims:
        if x.shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> tuple[Any, Any]:
    """(amin, amax) over one dim, all by default.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is complex, or empty without a dim.
    """
    if dim is None and empty(input):
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity."
        )
    dims = () if dim is None else dim
    return amin(input, dims, keepdim), amax(input, dims, keepdim)


def max_of_all(input: Any) -> Any:
    """torch.max(input): the largest element; ties share the gradient evenly.

    Raises:
        RuntimeError: input is empty or complex.
    """
    return _of_all("max", _C_ops.amax, input)


def min_of_all(input: Any) -> Any:
    """torch.min(input): the smallest element; ties share the gradient evenly.

    Raises:
        RuntimeError: input is empty or complex.
    """
    return _of_all("min", _C_ops.amin, input)


def _of_all(name: str, kernel: Any, x: Any) -> Any:
    if empty(x):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            "Specify the reduction dim with the 'dim' argument."
        )
    return _extreme(f"a{name}", kernel, x, (), False, _with_gradient_of_nan)


def max_along(input: Any, dim: int, keepdim: bool = False) -> tuple[Any, Any]:
    """torch.max(input, dim): (values, indices) of the first largest element, or the first nan.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is complex.
    """
    return _along("max", input, dim, keepdim)


def min_along(input: Any, dim: int, keepdim: bool = False) -> tuple[Any, Any]:
    """torch.min(input, dim): (values, indices) of the first smallest element, or the first nan.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is complex.
    """
    return _along("min", input, dim, keepdim)


def _along(name: str, x: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    refuse_complex(name, x)
    dim = normal_dim(dim, x.ndim)
    if not x.ndim:
        return _C_ops.assign(x), paddle.zeros([], INT64)
    _refuse_empty(name, x, [dim])
    if empty(x):
        shape = reduced_shape(x, [dim], keepdim)
        return paddle.zeros(shape, x.dtype), paddle.zeros(shape, INT64)
    wide = widened(x)
    indices = first_extreme(name, wide, dim)
    values = cast(_C_ops.take_along_axis(wide, indices, dim), x.dtype)
    if keepdim:
        return values, indices
    shape = reduced_shape(x, [dim], False)
    return _C_ops.reshape(values, shape), _C_ops.reshape(indices, shape)


def first_extreme(name: str, x: Any, dim: int) -> Any:
    """Where the first largest ("max") or smallest ("min") element, or first nan, lies; dim is kept."""
    x = x.detach()
    search = paddle.argmax if name == "max" else paddle.argmin
    if category(x.dtype) != 2:
        return search(x, dim, keepdim=True)
    nan = _C_ops.isnan(x)
    if x.place.is_cpu_place() and not _C_ops.any(nan, [], False).item():
        return search(x, dim, keepdim=True)
    # Paddle's search passes over nan.
    top = (_C_ops.amax if name == "max" else _C_ops.amin)(x, [dim], True)
    hit = _C_ops.logical_or(same_value(x, top), nan)
    return paddle.argmax(_C_ops.cast(hit, paddle.int32), dim, keepdim=True)


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the first largest element, or the first nan, lies, int64; of the flat input for None.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is bool or complex.
    """
    return _place("max", input, dim, keepdim)


def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the first smallest element, or the first nan, lies, int64; of the flat input for None.

    Raises:
        IndexError: there is no such dim, or it is empty.
        RuntimeError: input is bool or complex.
    """
    return _place("min", input, dim, keepdim)


def _place(name: str, x: Any, dim: int | None, keepdim: bool) -> Any:
    refuse_complex(f"arg{name}", x)
    if x.dtype is BOOL:
        raise RuntimeError(f"\"arg{name}_cpu\" not implemented for 'Bool'")
    if dim is None:
        if empty(x):
            raise IndexError(
                f"arg{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                "Specify the reduction dim with the 'dim' argument."
            )
        flat = _C_ops.reshape(widened(x), [-1])
        return _C_ops.reshape(first_extreme(name, flat, 0), [1] * x.ndim if keepdim else [])
    dim = normal_dim(dim, x.ndim)
    if not x.ndim:
        return paddle.zeros([], INT64)
    _refuse_empty(f"arg{name}", x, [dim])
    shape = reduced_shape(x, [dim], keepdim)
    if empty(x):
        return paddle.zeros(shape, INT64)
    return _C_ops.reshape(first_extreme(name, widened(x), dim), shape)
