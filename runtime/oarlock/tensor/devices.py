"""torch.device, the default device, and Paddle's place for each."""

from __future__ import annotations

import re
from functools import cache, wraps
from threading import local
from typing import Any

import paddle

from oarlock.errors import UnsupportedError

# Every device type that torch knows by name; Paddle serves the first two.
_TYPES = (
    *("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga"),
    *("maia", "xla", "lazy", "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone"),
)
_STRING = re.compile(r"([a-z]+)(?::(0|[1-9]\d*))?")


class device:
    """Where a tensor lies: ``torch.device("cuda:1")``, ``torch.device("cuda", 1)``.

    As a context manager, or as a decorator, it is the default device of what is created inside.

    Attributes:
        type: "cpu", "cuda", …
        index: the number of the device, or None for the current one.

    Args:
        type: a string such as ``"cuda"`` or ``"cuda:1"``, a device, or the number of a GPU.
        index: the number of the device, where ``type`` has none.
        device: the same as ``type``.

    Raises:
        RuntimeError: the string names no device.
        TypeError: the arguments are of other types.
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    # Equal devices are one object, so that comparing and hashing them is Python's own.
    def __new__(cls, *args: Any, **kwargs: Any) -> device:  # noqa: D102
        given, index = _arguments(*args, **kwargs)
        if given.__class__ is device:
            return given
        if given.__class__ is int:
            if given < 0:
                raise RuntimeError("Device index must not be negative")
            if not paddle.device.is_compiled_with_cuda():
                raise RuntimeError("Cannot access accelerator device when none is available.")
            return _device("cuda", given)
        kind, own_index = _parsed(given)
        if index is None:
            return _device(kind, own_index)
        if own_index is not None:
            raise RuntimeError(
                f"type (string) must not include an index because index was passed explicitly: {given}"
            )
        if index < 0:
            raise RuntimeError("Device index must not be negative")
        return _device(kind, index)

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'torch.device' is not an acceptable base type")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type,) if self.index is None else (self.type, self.index)

    def __enter__(self) -> device:
        _entered().append(self)
        return self

    def __exit__(self, *error: object) -> None:
        _entered().pop()

    def __call__(self, function: Any) -> Any:
        """Decorate a function, so that it creates tensors on this device."""

        @wraps(function)
        def on_this_device(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return on_this_device


def _arguments(*args: Any, **kwargs: Any) -> tuple[Any, int | None]:
    names = ("device",) if "device" in kwargs else ("type", "index")
    values = dict(zip(names, args, strict=False))
    fits = len(args) <= len(names) and kwargs.keys() <= set(names) - values.keys()
    values |= kwargs
    given, index = values.get(names[0]), values.get("index")
    if isinstance(given, bytes):
        given = given.decode()
    if not fits or not isinstance(given, (str, int, device)) or isinstance(given, bool):
        kinds = [type(value).__name__ for value in args]
        kinds += [f"{name}={type(value).__name__}" for name, value in kwargs.items()]
        raise TypeError(
            "device() received an invalid combination of arguments - got "
            f"({', '.join(kinds)}), but expected one of:\n"
            " * (torch.device device)\n * (str type, int index = -1)\n"
        )
    if index is not None and (isinstance(index, bool) or not isinstance(index, int)):
        raise TypeError(
            f"device(): argument 'index' (position 2) must be int, not {type(index).__name__}"
        )
    return given, index


def _parsed(text: str) -> tuple[str, int | None]:
    if not text:
        raise RuntimeError("Device string must not be empty")
    found = _STRING.fullmatch(text)
    if not found and text.partition(":")[0] in _TYPES:
        raise RuntimeError(f"Invalid device string: '{text}'")
    if not found or found[1] not in _TYPES:
        raise RuntimeError(
            f"Expected one of {', '.join(_TYPES)} device type at start of device string: "
            f"{text.partition(':')[0]}"
        )
    return found[1], None if found[2] is None else int(found[2])


@cache
def _device(kind: str, index: int | None) -> device:
    made = object.__new__(device)
    object.__setattr__(made, "type", kind)
    object.__setattr__(made, "index", index)
    return made


CPU = _device("cpu", None)
_CPU_PLACE = paddle.CPUPlace()
_default: device | None = None
_threads = local()


def _entered() -> list[device]:
    try:
        return _threads.entered
    except AttributeError:
        _threads.entered = []
        return _threads.entered


def as_device(value: Any) -> device | None:
    """Return the device that an argument named ``device`` means; None stays None.

    Args:
        value: a device, a string, the number of a GPU, or None.
    """
    return value if value is None or value.__class__ is device else device(value)


def get_default_device() -> device:
    """The device of tensors created without one: that of the innermost ``with``, else the set one."""
    entered = _entered()
    chosen = entered[-1] if entered else _default
    if chosen is None:
        return CPU
    return (
        _device("cuda", _current_gpu())
        if chosen.type == "cuda" and chosen.index is None
        else chosen
    )


def set_default_device(device: Any) -> None:
    """Make a device the default of every thread; None means the CPU again."""
    global _default
    _default = as_device(device)


def place(value: Any = None, api: str = "torch.device") -> Any:
    """Paddle's place for a device argument; for None, that of the default device.

    Args:
        value: a device, a string, the number of a GPU, or None.
        api: the torch-side name of the caller, for the message.

    Raises:
        UnsupportedError: Paddle has no such device, or this Paddle was built without it.
    """
    wanted = get_default_device() if value is None else as_device(value)
    return _CPU_PLACE if wanted is CPU else _place(wanted, api)


def _place(wanted: Any, api: str) -> Any:
    if wanted.type == "cpu":
        return _CPU_PLACE
    if wanted.type != "cuda":
        raise UnsupportedError(
            api=api,
            parameter="device",
            given=repr(str(wanted)),
            reason="Paddle has no such device"
            if wanted.type != "meta"
            else "Paddle has no tensors without storage",
            advice="Use 'cpu' or 'cuda'",
        )
    if not paddle.device.is_compiled_with_cuda():
        raise UnsupportedError(
            api=api,
            parameter="device",
            given=repr(str(wanted)),
            reason="this is a CPU build of Paddle",
            advice="Use 'cpu', or install paddlepaddle-gpu",
        )
    index = _current_gpu() if wanted.index is None else wanted.index
    if index >= paddle.device.cuda.device_count():
        raise RuntimeError("CUDA error: invalid device ordinal")
    return paddle.CUDAPlace(index)


def _current_gpu() -> int:
    kind, _, index = paddle.device.get_device().partition(":")
    return int(index) if kind == "gpu" else 0


def from_place(place: Any) -> device:
    """The device of a tensor's place.

    Raises:
        UnsupportedError: the place is none that torch has a name for.
    """
    if place.is_cpu_place() or place.is_cuda_pinned_place():
        return CPU
    if place.is_gpu_place():
        return _device("cuda", place.gpu_device_id())
    raise UnsupportedError(
        api="torch.Tensor.device",
        given=str(place),
        reason="torch has no name for Paddle's place",
        advice="Keep tensors on the CPU or a GPU",
    )
