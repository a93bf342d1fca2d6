"""torch.amp.autocast, and the switches that it sets."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import paddle

from oarlock.amp import state
from oarlock.errors import UnsupportedError
from oarlock.tensor import Tensor
from oarlock.tensor.devices import device
from oarlock.tensor.dtypes import bfloat16, float16, from_paddle, paddle_dtype


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast knows this type of device: the CPU and GPUs."""
    return device_type in ("cpu", "cuda")


def _known(device_type: str, api: str) -> str:
    if is_autocast_available(device_type):
        return device_type
    # A name that torch does not know is its own error.
    if device(device_type).type not in ("cpu", "cuda"):
        raise UnsupportedError(
            api=api,
            parameter="device_type",
            given=repr(device_type),
            reason="Paddle has no such device",
            advice="Use 'cpu' or 'cuda'",
        )
    raise RuntimeError(f"unsupported autocast device_type '{device_type}'")


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on in this thread, for a type of device."""
    return state.thread.enabled[_known(device_type, "torch.is_autocast_enabled")]


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Switch autocast in this thread, for a type of device; for GPUs where only the switch is given."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    state.set_enabled(_known(device_type, "torch.set_autocast_enabled"), bool(enabled))


def get_autocast_dtype(device_type: str) -> Any:
    """The dtype that autocast casts to on a type of device."""
    return from_paddle[state.thread.dtype[_known(device_type, "torch.get_autocast_dtype")]]


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Set the dtype that autocast casts to on a type of device."""
    known = _known(device_type, "torch.set_autocast_dtype")
    state.thread.dtype[known] = paddle_dtype(dtype)


def is_autocast_cache_enabled() -> bool:
    """Whether autocast keeps the cast copies of parameters."""
    return state.thread.cache_enabled


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Choose whether autocast keeps the cast copies of parameters."""
    state.thread.cache_enabled = enabled


def clear_autocast_cache() -> None:
    """Forget the cast copies of parameters."""
    state.thread.copies.clear()


def autocast_increment_nesting() -> int:
    """Count a context that is entered, and give the number of those entered."""
    state.enter()
    return state.thread.nesting


def autocast_decrement_nesting() -> int:
    """Count a context that is left, and give the number of those still entered."""
    state.leave()
    return state.thread.nesting


class autocast:
    """Run functions in the dtype that suits each of them; a context manager and decorator.

    Products and convolutions run in ``dtype``, losses and what needs range in float32.

    Args:
        device_type: ``"cpu"`` or ``"cuda"``.
        dtype: bfloat16 or float16; the device type's own where left out.
        enabled: whether this context casts; one that does not switches an outer one off.
        cache_enabled: whether parameters are cast once; as outside where left out.

    Raises:
        ValueError: ``device_type`` is no string.
        RuntimeError: there is no such type of device.
    """

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = _known(device_type, "torch.amp.autocast")
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = (
            is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        )
        if enabled and device_type == "cuda" and not paddle.device.is_compiled_with_cuda():
            warnings.warn(
                "User provided device_type of 'cuda', but CUDA is not available. Disabling",
                stacklevel=2,
            )
            enabled = False
        elif enabled and self.fast_dtype not in (bfloat16, float16):
            name = device_type.upper()
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{name} Autocast only supports dtypes of torch.bfloat16, torch.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled

    def __enter__(self) -> autocast:
        self.prev_cache_enabled = is_autocast_cache_enabled()
        self.prev = is_autocast_enabled(self.device)
        self.prev_fastdtype = get_autocast_dtype(self.device)
        set_autocast_enabled(self.device, self._enabled)
        set_autocast_dtype(self.device, self.fast_dtype)
        state.enter()
        set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, *error: object) -> None:
        state.leave()
        set_autocast_enabled(self.device, self.prev)
        set_autocast_dtype(self.device, self.prev_fastdtype)
        set_autocast_cache_enabled(self.prev_cache_enabled)

    def __call__(self, func: Any) -> Any:
        """Decorate a function so that it runs in this context."""
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. Did you "
                "mean to use autocast as a context manager? For example:\n    with "
                "torch.autocast(device_type=...):\n        output = model(input)"
            )

        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return decorated


class cpu_autocast(autocast):
    """``torch.cpu.amp.autocast``: autocast of the CPU, deprecated in favour of ``torch.amp``."""

    def __init__(
        self, enabled: bool = True, dtype: Any = bfloat16, cache_enabled: bool = True
    ) -> None:
        _deprecated("torch.cpu.amp.autocast(args...)", "torch.amp.autocast('cpu', args...)")
        super().__init__("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


class cuda_autocast(autocast):
    """``torch.cuda.amp.autocast``: autocast of GPUs, deprecated in favour of ``torch.amp``."""

    def __init__(
        self, enabled: bool = True, dtype: Any = float16, cache_enabled: bool = True
    ) -> None:
        _deprecated("torch.cuda.amp.autocast(args...)", "torch.amp.autocast('cuda', args...)")
        super().__init__("cuda", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


def _deprecated(old: str, new: str) -> None:
    warnings.warn(
        f"`{old}` is deprecated. Please use `{new}` instead.", FutureWarning, stacklevel=3
    )


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """Decorate the forward of an autograd.Function so that autocast treats it as one operation.

    Args:
        fwd: the forward, whose first argument is the context.
        device_type: ``"cpu"`` or ``"cuda"``.
        cast_inputs: inside autocast, cast floating-point inputs to this dtype and switch it off.

    Raises:
        ValueError: ``device_type`` is no string.
    """
    _check_device_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        context, is_on = args[0], is_autocast_enabled(device_type)
        context._dtype = get_autocast_dtype(device_type)
        context._fwd_used_autocast = is_on and cast_inputs is None
        if cast_inputs is None or not is_on:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            cast = functools.partial(_cast_input, device_type=device_type, dtype=cast_inputs)
            return fwd(*cast(args), **cast(kwargs))

    return decorated


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorate the backward of an autograd.Function so that it runs as its forward did.

    Args:
        bwd: the backward, whose first argument is the context.
        device_type: ``"cpu"`` or ``"cuda"``.

    Raises:
        ValueError: ``device_type`` is no string.
    """
    _check_device_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        context = args[0]
        with autocast(device_type, enabled=context._fwd_used_autocast, dtype=context._dtype):
            return bwd(*args, **kwargs)

    return decorated


def _check_device_type(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def _cast_input(value: Any, device_type: str, dtype: Any) -> Any:
    if isinstance(value, Tensor):
        is_single = value.is_floating_point() and value.element_size() < 8
        return value.to(dtype) if is_single and value.device.type == device_type else value
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    again = functools.partial(_cast_input, device_type=device_type, dtype=dtype)
    if isinstance(value, Mapping):
        return {again(key): again(one) for key, one in value.items()}
    if isinstance(value, Iterable):
        cast = map(again, value)
        return type(value)(cast) if isinstance(value, (list, tuple)) else cast  # type: ignore[call-arg]
    return value
