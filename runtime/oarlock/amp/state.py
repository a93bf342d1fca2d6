"""Whether autocast is on, for which device and dtype, and the casting of a function's tensors.

A composition of `policy.CONCERNED` casts its arguments where `entered` is not zero::

    if state.entered:
        args, kwargs = state.cast_call("linear", args, kwargs)

What generated code hands straight to Paddle calls `cast_for` in the same way.
"""

from __future__ import annotations

from threading import local
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.amp import policy

_FLOATS = (paddle.float32, paddle.float16, paddle.bfloat16)
_LOWEST = {"cpu": paddle.bfloat16, "cuda": paddle.float16}

# How many autocast contexts are entered, in all threads: zero is all that most calls read.
entered = 0


class _Thread(local):
    def __init__(self) -> None:
        self.enabled = {"cpu": False, "cuda": False}
        self.dtype = dict(_LOWEST)
        self.cache_enabled = True
        self.nesting = 0
        # Cast copies of leaf parameters, which hold the parameter that they are of.
        self.copies: dict[Any, tuple[paddle.Tensor, paddle.Tensor]] = {}


thread = _Thread()


def enter() -> None:
    """Count a context that is entered."""
    global entered
    entered += 1
    thread.nesting += 1


def leave() -> None:
    """Count a context that is left; the outermost takes the cast copies with it."""
    global entered
    entered -= 1
    thread.nesting -= 1
    if thread.nesting == 0:
        thread.copies.clear()


def set_enabled(device_type: str, enabled: bool) -> None:
    """Switch autocast of a device type, in this thread; on counts among what calls must ask."""
    global entered
    entered += enabled - thread.enabled[device_type]
    thread.enabled[device_type] = enabled


def is_on(x: paddle.Tensor) -> bool:
    """Whether autocast is on where ``x`` lies, in this thread."""
    return thread.enabled["cpu" if x.place.is_cpu_place() else "cuda"]


def cast_for(name: str, *values: Any) -> tuple[Any, ...]:
    """Cast what a function gets, as autocast's policy for it says.

    Args:
        name: the function's public name, such as ``"torch.matmul"``, or its composition's, such as
            ``"matmul"``.
        values: plain tensors, lists or tuples of them, and anything else, which stays as it is.

    Returns:
        The values, in the same order.

    Raises:
        RuntimeError: the function is not safe in the lower precision.
    """
    kind = _device_type(values)
    if kind is None or not thread.enabled[kind]:
        return values
    if name in policy.LOWER[kind]:
        return tuple(_cast(value, kind, thread.dtype[kind]) for value in values)
    if name in policy.SINGLE[kind]:
        return tuple(_cast(value, kind, paddle.float32) for value in values)
    if name in policy.BANNED[kind]:
        raise RuntimeError(
            f"{name} and its module are unsafe to autocast. Use binary_cross_entropy_with_logits "
            "or torch.nn.BCEWithLogitsLoss, which are safe to autocast"
        )
    return values


def cast_call(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Cast the arguments of a call as `cast_for` casts values."""
    values = cast_for(name, *args, *kwargs.values())
    return values[: len(args)], dict(zip(kwargs, values[len(args) :], strict=True))


def _device_type(values: Any) -> str | None:
    for value in values:
        if isinstance(value, paddle.Tensor):
            return "cpu" if value.place.is_cpu_place() else "cuda"
        if isinstance(value, (list, tuple)):
            found = _device_type(value)
            if found is not None:
                return found
    return None


def _cast(value: Any, kind: str, dtype: Any) -> Any:
    if isinstance(value, paddle.Tensor):
        return _cast_tensor(value, kind, dtype)
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(one, kind, dtype) for one in value)
    return value


def _cast_tensor(x: paddle.Tensor, kind: str, dtype: Any) -> paddle.Tensor:
    # Double precision, integers and complex numbers are left alone, and so are other devices.
    if x.dtype is dtype or x.dtype not in _FLOATS or x.place.is_cpu_place() != (kind == "cpu"):
        return x
    keeps = (
        thread.cache_enabled
        and x.dtype is paddle.float32
        and dtype is thread.dtype[kind]
        and x.is_leaf
        and not x.stop_gradient
    )
    if not keeps:
        return _C_ops.cast(x, dtype)
    # A parameter used twice is cast once: its gradients add up in the lower precision, as torch's.
    key = x.data_ptr(), tuple(x.shape), dtype, paddle.is_grad_enabled()
    found = thread.copies.get(key)
    if found is None:
        found = thread.copies[key] = x, _C_ops.cast(x, dtype)
    return found[1]
