"""Spectral normalisation by a hook before forward: a weight over its largest singular value."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.nn.parameter import Parameter, is_lazy
from oarlock.nn.tensors import Tensor

_VERSION = 1


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return the weight with ``dim`` as rows and all others as columns."""
    if dim != 0:
        weight = weight.permute(dim, *(n for n in range(weight.dim()) if n != dim))
    return weight.reshape(weight.size(0), -1)


def unit(x: Tensor, eps: float) -> Tensor:
    """Return a vector over its length, or over ``eps`` where that is more."""
    return torch.nn.functional.normalize(x, dim=0, eps=eps)


def output_dim(module: Any, dim: int | None) -> int:
    """Return ``dim``, or which dim of the module's weight is the output."""
    if dim is not None:
        return dim
    nn = torch.nn
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return 1 if isinstance(module, transposed) else 0


class SpectralNorm:
    """The hook that divides a weight by its spectral norm (Miyato et al., arXiv:1802.05957).

    Args:
        name: of the weight.
        n_power_iterations: how often the singular vectors are improved in each forward.
        dim: the weight's output dim.
        eps: the least length that is divided by.
    """

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got n_power_iterations="
                f"{n_power_iterations}"
            )
        self.name, self.dim, self.eps = name, dim, eps
        self.n_power_iterations = n_power_iterations

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Tensor:
        """Return the weight over its norm, which the singular vectors in the buffers estimate."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with torch.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(unit(torch.mv(matrix.t(), u), self.eps))
                    u.copy_(unit(torch.mv(matrix, v), self.eps))
                # The next forward changes the buffers before this one's backward.
                u, v = u.clone(), v.clone()
        return weight / torch.dot(u, torch.mv(matrix, v))

    @staticmethod
    def apply(
        module: Any, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Put the original weight and its singular vectors in the place of a weight."""
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, SpectralNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two spectral_norm hooks on the same parameter {name}"
                )
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make sure "
                "to run the dummy forward before applying spectral normalization"
            )
        with torch.no_grad():
            rows, columns = as_matrix(weight, dim).size()
            u = unit(weight.new_empty(rows).normal_(0, 1), eps)
            v = unit(weight.new_empty(columns).normal_(0, 1), eps)
        delattr(module, name)
        module.register_parameter(name + "_orig", weight)
        setattr(module, name, weight.data)
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(hook._note_version)
        module._register_load_state_dict_pre_hook(hook._complete)
        return hook

    def _note_version(self, module: Any, state_dict: Any, prefix: str, metadata: Any) -> None:
        versions = metadata.setdefault("spectral_norm", {})
        key = self.name + ".version"
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = _VERSION

    def _complete(
        self,
        state_dict: Any,
        prefix: str,
        metadata: Any,
        strict: bool,
        missing: list[str],
        *_: Any,
    ) -> None:
        """Compute ``v`` for checkpoints from before it was kept, where u = Wv / ‖Wv‖."""
        key = prefix + self.name
        version = metadata.get("spectral_norm", {}).get(self.name + ".version")
        if version is not None and version >= _VERSION:
            return
        has_all = all(key + suffix in state_dict for suffix in ("_orig", "_u", "_v"))
        if version is None and has_all and key not in state_dict:
            return
        absent = [key + suffix for suffix in ("_orig", "", "_u") if key + suffix not in state_dict]
        if absent:
            if strict:
                missing.extend(absent)
            return
        with torch.no_grad():
            weight, u = state_dict[key + "_orig"], state_dict[key + "_u"]
            sigma = (weight / state_dict.pop(key)).mean()
            matrix = as_matrix(weight, self.dim)
            inverse = torch.linalg.pinv(matrix.t().mm(matrix))
            v = torch.mv(inverse, torch.mv(matrix.t(), u))
            state_dict[key + "_v"] = v * (sigma / torch.dot(u, torch.mv(matrix, v)))

    def remove(self, module: Any) -> None:
        """Make the weight an ordinary parameter again."""
        with torch.no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for suffix in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + suffix)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value before each forward, and return the module.

    Args:
        module: owns the weight, of at least two dims.
        name: of the weight.
        n_power_iterations: how often the singular vectors are improved in each forward.
        eps: the least length that is divided by.
        dim: the output dim; 1 for transposed convolutions and 0 for others where left out.

    Raises:
        RuntimeError: it is normalised already.
        ValueError: the weight is None or has no shape yet, or there are no iterations.
    """
    SpectralNorm.apply(module, name, n_power_iterations, output_dim(module, dim), eps)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make a normalised weight an ordinary parameter again, and return the module.

    Raises:
        ValueError: it is not normalised.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for table in (module._state_dict_hooks, module._load_state_dict_pre_hooks):
        for key, kept in list(table.items()):
            owner = getattr(getattr(kept, "hook", kept), "__self__", None)
            if isinstance(owner, SpectralNorm) and owner.name == name:
                del table[key]
    return module
