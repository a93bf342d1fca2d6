"""Areas under samples by the trapezoidal rule: trapezoid, trapz, cumulative_trapezoid."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.ops.axes import normal_dim
from oarlock.ops.carrying import COMPLEX, INTEGRAL, ORDINARY, carrier
from oarlock.ops.promotion import cast, floating_dtype, promoted, result_dtype


def trapezoid(
    y: paddle.Tensor, x: paddle.Tensor | None = None, *, dx: Any = None, dim: int = -1
) -> paddle.Tensor:
    """Return the area under samples.

    Args:
        y: the samples.
        x: where they were taken: a vector, or a tensor that broadcasts with ``y``.
        dx: the distance between them, 1 where neither is given.
        dim: the dim along which they lie.

    Raises:
        RuntimeError: the shapes do not fit.
        IndexError: there is no such dim.
    """
    doubled, half_step = _doubled(y, x, dx, dim)
    if doubled.dtype in INTEGRAL:
        doubled = doubled.cast("int64")
    total = paddle.sum(doubled, axis=normal_dim(dim, y.ndim) - y.ndim)
    return _halved(total, y, x, half_step)


def trapz(
    y: paddle.Tensor, x: paddle.Tensor | None = None, *, dx: Any = None, dim: int = -1
) -> paddle.Tensor:
    """The same as trapezoid."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(
    y: paddle.Tensor, x: paddle.Tensor | None = None, *, dx: Any = None, dim: int = -1
) -> paddle.Tensor:
    """Return the area up to each sample but the first.

    Raises:
        RuntimeError: the shapes do not fit.
        IndexError: there is no such dim.
    """
    doubled, half_step = _doubled(y, x, dx, dim)
    total = paddle.cumsum(doubled, axis=normal_dim(dim, y.ndim) - y.ndim)
    return _halved(total, y, x, half_step)


def _doubled(
    y: paddle.Tensor, x: paddle.Tensor | None, dx: Any, dim: int
) -> tuple[paddle.Tensor, Any]:
    """Twice the areas between samples, and what to multiply them by; whole numbers wrap, as torch's do."""
    if y.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    at = normal_dim(dim, y.ndim)
    count = y.shape[at]
    if x is None:
        first, second = _ends(_wide(y), at, count)
        return _wrapped(first + second, y.dtype), (1 if dx is None else dx) / 2
    if x.ndim == 1:
        if x.shape[0] != count:
            raise RuntimeError("trapezoid: There must be one `x` value for each sample point")
        line = [1] * y.ndim
        line[at] = count
        x = x.reshape(line)
    back = at - y.ndim
    rank = max(x.ndim, y.ndim)
    x = x.reshape([1] * (rank - x.ndim) + list(x.shape))
    y = y.reshape([1] * (rank - y.ndim) + list(y.shape))
    before, after = _ends(_wide(x), rank + back, x.shape[back])
    first, second = _ends(_wide(y), rank + back, y.shape[back])
    step, height = promoted(_wrapped(after - before, x.dtype), _wrapped(first + second, y.dtype))
    return _wrapped(step * height, result_dtype(y, x)), 0.5


def _ends(x: paddle.Tensor, dim: int, count: int) -> tuple[paddle.Tensor, paddle.Tensor]:
    ahead = (slice(None),) * dim
    last = max(count - 1, 0)
    return x[(*ahead, slice(0, last))], x[(*ahead, slice(1, max(count, 1)))]


def _wide(x: paddle.Tensor) -> paddle.Tensor:
    wide = carrier(x, ORDINARY | COMPLEX)
    return x if wide is None else x.cast(wide)


def _wrapped(x: paddle.Tensor, dtype: Any) -> paddle.Tensor:
    """Small whole numbers as their dtype would hold them; all others as they are."""
    return x.cast(dtype).cast(x.dtype) if dtype in INTEGRAL and x.dtype != dtype else x


def _halved(
    total: paddle.Tensor, y: paddle.Tensor, x: paddle.Tensor | None, by: Any
) -> paddle.Tensor:
    dtype = floating_dtype(y.dtype if x is None else result_dtype(y, x))
    return cast(cast(total, floating_dtype(total.dtype)) * by, dtype)
