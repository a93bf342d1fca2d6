"""Hooks of modules: removable handles, hooks on every module, and gradients handed to hooks."""

from __future__ import annotations

import functools
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import paddle
from paddle import _C_ops
from paddle.autograd import PyLayer

import oarlock.torch as torch
from oarlock.autograd.failures import remembering
from oarlock.autograd.partial import Inputs
from oarlock.errors import UnsupportedError
from oarlock.nn.tensors import Tensor
from oarlock.tensor import plain, wrap


class RemovableHandle:
    """What registering a hook returns: ``remove()``, or the end of a with block, takes it away.

    Args:
        hooks_dict: the ordered dictionary the hook is kept in, under the handle's ``id``.
        extra_dict: a dictionary or a list of them from which the ``id`` is taken away too.
    """

    next_id: int = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.hooks_dict_ref: Any = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        if extra_dict is None:
            extra_dict = []
        elif isinstance(extra_dict, dict):
            extra_dict = [extra_dict]
        self.extra_dict_ref: tuple[Any, ...] = tuple(weakref.ref(one) for one in extra_dict)

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        for reference in (self.hooks_dict_ref, *self.extra_dict_ref):
            kept = reference()
            if kept is not None:
                kept.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, ...]:
        extra = tuple(reference() for reference in self.extra_dict_ref)
        return self.hooks_dict_ref(), self.id, extra

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # A dead dictionary is replaced by one that nothing else holds.
        hooks, self.id, extra = state[0], state[1], state[2] if len(state) > 2 else ()
        self.hooks_dict_ref = weakref.ref(OrderedDict() if hooks is None else hooks)
        self.extra_dict_ref = tuple(weakref.ref(one) for one in extra or ())
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.remove()


class BoundHook:
    """A hook called with its module first, which it holds weakly so that pickling keeps both."""

    def __init__(self, hook: Callable[..., Any], module: Any = None) -> None:
        self.hook = hook
        functools.update_wrapper(self, hook)
        self.with_module = module is not None
        self.module: Any = weakref.ref(module) if module is not None else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.with_module:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        module = self.module() if self.with_module else None
        return {"hook": self.hook, "with_module": self.with_module, "module": module}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.hook = state["hook"]
        self.with_module = state["with_module"]
        module = state.get("module")
        if self.with_module and module is None:
            raise RuntimeError("You are trying to revive the hook of a dead Module!")
        self.module = weakref.ref(module) if self.with_module else None


every_forward_pre: OrderedDict[int, Callable[..., Any]] = OrderedDict()
every_forward: OrderedDict[int, Callable[..., Any]] = OrderedDict()
every_forward_with_kwargs: OrderedDict[int, bool] = OrderedDict()
every_forward_always: OrderedDict[int, bool] = OrderedDict()
every_backward_pre: OrderedDict[int, Callable[..., Any]] = OrderedDict()
every_backward: OrderedDict[int, Callable[..., Any]] = OrderedDict()
every_parameter: OrderedDict[int, Callable[..., Any]] = OrderedDict()
every_buffer: OrderedDict[int, Callable[..., Any]] = OrderedDict()
every_module: OrderedDict[int, Callable[..., Any]] = OrderedDict()


def keep(
    hooks: OrderedDict[int, Callable[..., Any]],
    hook: Callable[..., Any],
    flags: Iterable[tuple[OrderedDict[int, bool], bool]] = (),
    prepend: bool = False,
) -> RemovableHandle:
    """Keep ``hook`` and those of its flags that are set, all under one removable id."""
    flags = list(flags)
    handle = RemovableHandle(hooks, extra_dict=[kept for kept, _ in flags])
    hooks[handle.id] = hook
    for kept, is_set in flags:
        if is_set:
            kept[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def registered(
    hooks: OrderedDict[int, Callable[..., Any]], module: Any, name: str, value: Any
) -> Any:
    """Return what the hooks on registration make of ``value``."""
    for hook in hooks.values():
        changed = hook(module, name, value)
        if changed is not None:
            value = changed
    return value


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module."""
    return keep(every_forward_pre, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module."""
    flags = [(every_forward_with_kwargs, with_kwargs), (every_forward_always, always_call)]
    return keep(every_forward, hook, flags)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the gradients of every module are computed."""
    return keep(every_backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` for every module."""
    return keep(every_backward, hook)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Refused: see :func:`not_full`."""
    raise not_full("torch.nn.modules.module.register_module_backward_hook")


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, param)`` whenever a parameter is registered."""
    return keep(every_parameter, hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever a buffer is registered."""
    return keep(every_buffer, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever a submodule is registered."""
    return keep(every_module, hook)


def not_full(api: str) -> UnsupportedError:
    """The refusal of hooks that see the gradients of one autograd node, which Paddle does not show."""
    return UnsupportedError(
        api=api,
        reason="it hands out the gradients of the last operation only, whichever that is",
        advice="Use register_full_backward_hook, which gets the module's own gradients",
    )


class _Passage(PyLayer):
    """The identity on tensors whose gradients a function sees, and may replace, on their way back."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[..., Any], *tensors: Any) -> Any:
        ctx.seen = seen
        ctx.inputs = Inputs(tensors)
        ctx.set_materialize_grads(False)
        # A view, since Paddle takes a returned input, or its detached twin, for an in-place write.
        views = [
            _C_ops.view_shape(one.detach(), one.shape) if one.size else one.clone()
            for one in tensors
        ]
        ctx.kinds = [(one.shape, one.dtype) for one in views]
        return tuple(views) if len(views) > 1 else views[0]

    @staticmethod
    @remembering
    def backward(ctx: Any, *grads: Any) -> Any:
        result = ctx.seen(tuple(None if one is None else _shown(one) for one in grads))
        # No gradient at all ends the process where the input needs one; and what a hook has kept
        # must not be what a leaf goes on to add its gradients into.
        result = [
            paddle.zeros(*kind) if one is None else paddle.assign(plain(one))
            for one, kind in zip(result, ctx.kinds, strict=True)
        ]
        return tuple(result) if len(result) > 1 else result[0]


def _shown(grad: Any) -> Tensor:
    if grad.is_leaf:
        grad.stop_gradient = True
    return wrap(grad)


def _passed(values: Any, seen: Callable[..., Any]) -> tuple[Any, list[int] | None]:
    """Return ``values`` with tensors that need gradients led through a passage, and their places."""
    places = [
        place
        for place, value in enumerate(values)
        if isinstance(value, Tensor) and value.requires_grad
    ]
    if not (places and paddle.is_grad_enabled()):
        return values, None
    led = _Passage.apply(seen, *(plain(values[place]) for place in places))
    result = list(values)
    for place, value in zip(places, led if len(places) > 1 else (led,), strict=True):
        result[place] = wrap(value)
    whole = type(values)(*result) if hasattr(values, "_fields") else tuple(result)
    return whole, places


class BackwardHook:
    """Shows a module's hooks the gradients of its outputs and inputs during one backward pass.

    ``backward_pre_hooks`` get ``(module, grad_output)`` and may replace it; ``backward_hooks`` get
    ``(module, grad_input, grad_output)`` and may replace ``grad_input``. Both are tuples with None
    where an argument is no tensor, or an output is none that has a gradient.
    """

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_output: Any = None
        self.inputs: list[int] | None = None
        self.outputs: list[int] | None = None
        self.input_count = self.output_count = 0
        self.args: tuple[Any, ...] = ()

    def setup_input_hook(self, args: tuple[Any, ...]) -> Any:
        """Return the arguments to call forward with."""
        self.input_count = len(args)
        self.args = args
        result, self.inputs = _passed(args, self._input_gradients)
        return result

    def setup_output_hook(self, result: Any) -> Any:
        """Return the outputs to hand to the caller."""
        single = not isinstance(result, tuple)
        values = (result,) if single else result
        self.output_count = len(values)
        values, self.outputs = _passed(values, self._output_gradients)
        return values[0] if single else values

    def _output_gradients(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        assert self.outputs is not None
        whole = _spread(grads, self.outputs, self.output_count)
        for hook in self.pre_hooks:
            replaced = hook(self.module, whole)
            if replaced is None:
                continue
            if len(replaced) != len(whole):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(replaced)}, but expected {len(whole)}"
                )
            whole = replaced
        self.grad_output = whole
        if self.inputs is None:
            self._without_inputs()
        return tuple(whole[place] for place in self.outputs)

    def _without_inputs(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients. See "
            "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=5,
        )
        for hook in self.hooks:
            replaced = hook(self.module, (None,) * self.input_count, self.grad_output)
            if replaced is not None and any(one is not None for one in replaced):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_output = None

    def _input_gradients(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        assert self.inputs is not None
        if self.grad_output is None:
            return grads
        whole: Any = _spread(grads, self.inputs, self.input_count)
        # As torch does it: zeros for the tensors that no gradient has reached.
        whole = tuple(
            torch.zeros_like(given, requires_grad=False)
            if grad is None and isinstance(given, Tensor)
            else grad
            for grad, given in zip(whole, self.args, strict=True)
        )
        for hook in self.hooks:
            replaced = hook(self.module, whole, self.grad_output)
            if replaced is None:
                continue
            if len(replaced) != len(whole):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(replaced)}, but expected {len(whole)}"
                )
            whole = replaced
        self.grad_output = None
        return tuple(whole[place] for place in self.inputs)


def _spread(values: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    result: list[Any] = [None] * count
    for place, value in zip(places, values, strict=True):
        result[place] = value
    return tuple(result)
