"""torch.autograd.Variable, the Tensor's name before torch 0.4."""

from __future__ import annotations

import warnings
from typing import Any

import paddle

from oarlock.tensor.core import Tensor, plain, wrap


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """A Tensor on the storage of ``data``, without its history; each Tensor is an instance.

    Args:
        data: a tensor of any shape and dtype; an empty one where left out.
        requires_grad: whether gradients are kept for the result.
        volatile: of no effect, as in torch, which warns of it.

    Raises:
        TypeError: ``data`` is no tensor.
    """

    def __new__(  # noqa: D102
        cls, data: Any = None, requires_grad: bool = False, volatile: bool = False
    ) -> Any:
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                stacklevel=2,
            )
        if data is None:
            data = Tensor()
        if not isinstance(data, paddle.Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return wrap(plain(data).detach()).requires_grad_(bool(requires_grad))
