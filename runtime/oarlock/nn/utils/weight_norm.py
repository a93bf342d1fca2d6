"""Weight normalisation by a hook before forward: a weight as length and direction."""

from __future__ import annotations

import warnings
from typing import Any

import oarlock.torch as torch
from oarlock.nn.parameter import Parameter, is_lazy
from oarlock.nn.tensors import Tensor


def lengths(v: Tensor, dim: int) -> Tensor:
    """Return the 2-norms of the slices of ``v`` along ``dim``, all other dims 1; -1: of all of it."""
    if dim == -1:
        return torch.linalg.vector_norm(v)
    others = [n for n in range(v.dim()) if n != dim]
    return torch.linalg.vector_norm(v, dim=others, keepdim=True) if others else v.abs()


def normalized(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """Return v g / ‖v‖ (Salimans and Kingma, arXiv:1602.07868)."""
    return v * (g / lengths(v, dim))


class WeightNorm:
    """The hook that computes a weight from its length and direction.

    Args:
        name: of the weight.
        dim: along which each slice has a length of its own; -1 and None: one for all.
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Tensor:
        """Return the weight."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return normalized(v, g, self.dim)

    @staticmethod
    def apply(module: Any, name: str, dim: int | None) -> WeightNorm:
        """Put length and direction in the place of a weight."""
        warnings.warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of "
            "`torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
            stacklevel=3,
        )
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two weight_norm hooks on the same parameter {name}"
                )
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure "
                "to run the dummy forward before applying weight normalization"
            )
        del module._parameters[name]
        module.register_parameter(name + "_g", Parameter(lengths(weight, hook.dim).detach()))
        module.register_parameter(name + "_v", Parameter(weight.data))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Any) -> None:
        """Make the weight an ordinary parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn a weight's lengths and directions apart, as parameters ``name_g`` and ``name_v``.

    Args:
        module: owns the weight, and is returned.
        name: of the weight.
        dim: along which each slice has a length of its own; None: one for all.

    Raises:
        RuntimeError: it is normalised already.
        ValueError: the weight has no shape yet.
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make a normalised weight an ordinary parameter again, and return the module.

    Raises:
        ValueError: it is not normalised.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
