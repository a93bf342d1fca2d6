"""Hooks that run when a leaf's gradient has been accumulated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import ref

from oarlock.autograd.failures import remembering
from oarlock.autograd.grad_mode import no_grad
from oarlock.tensor.core import plain

_ATTRIBUTE = "_post_accumulate_grad_hooks"


def register_post_accumulate_grad_hook(self: Any, hook: Callable[[Any], None]) -> Any:
    """Call ``hook(self)`` after each backward pass has added to ``self.grad``; returns a handle.

    Raises:
        RuntimeError: the tensor needs no gradient, or is no leaf.
    """
    from oarlock.nn.hooks import RemovableHandle

    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not self.is_leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    hooks = self.__dict__.get(_ATTRIBUTE)
    if hooks is None:
        hooks = self.__dict__[_ATTRIBUTE] = OrderedDict()
        weak = ref(self)

        # Paddle's hook stays for good, and must not own the tensor that owns it.
        def run() -> None:
            tensor = weak()
            if tensor is not None:
                accumulated(tensor)

        plain(self)._register_backward_hook(remembering(run))
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def accumulated(tensor: Any) -> None:
    """Run the hooks of a leaf whose gradient was just added to."""
    hooks = tensor.__dict__.get(_ATTRIBUTE)
    if hooks:
        with no_grad():
            for hook in list(hooks.values()):
                hook(tensor)
