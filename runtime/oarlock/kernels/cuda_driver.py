"""The CUDA driver API, as far as loading and launching a compiled kernel goes, through ctypes.

Calls and constants are those of cuda.h (CUDA Driver API reference manual). Nothing of a framework
is involved: the same primary context that its runtime uses is made current for the call and put
back after it.
"""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
_SHARED_OPT_IN = 97  # CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
_SHARED_STATIC = 1  # CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES
_SHARED_DYNAMIC = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_PREFER_SHARED = 1  # CU_FUNC_CACHE_PREFER_SHARED
_SHARED_WITHOUT_OPT_IN = 48 * 1024
_WARP = 32


class CudaError(RuntimeError):
    """A call of the CUDA driver that failed."""


@cache
def capability(gpu: int) -> tuple[int, int]:
    """Return the compute capability of a GPU, such as (9, 0).

    Raises:
        CudaError: there is no such GPU.
        OSError: there is no NVIDIA driver.
    """
    return _device_attribute(_MAJOR, gpu), _device_attribute(_MINOR, gpu)


class Function:
    """A kernel loaded onto one GPU; calling it launches it.

    Args:
        cubin: the machine code.
        name: the kernel's name in it.
        parameters: formats of the kernel's parameters as in `struct`, one character each: "Q" for a
            pointer, "i" for an int32, "f" for a float32.
        warps: warps in a block.
        shared: bytes of shared memory of a block.
        gpu: the GPU's number.

    Raises:
        CudaError: the driver refuses the code, or a block needs more shared memory than there is.
    """

    def __init__(
        self, cubin: bytes, name: str, parameters: str, warps: int, shared: int, gpu: int
    ) -> None:
        self.name = name
        self.gpu = gpu
        # Eight bytes each, so that all are aligned.
        layout = struct.Struct("<" + "".join(f"{each}{8 - _size(each)}x" for each in parameters))
        self._slots = _Slots(layout.size)
        self._pack = layout.pack_into
        self._threads = warps * _WARP
        self._shared = shared
        with current(gpu):
            self._handle = _load(cubin, name, shared, gpu)

    def __call__(self, grid: tuple[int, int, int], stream: int, values: list[Any]) -> None:
        """Launch it on a stream, without waiting.

        Raises:
            CudaError: the driver refused the launch.
        """
        slots = self._slots
        self._pack(slots.memory, 0, *values)
        # The parameters are copied before this returns.
        if _current() == _primary(self.gpu):
            self._launch(grid, stream, slots)
        else:
            with current(self.gpu):
                self._launch(grid, stream, slots)

    def _launch(self, grid: tuple[int, int, int], stream: int, slots: _Slots) -> None:
        x, y, z = grid
        code = _driver().cuLaunchKernel(
            self._handle, x, y, z, self._threads, 1, 1, self._shared, stream, slots.pointers, None
        )
        if code:
            raise CudaError(f"launching {self.name} with grid {grid}: {_reason(code)}")


class _Slots(threading.local):
    """Memory for the parameters of a launch, and the pointers to each: one per thread."""

    def __init__(self, size: int) -> None:
        self.memory = ctypes.create_string_buffer(size)
        first = ctypes.addressof(self.memory)
        self.pointers = (ctypes.c_void_p * (size // 8))(*range(first, first + size, 8))


@contextmanager
def current(gpu: int) -> Iterator[None]:
    """Make a GPU's primary context this thread's in the block; the one before comes back."""
    if _current() == _primary(gpu):
        yield
        return
    _check(_driver().cuCtxPushCurrent_v2(ctypes.c_void_p(_primary(gpu))))
    try:
        yield
    finally:
        _check(_driver().cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p())))


def _load(cubin: bytes, name: str, shared: int, gpu: int) -> ctypes.c_void_p:
    driver, module, function = _driver(), ctypes.c_void_p(), ctypes.c_void_p()
    _check(driver.cuModuleLoadData(ctypes.byref(module), cubin))
    _check(driver.cuModuleGetFunction(ctypes.byref(function), module, name.encode()))
    if shared > _SHARED_WITHOUT_OPT_IN:
        most = _device_attribute(_SHARED_OPT_IN, gpu)
        if shared > most:
            raise CudaError(
                f"{name} needs {shared} bytes of shared memory a block, and GPU {gpu} has {most}"
            )
        static = ctypes.c_int()
        _check(driver.cuFuncGetAttribute(ctypes.byref(static), _SHARED_STATIC, function))
        _check(driver.cuFuncSetCacheConfig(function, _PREFER_SHARED))
        _check(driver.cuFuncSetAttribute(function, _SHARED_DYNAMIC, most - static.value))
    return function


def _current() -> int | None:
    context = ctypes.c_void_p()
    _check(_driver().cuCtxGetCurrent(ctypes.byref(context)))
    return context.value


@cache
def _primary(gpu: int) -> int | None:
    context = ctypes.c_void_p()
    _check(_driver().cuDevicePrimaryCtxRetain(ctypes.byref(context), gpu))
    return context.value


def _device_attribute(attribute: int, gpu: int) -> int:
    value = ctypes.c_int()
    _check(_driver().cuDeviceGetAttribute(ctypes.byref(value), attribute, gpu))
    return value.value


@cache
def _driver() -> Any:
    driver = ctypes.CDLL("libcuda.so.1")
    driver.cuLaunchKernel.argtypes = [
        ctypes.c_void_p,
        *[ctypes.c_uint] * 7,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    code = driver.cuInit(0)
    if code:
        raise CudaError(f"the CUDA driver can't be used: error {code}")
    return driver


def _check(code: int) -> None:
    if code:
        raise CudaError(_reason(code))


def _reason(code: int) -> str:
    text = ctypes.c_char_p()
    _driver().cuGetErrorString(code, ctypes.byref(text))
    return f"CUDA error {code}: {(text.value or b'unknown').decode()}"


def _size(parameter: str) -> int:
    return struct.calcsize("<" + parameter)
