"""Lower triangles as vectors, row after row, and back."""

from __future__ import annotations

from math import sqrt
from typing import Any

import oarlock.torch as torch


def _mask(n: int, diag: int, device: Any) -> Any:
    return torch.ones(n, n, dtype=torch.bool, device=device).tril(diag)


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Any:
    """The elements of (…, n, n) up to a diagonal, row after row.

    Raises:
        ValueError: there is no such diagonal.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _mask(n, diag, mat.device)]


def vec_to_tril_matrix(vec: Any, diag: int = 0) -> Any:
    """Matrices (…, n, n), zero above a diagonal, from their elements row after row.

    Raises:
        ValueError: no n gives that many elements.
    """
    # With d = diag, an n x n triangle holds (n² + n (1 + 2 d) - |d| (d + 1)) / 2 elements.
    count, slope = vec.shape[-1], 1 + 2 * diag
    n = (sqrt(slope**2 + 8 * count + 4 * abs(diag) * (diag + 1)) - slope) / 2
    if round(n) - n > torch.finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    size = round(n)
    matrix = vec.new_zeros((*vec.shape[:-1], size, size))
    matrix[..., _mask(size, diag, vec.device)] = vec
    return matrix
