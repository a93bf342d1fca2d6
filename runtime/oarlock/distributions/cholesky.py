"""Products with Cholesky factors, batch by batch."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch


def times(matrix: Any, vector: Any) -> Any:
    """Matrices (…, n, m) times vectors (…, m)."""
    return torch.matmul(matrix, vector.unsqueeze(-1)).squeeze(-1)


def distance(factor: Any, vector: Any) -> Any:
    """The squared Mahalanobis distances xᵀ (L Lᵀ)⁻¹ x of vectors (…, n) for factors L (…, n, n)."""
    n = factor.shape[-1]
    batch = torch.broadcast_shapes(factor.shape[:-2], vector.shape[:-1])
    solved = torch.linalg.solve_triangular(
        factor.expand((*batch, n, n)), vector.expand((*batch, n)).unsqueeze(-1), upper=False
    )
    return solved.squeeze(-1).pow(2).sum(-1)


def log_diagonal(factor: Any) -> Any:
    """The sums of the diagonals' logarithms: half the log determinants of L Lᵀ."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def of_precision(precision: Any) -> Any:
    """The lower factor of the inverse of a positive definite matrix."""
    flipped = torch.linalg.cholesky(torch.flip(precision, (-2, -1)))
    inverse = torch.flip(flipped, (-2, -1)).transpose(-2, -1)
    unit = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return torch.linalg.solve_triangular(inverse, unit, upper=False)


def one_matrix(**given: Any) -> tuple[str, Any]:
    """The name and value of the one matrix that is given."""
    found = [(name, value) for name, value in given.items() if value is not None]
    if len(found) != 1:
        raise ValueError(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
    return found[0]


def lower_factor(name: str, matrix: Any) -> Any:
    """The lower Cholesky factor of the covariance that the matrix of that name stands for."""
    if name == "scale_tril":
        return matrix
    return torch.linalg.cholesky(matrix) if name == "covariance_matrix" else of_precision(matrix)
