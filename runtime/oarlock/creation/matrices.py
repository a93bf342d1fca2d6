"""Tensors made by position: eye, the indices of triangles; and products and complex numbers made of tensors."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.creation.arguments import finished, float_dtype, into, moved, name_of, place
from oarlock.random.results import to_paddle
from oarlock.tensor import dtypes
from oarlock.tensor.core import like, plain
from oarlock.tensor.layouts import strided


def eye(
    n: int,
    m: int | None = None,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """An n × m matrix with ones on the diagonal and zeros elsewhere; m is n where it is None.

    Args:
        n, m: numbers of rows and columns.
        out, dtype, layout, device, pin_memory, requires_grad: as for `torch.zeros`.

    Raises:
        RuntimeError: a number is negative.
    """
    api = "torch.eye"
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    kind = float_dtype(out.dtype if dtype is None and out is not None else dtype)
    made = np.eye(n, m, dtype=np.float32)
    result = moved(_C_ops.cast(to_paddle(made), kind), place(api, device))
    if out is not None:
        return into(out, result)
    return finished(api, result, layout=layout, requires_grad=requires_grad, pin_memory=pin_memory)


def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = dtypes.int64,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """The rows and columns of a row × col matrix's lower triangle, row by row, as a tensor of shape (2, count).

    Args:
        row, col: the matrix's size.
        offset: the highest diagonal that counts as below; 0 is the main one.
        dtype: int64 or int32.
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.

    Raises:
        RuntimeError: a negative size.
    """
    made = np.tril_indices(row, offset, col) if row >= 0 and col >= 0 else None
    return _triangle(
        "torch.tril_indices", made, row, col, dtype, layout, device, pin_memory, requires_grad
    )


def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = dtypes.int64,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """As `tril_indices`, for the upper triangle; ``offset`` is the lowest diagonal that counts as above."""
    made = np.triu_indices(row, offset, col) if row >= 0 and col >= 0 else None
    return _triangle(
        "torch.triu_indices", made, row, col, dtype, layout, device, pin_memory, requires_grad
    )


def cartesian_prod(*tensors: Any) -> Any:
    """The product of tensors of one dimension: a row for each combination, or the tensor itself if it is alone.

    Raises:
        RuntimeError: a tensor has another number of dimensions, or the dtypes differ.
    """
    given = [plain(t) for t in tensors]
    for x in given:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(given) == 1:
        return tensors[0]
    if len({x.dtype for x in given}) > 1:
        raise RuntimeError("cartesian_prod expects all tensors to have the same dtype")
    grids = paddle.meshgrid(*given)
    return like(tensors[0], paddle.stack([g.flatten() for g in grids], axis=1))


def complex(real: Any, imag: Any, *, out: Any = None) -> Any:
    """Complex numbers of given real and imaginary parts, both float32 or both float64.

    Args:
        real, imag: tensors of shapes that broadcast.
        out: a complex tensor to write to.

    Raises:
        RuntimeError: the dtypes differ or are others.
    """
    a, b = _parts("complex", "imag", real, imag)
    return _stored(real, _C_ops.complex(a, b), out)


def polar(abs: Any, angle: Any, *, out: Any = None) -> Any:
    """Complex numbers of given absolute values and angles, both float32 or both float64.

    Args:
        abs, angle: tensors of shapes that broadcast.
        out: a complex tensor to write to.

    Raises:
        RuntimeError: the dtypes differ or are others.
    """
    a, b = _parts("polar", "angle", abs, angle)
    return _stored(abs, _C_ops.complex(a * paddle.cos(b), a * paddle.sin(b)), out)


def _parts(name: str, second: str, a: Any, b: Any) -> tuple[paddle.Tensor, paddle.Tensor]:
    a, b = plain(a), plain(b)
    if a.dtype is not b.dtype or name_of(a.dtype) not in ("float32", "float64"):
        raise RuntimeError(
            f"Expected both inputs to be Float or Double tensors of one dtype, but got "
            f"{dtypes.from_paddle[a.dtype]!r} and {dtypes.from_paddle[b.dtype]!r} for '{second}'"
        )
    return a, b


def _stored(given: Any, result: paddle.Tensor, out: Any) -> Any:
    return like(given, result) if out is None else into(out, result)


def _triangle(
    api: str,
    indices: Any,
    row: int,
    col: int,
    dtype: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
) -> Any:
    if indices is None:
        raise RuntimeError(
            f"{'row' if row < 0 else 'col'} must be non-negative, got{row if row < 0 else col}"
        )
    values = np.stack(indices).astype(name_of(dtypes.paddle_dtype(dtype)))
    made = moved(to_paddle(values), place(api, device))
    return finished(api, made, layout=layout, pin_memory=pin_memory, requires_grad=requires_grad)
