"""Covariance and correlation of variables: cov, corrcoef."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.ops.carrying import COMPLEX, HALF, INTEGRAL
from oarlock.ops.matmul import matmul
from oarlock.ops.promotion import cast, floating_dtype, promoted


def cov(
    input: paddle.Tensor,
    *,
    correction: int = 1,
    fweights: paddle.Tensor | None = None,
    aweights: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return the covariance matrix of variables.

    Args:
        input: (variables, observations), or (observations,) for one variable.
        correction: what is taken off the number of observations.
        fweights: how often each observation was made, whole numbers.
        aweights: how much each observation counts.

    Raises:
        RuntimeError: dims, dtypes or values do not fit.
    """
    if input.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions "
            f"but got an input with {input.ndim} dimensions"
        )
    if input.dtype is paddle.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    if input.dtype in HALF and input.place.is_cpu_place():
        wide = cov(
            input.cast("float32"), correction=correction, fweights=fweights, aweights=aweights
        )
        kept = aweights is not None and aweights.dtype not in HALF
        return wide if kept else wide.cast(input.dtype)
    x = input.reshape([1, -1]) if input.ndim < 2 else input
    weights = _weights(x, fweights, aweights)
    x = cast(x, floating_dtype(x.dtype))
    norm: Any
    if weights is None:
        weighted = x = x - paddle.mean(x, axis=1, keepdim=True)
        norm = max(x.shape[1] - correction, 0)
    else:
        x, counts = promoted(x, cast(weights, floating_dtype(weights.dtype)))
        total = paddle.sum(counts)
        x = x - paddle.sum(x * counts, axis=1, keepdim=True) / total
        weighted = x * counts
        norm = total - correction
        if aweights is not None and correction:
            norm = total - correction * paddle.sum(counts * cast(aweights, counts.dtype)) / total
        norm = norm.real() if norm.dtype in COMPLEX else norm
        norm = paddle.clip(norm, min=0)
    product = matmul(weighted, (x.conj() if x.dtype in COMPLEX else x).t())
    if not isinstance(norm, paddle.Tensor):
        norm = paddle.full([], norm, product.dtype)
    result = product / cast(norm, product.dtype)
    return result.reshape([]) if result.size == 1 else result


def _weights(
    x: paddle.Tensor, fweights: paddle.Tensor | None, aweights: paddle.Tensor | None
) -> paddle.Tensor | None:
    for name, weights, whole in (("fweights", fweights, True), ("aweights", aweights, False)):
        if weights is None:
            continue
        if weights.ndim > 1:
            raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions")
        if (weights.dtype in INTEGRAL) != whole:
            wanted = "integral" if whole else "floating point"
            raise RuntimeError(f"cov(): expected {name} to have {wanted} dtype")
        if weights.size != x.shape[1]:
            raise RuntimeError(f"cov(): expected {name} to have one element for each observation")
        if weights.size and bool((weights < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return fweights if aweights is None else aweights
    first, second = promoted(fweights, aweights)
    return first * second


def corrcoef(input: paddle.Tensor) -> paddle.Tensor:
    """Return the matrix of Pearson's correlation coefficients of variables, (variables, observations).

    Raises:
        RuntimeError: ``input`` has more than 2 dims.
    """
    if input.ndim > 2:
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions "
            f"but got an input with {input.ndim} dimensions"
        )
    if input.dtype in HALF and input.place.is_cpu_place():
        return corrcoef(input.cast("float32")).cast(input.dtype)
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    is_complex = covariance.dtype in COMPLEX
    variance = paddle.diagonal(covariance)
    deviation = cast(paddle.sqrt(variance.real() if is_complex else variance), covariance.dtype)
    result = covariance / deviation.unsqueeze(-1) / deviation
    if is_complex:
        return paddle.complex(result.real().clip(-1, 1), result.imag().clip(-1, 1))
    return result.clip(-1, 1)
