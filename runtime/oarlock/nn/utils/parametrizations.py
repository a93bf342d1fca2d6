"""torch.nn.utils.parametrizations: weights of length one, of norm one, and orthogonal ones."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

import oarlock.torch as torch
from oarlock.nn.module import Module
from oarlock.nn.tensors import Tensor
from oarlock.nn.utils.parametrize import register_parametrization
from oarlock.nn.utils.spectral_norm import as_matrix, output_dim, unit
from oarlock.nn.utils.weight_norm import lengths, normalized


class _WeightNorm(Module):
    """From lengths and directions to a weight."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return normalized(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn a weight's lengths and directions apart (Salimans and Kingma, arXiv:1602.07868).

    Args:
        module: owns the weight, and is returned. Checkpoints from before, with ``name_g`` and
            ``name_v``, can be loaded into it.
        name: of the weight.
        dim: along which each slice has a length of its own; None: one for all.

    Raises:
        ValueError: there is no such weight.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def renamed(state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        old = [f"{prefix}{name}_{letter}" for letter in "gv"]
        if all(key in state_dict for key in old):
            for place, key in enumerate(old):
                new = f"{prefix}parametrizations.{name}.original{place}"
                state_dict[new] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(renamed)
    return module


class _SpectralNorm(Module):
    """A weight over its largest singular value, which singular vectors in buffers estimate."""

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] "
                f"but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got n_power_iterations="
                f"{n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            rows, columns = matrix.size()
            u, v = (matrix.new_empty(size).normal_(0, 1) for size in (rows, columns))
            self.register_buffer("_u", unit(u, eps))
            self.register_buffer("_v", unit(v, eps))
            # How often torch improves them at the start.
            self._improve(matrix, 15)

    def _improve(self, matrix: Tensor, iterations: int) -> None:
        with torch.no_grad():
            for _ in range(iterations):
                self._u.copy_(unit(torch.mv(matrix, self._v), self.eps))
                self._v.copy_(unit(torch.mv(matrix.mH, self._u), self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return unit(weight, self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._improve(matrix, self.n_power_iterations)
        # The next forward changes the buffers before this one's backward.
        u, v = self._u.clone(), self._v.clone()
        return weight / torch.vdot(u, torch.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value (Miyato et al., arXiv:1802.05957).

    Args:
        module: owns the weight, and is returned.
        name: of the weight; one of one dim is divided by its length.
        n_power_iterations: how often the singular vectors are improved at each access in training.
        eps: the least length that is divided by.
        dim: the output dim; 1 for transposed convolutions and 0 for others where left out.

    Raises:
        ValueError: there is no such weight, or there are no iterations.
        IndexError: the weight has no such dim.
    """
    weight = _tensor(module, name)
    norm = _SpectralNorm(weight, n_power_iterations, output_dim(module, dim), eps)
    register_parametrization(module, name, norm)
    return module


class _OrthMaps(Enum):
    """How a skew-symmetric or triangular matrix is made orthogonal."""

    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    """Matrices with orthonormal columns, or rows where they are wide.

    With trivialization they are ``base`` times the map's result (Lezcano-Casado,
    arXiv:1909.09501).
    """

    def __init__(
        self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True
    ) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803
        wide = X.size(-2) < X.size(-1)
        tall = X.mT if wide else X
        if self.orthogonal_map is _OrthMaps.householder:
            made = self._reflected(tall)
        else:
            made = self._rotated(tall)
        if hasattr(self, "base"):
            made = self.base @ made
        return made.mT if wide else made

    def _reflected(self, tall: Tensor) -> Tensor:
        below = tall.tril(diagonal=-1)
        tau = 2.0 / (1.0 + (below * below).sum(dim=-2))
        signs = tall.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        return torch.linalg.householder_product(below, tau) * signs

    def _rotated(self, tall: Tensor) -> Tensor:
        n, k = tall.size(-2), tall.size(-1)
        lower = tall.tril()
        if n != k:
            lower = torch.cat([lower, lower.new_zeros(*lower.shape[:-2], n, n - k)], dim=-1)
        skew = lower - lower.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            full = torch.matrix_exp(skew)
        else:
            one = torch.eye(n, dtype=skew.dtype, device=skew.device)
            full = torch.linalg.solve(one - 0.5 * skew, one + 0.5 * skew)
        return full if n == k else full[..., :k]

    def right_inverse(self, Q: Tensor) -> Tensor:  # noqa: N803
        with torch.no_grad():
            return self._inverse(Q)

    def _inverse(self, given: Tensor) -> Tensor:
        if given.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {given.shape}."
            )
        n, k = given.size(-2), given.size(-1)
        wide = n < k
        tall = given.mT if wide else given
        n, k = max(n, k), min(n, k)
        if not hasattr(self, "base"):
            if self.orthogonal_map is not _OrthMaps.householder:
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential "
                    "or the Cayley parametrizations when use_trivialization=False."
                )
            reflectors, tau = torch.geqrf(tall)
            diagonal = reflectors.diagonal(dim1=-2, dim2=-1)
            # A reflection that LAPACK leaves out has a tau of exactly 0.
            signs = torch.where(tau == 0.0, -diagonal.sign(), diagonal.sign())
            diagonal.copy_(signs)
            return reflectors.mT if wide else reflectors
        if n != k:
            rest = torch.randn(*given.size()[:-2], n, n - k, dtype=given.dtype, device=given.device)
            self.base = _orthogonalized(torch.cat([tall, rest], dim=-1))
        else:
            self.base = tall.clone() if _is_orthogonal(tall) else _orthogonalized(tall)
        negative = torch.zeros_like(given)
        negative.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return negative


def _is_orthogonal(matrix: Tensor) -> bool:
    n, k = matrix.size(-2), matrix.size(-1)
    one = torch.eye(k, dtype=matrix.dtype, device=matrix.device)
    # torch's bound: a matrix that is taken for orthogonal stays as it is.
    return torch.allclose(matrix.mH @ matrix, one, atol=10.0 * n * torch.finfo(matrix.dtype).eps)


def _orthogonalized(tall: Tensor) -> Tensor:
    """Return the Q of QR whose R has no negative numbers on its diagonal."""
    reflectors, tau = torch.geqrf(tall)
    signs = reflectors.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)
    return torch.linalg.householder_product(reflectors, tau) * signs


def orthogonal(
    module: Any,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Any:
    """Keep a weight orthogonal, or unitary where it is complex.

    Args:
        module: owns the weight, and is returned.
        name: of the weight, matrices of shape (…, m, n).
        orthogonal_map: "matrix_exp", "cayley" or "householder"; the first for square and complex
            matrices and the last for others where left out.
        use_trivialization: keep a further matrix that the result is multiplied by.

    Raises:
        ValueError: there is no such weight, it is no matrix, or the map is unknown or not for it.
    """
    weight = _tensor(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    found = getattr(_OrthMaps, orthogonal_map, None)
    if found is None:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, found, use_trivialization=use_trivialization)
    register_parametrization(module, name, made, unsafe=True)
    return module


def _tensor(module: Any, name: str) -> Tensor:
    found = getattr(module, name, None)
    if not isinstance(found, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return found
