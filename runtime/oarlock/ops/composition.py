"""Around a composition: half precision on the CPU in float32, and Paddle's errors as torch's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import paddle

from oarlock.amp import state as autocast
from oarlock.amp.policy import CONCERNED

P = ParamSpec("P")
T = TypeVar("T")

_GPU = paddle.device.is_compiled_with_cuda()
_INTEGERS = (paddle.int64, paddle.int32, paddle.uint8, paddle.int8, paddle.int16)
# Paddle's C++ checks say so in one of these ways; torch raises RuntimeError for all of them.
_FROM_CPP = re.compile(r"\(at /paddle|operator < |Error Message Summary|\[Hint:")
_NO_KERNEL = re.compile(r"is not registered|not support|Unimplemented|not implemented")


def composition(function: Callable[P, T]) -> Callable[P, T]:
    """Let ``function`` take half tensors on the CPU and raise what torch would.

    Paddle has few float16 and bfloat16 kernels on the CPU. Such a call is made again in float32 and
    its floating-point results are rounded once, as torch's own CPU kernels do. Nothing is checked
    beforehand: a call that succeeds costs nothing more. One that autocast's policy names casts its
    arguments first.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return _again(function, error, args, kwargs)

    name = function.__name__
    if name not in CONCERNED:
        return call

    @wraps(function)
    def call_under_autocast(*args: Any, **kwargs: Any) -> Any:
        if autocast.entered:
            args, kwargs = autocast.cast_call(name, args, kwargs)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return _again(function, error, args, kwargs)

    return call_under_autocast


def autocasts(function: Callable[P, T]) -> Callable[P, T]:
    """Let ``function``, which autocast's policy names, cast its arguments first; nothing more."""
    name = function.__name__

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if autocast.entered:
            args, kwargs = autocast.cast_call(name, args, kwargs)
        return function(*args, **kwargs)

    return call


def in_float32(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call ``function`` in float32 where half tensors lie on the CPU, and round its result.

    Beside a float32 tensor the result stays float32. For a function whose kernels Paddle has in half precision, but not their gradients.
    """
    dtype = half_dtype(args)
    if dtype is None:
        return function(*args, **kwargs)
    out = function(*kernel_ready(list(args)), **kwargs)
    promoted = any(x.dtype is paddle.float32 for x in _tensors(args))
    return out if promoted else narrowed(out, dtype)


def is_half(x: paddle.Tensor) -> bool:
    """Whether ``x`` is of float16 or bfloat16; Paddle's dtypes are slow to compare by value."""
    dtype = x.dtype
    return dtype is paddle.float16 or dtype is paddle.bfloat16


def is_integral(x: paddle.Tensor) -> bool:
    """Whether ``x`` holds integers; bool does not count."""
    dtype = x.dtype
    return dtype is not paddle.float32 and any(dtype is each for each in _INTEGERS)


def on_cpu(x: paddle.Tensor) -> bool:
    """Whether ``x`` lies on the CPU, where looking at its values does not wait for a queue."""
    return not _GPU or x.place.is_cpu_place()


def half_dtype(*values: Any) -> paddle.dtype | None:
    """Return the dtype of the first half-precision tensor on the CPU, or None."""
    for x in _tensors(values):
        if is_half(x) and on_cpu(x):
            return x.dtype
    return None


def kernel_ready(value: Any) -> Any:
    """Return ``value`` with every half-precision tensor in it cast to float32."""
    if isinstance(value, paddle.Tensor):
        return value.cast(paddle.float32) if is_half(value) else value
    if type(value) in (list, tuple):
        return type(value)(kernel_ready(each) for each in value)
    return value


def narrowed(value: Any, dtype: paddle.dtype) -> Any:
    """Return ``value`` with every float32 tensor in it cast to ``dtype``."""
    if isinstance(value, paddle.Tensor):
        return value.cast(dtype) if value.dtype is paddle.float32 else value
    if isinstance(value, tuple):
        return tuple(narrowed(each, dtype) for each in value)
    return value


def _again(function: Callable, error: Exception, args: tuple, kwargs: dict) -> Any:
    message = str(error)
    if not _FROM_CPP.search(message):
        raise error
    if _NO_KERNEL.search(message):
        dtype = half_dtype(args, tuple(kwargs.values()))
        if dtype is not None:
            wide = {name: kernel_ready(value) for name, value in kwargs.items()}
            return narrowed(call_wide(function, [kernel_ready(x) for x in args], wide), dtype)
    if isinstance(error, RuntimeError):
        raise error
    raise RuntimeError(_summary(message)) from error


def call_wide(function: Callable, args: list, kwargs: dict) -> Any:
    """Call ``function`` on float32 tensors, with Paddle's errors as torch's."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return _again(function, error, tuple(args), kwargs)


def _tensors(values: Any) -> Iterator[paddle.Tensor]:
    for value in values:
        if isinstance(value, paddle.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _summary(message: str) -> str:
    """The sentence of a Paddle error, without its C++ stack."""
    _, _, tail = message.rpartition("Error Message Summary:")
    lines = [line for line in (tail or message).strip().splitlines() if line.strip("- ")]
    return lines[0].strip() if lines else message
