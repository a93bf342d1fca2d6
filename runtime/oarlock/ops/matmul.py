"""Matrix and vector products: matmul, mm, bmm, mv, dot, addmm and their relatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.amp import state as autocast
from oarlock.ops.carrying import COMPLEX, FLOATS, HALF, INTEGRAL, ORDINARY, WIDE_INTS, carrier
from oarlock.ops.composition import autocasts
from oarlock.ops.promotion import cast, promoted
from oarlock.ops.repeating import common_shape, spread
from oarlock.tensor.dtypes import paddle_dtype

_MULTIPLIED = FLOATS | COMPLEX | {paddle.int64}


def matmul(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Return the matrix product; vectors count as a row on the left and a column on the right.

    Args:
        input: (…, n, k) or (k,).
        other: (…, k, m) or (k,), of the same dtype; the batch dims broadcast.

    Raises:
        RuntimeError: dtypes differ, shapes do not fit, or a tensor has no dims.
    """
    if autocast.entered:
        input, other = autocast.cast_for("matmul", input, other)
    return _matmul(input, other)


def _matmul(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Matmul as it is without autocast, which leaves some products alone."""
    dtype = input.dtype
    if dtype is not other.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {dtype} != {other.dtype}"
        )
    first, second = input.shape, other.shape
    if not first or not second:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, "
            f"but they are {len(first)}D and {len(second)}D"
        )
    if first[-1] != second[-2 if len(second) > 1 else 0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({list(first)} and {list(second)})"
        )
    if dtype is paddle.float32 or dtype is paddle.float64:
        if len(first) > 2 and len(second) > 2 and first[:-2] != second[:-2]:
            input, other = _batched(input, other)
        return _C_ops.matmul(input, other, False, False)
    return _product(input, other)


def _batched(x: paddle.Tensor, y: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Operands with as many batch dims each: Paddle's gradient fails where it adds them itself."""
    common_shape(x.shape[:-2], y.shape[:-2])
    more = y.ndim - x.ndim
    if more > 0:
        x = x.reshape([1] * more + list(x.shape))
    elif more < 0:
        y = y.reshape([1] * -more + list(y.shape))
    return x, y


def _product(x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """The product in any dtype, where shapes and dtypes are known to fit."""
    dtype = x.dtype
    if x.ndim > 2 and y.ndim > 2:
        x, y = _batched(x, y)
    if dtype in HALF:
        if not x.place.is_cpu_place():
            return _C_ops.matmul(x, y, False, False)
        wide = paddle.float32
    elif dtype in _MULTIPLIED:
        return paddle.matmul(x, y)
    elif dtype is paddle.bool:
        raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Bool'")
    else:
        wide = paddle.int64
    return paddle.matmul(x.cast(wide), y.cast(wide)).cast(dtype)


def _in_dtype(dtype: Any, *tensors: paddle.Tensor) -> tuple[paddle.Tensor, ...]:
    """The tensors cast to a torch dtype, or as they are where it is None."""
    wanted = paddle_dtype(dtype)
    return tensors if wanted is None else tuple(t.cast(wanted) for t in tensors)


@autocasts
def mm(input: paddle.Tensor, mat2: paddle.Tensor, out_dtype: Any = None) -> paddle.Tensor:
    """Return the product of two matrices, computed in ``out_dtype`` where one is given.

    Raises:
        RuntimeError: a tensor is no matrix, dtypes differ, or shapes do not fit.
    """
    _dims("self", input, 2)
    _dims("mat2", mat2, 2)
    return _matmul(*_in_dtype(out_dtype, input, mat2))


@autocasts
def bmm(input: paddle.Tensor, mat2: paddle.Tensor, out_dtype: Any = None) -> paddle.Tensor:
    """Return the products of matrices (b, n, k) and (b, k, m), in ``out_dtype`` where one is given.

    Raises:
        RuntimeError: a tensor has not 3 dims, dtypes differ, or shapes do not fit.
    """
    if input.ndim != 3 or mat2.ndim != 3:
        raise RuntimeError("batch1 and batch2 must be 3D tensors")
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, "
            f"{input.shape[2]}] but got: {list(mat2.shape[:2])}."
        )
    return _matmul(*_in_dtype(out_dtype, input, mat2))


@autocasts
def mv(input: paddle.Tensor, vec: paddle.Tensor) -> paddle.Tensor:
    """Return the product of a matrix (n, m) and a vector (m,).

    Raises:
        RuntimeError: dims, dtypes or shapes do not fit.
    """
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {input.ndim}, {vec.ndim}")
    return _matmul(input, vec)


def dot(input: paddle.Tensor, tensor: paddle.Tensor) -> paddle.Tensor:
    """Return the sum of the products of two vectors' elements.

    Raises:
        RuntimeError: a tensor is no vector, dtypes or sizes differ.
    """
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.dtype is not tensor.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {input.dtype} and {tensor.dtype}"
        )
    if input.shape != tensor.shape:
        raise RuntimeError(
            "inconsistent tensor size, expected tensor "
            f"{list(input.shape)} and src {list(tensor.shape)} to have the same number of elements"
        )
    return _matmul(input, tensor)


def vdot(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Return the dot product, the first vector conjugated."""
    return dot(input.conj() if input.dtype in COMPLEX else input, other)


@autocasts
def inner(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Return the dot products over both tensors' last dims; a 0-dim tensor multiplies the other.

    Raises:
        RuntimeError: dtypes or last dims differ.
    """
    if input.ndim == 0 or other.ndim == 0:
        return multiplied(*promoted(input, other))
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    width = input.shape[-1]
    left, right = (
        input.reshape([-1, width] if width else [_rows(input), 0]),
        other.reshape([-1, width] if width else [_rows(other), 0]),
    )
    return matmul(left, right.t()).reshape([*input.shape[:-1], *other.shape[:-1]])


def _rows(x: paddle.Tensor) -> int:
    rows = 1
    for size in x.shape[:-1]:
        rows *= size
    return rows


def outer(input: paddle.Tensor, vec2: paddle.Tensor) -> paddle.Tensor:
    """Return the products of each element of a vector with each of another, in their promoted dtype.

    Raises:
        RuntimeError: a tensor is no vector.
    """
    _dims("self", input, 1, "outer: Expected 1-D argument")
    _dims("vec2", vec2, 1, "outer: Expected 1-D argument")
    x, y = promoted(input, vec2)
    return multiplied(x.unsqueeze(1), y)


def ger(input: paddle.Tensor, vec2: paddle.Tensor) -> paddle.Tensor:
    """The same as outer."""
    return outer(input, vec2)


def kron(input: paddle.Tensor, other: paddle.Tensor) -> paddle.Tensor:
    """Return the Kronecker product, in the promoted dtype; the smaller rank gets dims in front."""
    x, y = promoted(input, other)
    rank = max(x.ndim, y.ndim)
    first = [1] * (rank - x.ndim) + list(x.shape)
    second = [1] * (rank - y.ndim) + list(y.shape)
    left = x.reshape([size for own in first for size in (own, 1)])
    right = y.reshape([size for own in second for size in (1, own)])
    return multiplied(left, right).reshape([a * b for a, b in zip(first, second, strict=True)])


def multiplied(x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """Return the elementwise product of tensors of one dtype, whatever the dtype."""
    dtype = x.dtype
    if dtype in FLOATS or dtype in COMPLEX or dtype in WIDE_INTS:
        return _C_ops.multiply(x, y)
    if dtype in HALF:
        if not x.place.is_cpu_place():
            return _C_ops.multiply(x, y)
        return _C_ops.multiply(x.cast("float32"), y.cast("float32")).cast(dtype)
    if dtype is paddle.bool:
        return _C_ops.logical_and(x, y)
    return _C_ops.multiply(x.cast("int32"), y.cast("int32")).cast(dtype)


@autocasts
def addmm(
    input: paddle.Tensor,
    mat1: paddle.Tensor,
    mat2: paddle.Tensor,
    out_dtype: Any = None,
    *,
    beta: Any = 1,
    alpha: Any = 1,
) -> paddle.Tensor:
    """Return ``beta * input + alpha * (mat1 @ mat2)``; with beta 0, ``input`` and its NaNs do not count.

    Raises:
        RuntimeError: dims, dtypes or shapes do not fit.
    """
    _dims("mat1", mat1, 2)
    _dims("mat2", mat2, 2)
    _whole(input, beta, alpha)
    input, mat1, mat2 = _in_dtype(out_dtype, input, mat1, mat2)
    return _added(input, mat1, mat2, (mat1.shape[0], mat2.shape[1]), beta, alpha)


@autocasts
def addmv(
    input: paddle.Tensor,
    mat: paddle.Tensor,
    vec: paddle.Tensor,
    *,
    beta: Any = 1,
    alpha: Any = 1,
) -> paddle.Tensor:
    """Return ``beta * input + alpha * (mat @ vec)``.

    Raises:
        RuntimeError: dims, dtypes or shapes do not fit.
    """
    if mat.ndim != 2 or vec.ndim != 1 or input.ndim > 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}"
        )
    return _added(input, mat, vec, (mat.shape[0],), beta, alpha)


@autocasts
def addr(
    input: paddle.Tensor,
    vec1: paddle.Tensor,
    vec2: paddle.Tensor,
    *,
    beta: Any = 1,
    alpha: Any = 1,
) -> paddle.Tensor:
    """Return ``beta * input + alpha * outer(vec1, vec2)``, in the promoted dtype.

    Raises:
        RuntimeError: a vector is none, or ``input`` does not broadcast.
    """
    if vec1.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"addr: Expected 1-D arguments, but got {vec1.ndim}-D and {vec2.ndim}-D")
    product = outer(vec1, vec2)
    base, product = promoted(input, product)
    _whole(base, beta, alpha)
    return _sum(base, product, product.shape, beta, alpha)


@autocasts
def baddbmm(
    input: paddle.Tensor,
    batch1: paddle.Tensor,
    batch2: paddle.Tensor,
    out_dtype: Any = None,
    *,
    beta: Any = 1,
    alpha: Any = 1,
) -> paddle.Tensor:
    """Return ``beta * input + alpha * (batch1 @ batch2)``, batch by batch.

    Raises:
        RuntimeError: dims, dtypes or shapes do not fit.
    """
    _batches(batch1, batch2)
    shape = (batch1.shape[0], batch1.shape[1], batch2.shape[2])
    input, batch1, batch2 = _in_dtype(out_dtype, input, batch1, batch2)
    return _added(input, batch1, batch2, shape, beta, alpha)


@autocasts
def addbmm(
    input: paddle.Tensor,
    batch1: paddle.Tensor,
    batch2: paddle.Tensor,
    *,
    beta: Any = 1,
    alpha: Any = 1,
) -> paddle.Tensor:
    """Return ``beta * input + alpha * (batch1 @ batch2).sum(0)``.

    Raises:
        RuntimeError: dims, dtypes or shapes do not fit.
    """
    _batches(batch1, batch2)
    # The sum over batches is one product, the batch made part of the summed dim.
    batch, rows, width = batch1.shape
    left = batch1.transpose([1, 0, 2]).reshape([rows, batch * width])
    right = batch2.reshape([batch * width, batch2.shape[2]])
    return _added(input, left, right, (rows, batch2.shape[2]), beta, alpha)


def _batches(batch1: paddle.Tensor, batch2: paddle.Tensor) -> None:
    _dims("batch1", batch1, 3)
    _dims("batch2", batch2, 3)
    if batch1.shape[0] != batch2.shape[0] or batch1.shape[2] != batch2.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{batch1.shape[0]}, "
            f"{batch1.shape[2]}] but got: {list(batch2.shape[:2])}."
        )


def _added(
    base: paddle.Tensor,
    first: paddle.Tensor,
    second: paddle.Tensor,
    shape: tuple[int, ...],
    beta: Any,
    alpha: Any,
) -> paddle.Tensor:
    dtype = first.dtype
    if base.dtype is not dtype:
        raise RuntimeError(
            f"self and mat2 must have the same dtype, but got {base.dtype} and {second.dtype}"
        )
    if dtype in INTEGRAL:
        beta, alpha = int(beta), int(alpha)
    if dtype in HALF and base.place.is_cpu_place() and dtype is second.dtype:
        base, first, second = (x.cast("float32") for x in (base, first, second))
        return _added(base, first, second, shape, beta, alpha).cast(dtype)
    if dtype in INTEGRAL and dtype is not paddle.int64 and dtype is second.dtype:
        base, first, second = (x.cast("int64") for x in (base, first, second))
        return _added(base, first, second, shape, beta, alpha).cast(dtype)
    return _sum(base, _matmul(first, second), shape, beta, alpha)


def _whole(base: paddle.Tensor, beta: Any, alpha: Any) -> None:
    if base.dtype in INTEGRAL and (isinstance(beta, float) or isinstance(alpha, float)):
        raise RuntimeError(
            "For integral input tensors, argument beta must not be a floating point number."
        )


def _sum(
    base: paddle.Tensor, product: paddle.Tensor, shape: Any, beta: Any, alpha: Any
) -> paddle.Tensor:
    dtype = product.dtype
    if dtype is paddle.bool:
        kept = product if alpha else paddle.zeros_like(product)
        return _C_ops.logical_or(kept, base) if beta else kept | paddle.zeros_like(base)
    if dtype in HALF and base.place.is_cpu_place():
        return _sum(base.cast("float32"), product.cast("float32"), shape, beta, alpha).cast(dtype)
    if dtype in INTEGRAL and dtype not in WIDE_INTS:
        return _sum(base.cast("int32"), product.cast("int32"), shape, beta, alpha).cast(dtype)
    if common_shape(base.shape, shape) != list(shape):
        raise RuntimeError(
            f"The expanded size of the tensor {list(shape)} must match the existing size {list(base.shape)}"
        )
    scaled = product if alpha == 1 else product * alpha
    if beta == 0:
        # Nothing of the base is read, so that its NaNs stay out; it still takes part in autograd, with zeros.
        return (
            scaled
            if base.stop_gradient
            else scaled + paddle.where(paddle.zeros([], "bool"), base, paddle.zeros([], dtype))
        )
    return _C_ops.add(base if beta == 1 else base * beta, scaled)


@autocasts
def tensordot(a: paddle.Tensor, b: paddle.Tensor, dims: Any = 2) -> paddle.Tensor:
    """Sum the products over several dims of both tensors.

    Args:
        a: any shape.
        b: any shape, of the same dtype.
        dims: how many of the last dims of ``a`` and the first of ``b``; or the two lists of dims.

    Raises:
        RuntimeError: the dims do not fit.
    """
    if isinstance(dims, (paddle.Tensor, np.generic)):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = (
            [int(d) for d in side] if not isinstance(side, int) else [side] for side in dims
        )
    if len(first) != len(second):
        raise RuntimeError(
            f"both dimension lists should have same length, got {first} and {second}"
        )
    first, second = [d % a.ndim for d in first], [d % b.ndim for d in second]
    left, right = a, b
    for mine, its in zip(first, second, strict=True):
        if a.shape[mine] != b.shape[its]:
            if 1 not in (a.shape[mine], b.shape[its]):
                raise RuntimeError(
                    f"contracted dimensions need to match, but first has size {a.shape[mine]} in dim {mine} "
                    f"and second has size {b.shape[its]} in dim {its}"
                )
            # torch sums the other side over a dim that has size 1 here.
            if a.shape[mine] == 1:
                right = _summed(right, its)
            else:
                left = _summed(left, mine)
    if left.dtype is not right.dtype:
        raise RuntimeError("both inputs should have same dtype")
    free_a = [d for d in range(a.ndim) if d not in first]
    free_b = [d for d in range(b.ndim) if d not in second]
    rows, columns, width = 1, 1, 1
    for d in free_a:
        rows *= a.shape[d]
    for d in free_b:
        columns *= b.shape[d]
    for d in first:
        width *= left.shape[d]
    x = left.transpose([*free_a, *first]) if left.ndim else left
    y = right.transpose([*second, *free_b]) if right.ndim else right
    product = matmul(x.reshape([rows, width]), y.reshape([width, columns]))
    return product.reshape([*(a.shape[d] for d in free_a), *(b.shape[d] for d in free_b)])


def _summed(x: paddle.Tensor, dim: int) -> paddle.Tensor:
    total = paddle.sum(x, axis=dim, keepdim=True)
    return cast(total, x.dtype)


def cross(input: paddle.Tensor, other: paddle.Tensor, dim: int | None = None) -> paddle.Tensor:
    """Return the cross product along a dim of size 3, the first such dim where None.

    Raises:
        RuntimeError: there is no dim of size 3, or the shapes do not broadcast.
    """
    if dim is None:
        if input.ndim == other.ndim:
            dim = next((d for d, size in enumerate(input.shape) if size == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return linalg_cross(input, other, dim=dim)


def linalg_cross(input: paddle.Tensor, other: paddle.Tensor, *, dim: int = -1) -> paddle.Tensor:
    """Return the cross product of vectors of 3 elements along ``dim``; the other dims broadcast.

    Raises:
        RuntimeError: ranks differ, the dim has not size 3, or the shapes do not broadcast.
        IndexError: there is no such dim.
    """
    from oarlock.ops.axes import normal_dim
    from oarlock.ops.gathering import picked

    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    dim = normal_dim(dim, input.ndim)
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. "
            f"Got {input.shape[dim]} and {other.shape[dim]}"
        )
    x, y = promoted(input, other)
    wide = carrier(x, ORDINARY | COMPLEX)
    if wide is not None:
        return linalg_cross(x.cast(wide), y.cast(wide), dim=dim).cast(x.dtype)
    shape = common_shape(x.shape, y.shape)
    x, y = spread(x, shape), spread(y, shape)
    ahead, behind = paddle.to_tensor([1, 2, 0]), paddle.to_tensor([2, 0, 1])
    plus = multiplied(picked(x, ahead, dim), picked(y, behind, dim))
    return plus - multiplied(picked(x, behind, dim), picked(y, ahead, dim))


def _dims(name: str, x: paddle.Tensor, rank: int, message: str | None = None) -> None:
    if x.ndim != rank:
        what = message or f"{name} must be a {'matrix' if rank == 2 else f'{rank}D tensor'}"
        raise RuntimeError(f"{what}, got {x.ndim}-D tensor for {name}")
