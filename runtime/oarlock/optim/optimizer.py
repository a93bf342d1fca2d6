"""torch.optim.Optimizer: parameter groups, state, hooks, and the state_dict that crosses frameworks."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.errors import UnsupportedError
from oarlock.nn.hooks import RemovableHandle
from oarlock.nn.module import typename
from oarlock.tensor import Tensor, plain, wrap
from oarlock.tensor.dtypes import float32, float64, from_paddle, get_default_dtype

grad_of: Any = paddle.Tensor.grad.__get__
set_grad: Any = paddle.Tensor.grad.__set__

_HOOKS = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)

_COMPUTED = (paddle.float32, paddle.float64)
_HALF = (paddle.float16, paddle.bfloat16)
_every_step_pre: OrderedDict[int, Any] = OrderedDict()
_every_step_post: OrderedDict[int, Any] = OrderedDict()


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook: Any) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer."""
    return _register(_every_step_pre, hook)


def register_optimizer_step_post_hook(hook: Any) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return _register(_every_step_post, hook)


def _register(table: OrderedDict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def number(value: Any) -> Any:
    """The Python number in a one-element Tensor or a NumPy scalar; other values as they are."""
    return value.item() if isinstance(value, (paddle.Tensor, np.generic)) else value


def check(condition: bool, what: str, value: Any) -> None:
    """Raise ValueError "Invalid <what>: <value>" unless the condition holds."""
    if not condition:
        raise ValueError(f"Invalid {what}: {value}")


def check_lr(lr: Any, message: str = "Invalid learning rate: ") -> None:
    """Raise ValueError for a negative learning rate, or one that is a Tensor of several elements."""
    if isinstance(lr, paddle.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not number(lr) >= 0.0:
        raise ValueError(f"{message}{lr}")


def check_betas(betas: Any) -> None:
    """Raise ValueError unless both of Adam's decay rates lie in [0, 1)."""
    for index in (0, 1):
        check(0.0 <= number(betas[index]) < 1.0, f"beta parameter at index {index}", betas[index])


def check_flags(api: str, defaults: dict[str, Any]) -> None:
    """Check the flags that choose among torch's implementations, of which Oarlock has one.

    ``foreach`` and ``fused`` name ways to the same values, and are accepted.

    Raises:
        RuntimeError: flags that exclude each other.
        UnsupportedError: ``differentiable``.
    """
    fused, differentiable = defaults.get("fused"), defaults.get("differentiable")
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and defaults.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise UnsupportedError(
            api=api,
            parameter="differentiable",
            given="True",
            reason="Paddle's in-place updates of a leaf are not recorded for backward()",
            advice="Write the update out of place, or leave differentiable at False",
        )


def check_kernels(api: str, p: paddle.Tensor) -> None:
    """Raise UnsupportedError for a parameter that Paddle's kernels can't update as torch does."""
    if p.dtype in _COMPUTED:
        return
    if p.dtype in _HALF:
        if not p.place.is_cpu_place():
            return
        reason = "Paddle's CPU kernels do not compute in this dtype"
        advice = "Keep the parameters in float32 and use torch.amp.autocast"
    else:
        reason = "the update of complex parameters is not served"
        advice = "Keep real and imaginary part as two parameters"
    raise UnsupportedError(
        api=api, given=f"a parameter of dtype {from_paddle[p.dtype]}", reason=reason, advice=advice
    )


def scalar_dtype(fused: Any = False) -> Any:
    """Paddle's dtype of the step counts in an optimizer's state."""
    wide = get_default_dtype() is float64 and not fused
    return (float64 if wide else float32).paddle


def scalar_tensor(value: float, dtype: Any, place: Any = None) -> Tensor:
    """A Tensor of no dimensions, on the CPU unless a place is given."""
    return wrap(_C_ops.full([], value, dtype, place or paddle.CPUPlace()))


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def step_with_hooks(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        before = self._optimizer_step_pre_hooks
        if _every_step_pre or before:
            for hook in [*_every_step_pre.values(), *before.values()]:
                changed = hook(self, args, kwargs)
                if changed is None:
                    continue
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {changed}."
                    )
                args, kwargs = changed
        result = step(*args, **kwargs)
        after = self._optimizer_step_post_hooks
        if _every_step_post or after:
            for hook in [*after.values(), *_every_step_post.values()]:
                hook(self, args, kwargs)
        return result

    step_with_hooks.hooked = True  # type: ignore[attr-defined]
    return step_with_hooks


class Optimizer:
    """Base class of all optimizers, with the behaviour of ``torch.optim.Optimizer``.

    Args:
        params: Tensors, ``(name, Tensor)`` pairs, or dictionaries with a list of either under
            ``"params"`` and options of their own.
        defaults: the options of groups that do not name them.

    Raises:
        TypeError: ``params`` is one Tensor, or holds what is none.
        ValueError: there are no parameters, or one is no leaf or in two groups.
    """

    _optimizer_step_pre_hooks: OrderedDict[int, Any]
    _optimizer_step_post_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_state_dict_post_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Any]
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Any]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hook_tables()
        if isinstance(params, paddle.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {typename(params)}"
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hook_tables(self) -> None:
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())
        cls = type(self)
        if not getattr(cls.step, "hooked", False):
            cls.step = _hooked(cls.step)  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hook_tables()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            lines = [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            text += "\n".join([f"\nParameter Group {i}", *lines, ""])
        return text + ")"

    def register_step_pre_hook(self, hook: Any) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before a step; it may return new arguments."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Any) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after a step."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Any, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Any, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Any, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Any, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    def state_dict(self) -> dict[str, Any]:
        """The state by the parameters' numbers, and the groups with numbers for parameters."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for i, p in enumerate(group["params"], start):
                numbers.setdefault(id(p), i)
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, paddle.Tensor) else key: value
            for key, value in self.state.items()
        }
        found = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, found)
            if changed is not None:
                found = changed
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options that ``state_dict`` gave.

        State is cast to its parameter's dtype, except step counts, and moved to its device.

        Raises:
            ValueError: the groups differ in number or in size.
        """
        given = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, given)
            if changed is not None:
                given = changed
        groups, saved = self.param_groups, deepcopy(given["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        owner = {
            number: (p, there)
            for here, there in zip(groups, saved, strict=True)
            for number, p in zip(there["params"], here["params"], strict=True)
        }
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in given["state"].items():
            if key in owner:
                p, group = owner[key]
                state[p] = _fitted(p, value, group)
            else:
                state[key] = value
        for here, there in zip(groups, saved, strict=True):
            there["params"] = here["params"]
            if "param_names" in here and "param_names" not in there:
                there["param_names"] = here["param_names"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                grad = grad_of(p)
                if grad is None:
                    continue
                if set_to_none:
                    set_grad(p, None)
                else:
                    if not grad.stop_gradient:
                        grad = grad.detach()
                        set_grad(p, grad)
                    _C_ops.fill_(grad, 0.0)

    def step(self, closure: Any = None) -> Any:
        """Update the parameters; ``closure`` evaluates the loss again and gives it."""
        raise NotImplementedError

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own.

        Raises:
            TypeError: the group is no dictionary, or holds a set or what is no Tensor.
            ValueError: a parameter is no leaf or in another group, an option is missing, or only
                some parameters are named.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, paddle.Tensor):
            given = [given]
        elif isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        given = list(given)
        names = [item[0] for item in given if isinstance(item, tuple)]
        params = [item[1] if isinstance(item, tuple) else item for item in given]
        param_group["params"] = params
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. "
                    "Some param names are missing"
                )
            param_group["param_names"] = names
        for p in params:
            if not isinstance(p, paddle.Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is " + typename(p)
                )
            if not p.is_leaf and not getattr(p, "retains_grad", False):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        own = {id(p) for p in params}
        if len(own) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                kind = "with names" if "param_names" in param_group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {kind} to the optimizer"
                )
        if not own.isdisjoint(id(p) for p in chain(*(g["params"] for g in self.param_groups))):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)


def _fitted(p: Any, value: Any, group: dict[str, Any], key: Any = None) -> Any:
    """A loaded value of the state of ``p``, in the dtype and on the device that it has there."""
    if isinstance(value, paddle.Tensor):
        own, target = plain(value), plain(p)
        if key != "step":
            dtype = target.dtype if p.is_floating_point() else own.dtype
        elif group.get("capturable") or group.get("fused"):
            dtype = paddle.float32
        else:
            return value
        if own.dtype is not dtype:
            own = _C_ops.cast(own, dtype)
            value = wrap(own)
        if own.place._equals(target.place):
            return value
        return wrap(own._copy_to(target.place, True))
    if isinstance(value, dict):
        return {k: _fitted(p, v, group, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_fitted(p, v, group) for v in value)  # type: ignore[call-arg]
    return value
