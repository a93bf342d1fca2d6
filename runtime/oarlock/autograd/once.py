"""once_differentiable: a Function's backward whose result can't be differentiated again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from oarlock.autograd.function import Function
from oarlock.autograd.grad_mode import is_grad_enabled, no_grad
from oarlock.tensor.core import Tensor


class _Refusing(Function):
    """Passes values on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, *values: Any) -> Any:
        return tuple(v.clone() if isinstance(v, Tensor) else v for v in values)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a Function's backward that gives right gradients, but no gradients of these."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args, **kwargs)
        if not is_grad_enabled() or not any(
            isinstance(a, Tensor) and a.requires_grad for a in args
        ):
            return outputs
        several = isinstance(outputs, tuple)
        results = _Refusing.apply(
            *(
                v.detach().requires_grad_() if isinstance(v, Tensor) else v
                for v in (outputs if several else (outputs,))
            )
        )
        return results if several else results[0]

    return wrapper
