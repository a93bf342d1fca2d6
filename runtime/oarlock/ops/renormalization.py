"""Slices scaled down to a largest norm."""

from __future__ import annotations

import paddle

from oarlock.ops.axes import normal_dim
from oarlock.ops.composition import composition
from oarlock.ops.matrix_norms import linalg_vector_norm
from oarlock.ops.promotion import COMPLEX, FLOATING


@composition
def renorm(input: paddle.Tensor, p: float, dim: int, maxnorm: float) -> paddle.Tensor:
    """Scale each slice along ``dim`` whose ``p``-norm exceeds ``maxnorm`` down to it.

    Args:
        input: of two dims or more.
        p: the order, above 0.
        dim: the one that counts the slices.
        maxnorm: the largest norm a slice keeps, 0 or more.

    Raises:
        RuntimeError: ``p``, ``maxnorm``, the dtype or the number of dims is another.
    """
    if p <= 0:
        raise RuntimeError("non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    if input.dtype not in FLOATING and input.dtype not in COMPLEX:
        raise RuntimeError("renorm: expected a floating-point or complex tensor")
    dim = normal_dim(dim, input.ndim)
    others = [each for each in range(input.ndim) if each != dim]
    norm = linalg_vector_norm(input, p, others, True)
    # Where a norm is small enough, the division by it is kept out of the gradient.
    large = norm.detach() > maxnorm
    one = paddle.ones_like(norm)
    scale = paddle.where(large, maxnorm / (paddle.where(large, norm, one) + 1e-7), one)
    return input * scale.cast(input.dtype)
