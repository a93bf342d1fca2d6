"""Transforms to Cholesky factors, of correlation matrices too, and to positive definite matrices."""

from __future__ import annotations

from math import log
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.transforms.base import SameByType, Transform
from oarlock.distributions.triangles import tril_matrix_to_vec, vec_to_tril_matrix
from oarlock.torch.nn import functional


def _before(x: Any) -> Any:
    """The elements of the last dimension shifted by one, with a 1 in front."""
    return functional.pad(x[..., :-1], [1, 0], value=1)


class CorrCholeskyTransform(Transform):
    """D (D - 1) / 2 numbers to the Cholesky factor of a D x D correlation matrix, by partial correlations.

    From D. Lewandowski, D. Kurowicka and H. Joe (2009), "Generating random correlation matrices based on vines and
    extended onion method".
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = torch.finfo(x.dtype).eps
        partial = torch.tanh(x).clamp(min=-1 + eps, max=1 - eps)
        lower = vec_to_tril_matrix(partial, diag=-1)
        left = (1 - lower**2).sqrt().cumprod(-1)
        unit = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device)
        return (lower + unit) * _before(left)

    def _inverse(self, y: Any) -> Any:
        left = _before(1 - torch.cumsum(y * y, dim=-1))
        partial = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (partial.log1p() - partial.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> Any:
        left = 1 - (y * y).cumsum(dim=-1)
        sticks = 0.5 * tril_matrix_to_vec(left, diag=-2).log().sum(-1)
        tanh = -2 * (x + functional.softplus(-2 * x) - log(2.0)).sum(dim=-1)
        return sticks + tanh

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        count = shape[-1]
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return torch.Size((*shape[:-1], n, n))

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return torch.Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))


class LowerCholeskyTransform(SameByType):
    """Square matrices to lower triangular ones with a positive diagonal."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(SameByType):
    """Square matrices to positive definite ones."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))
