"""Launching @triton.jit kernels on tensors of Paddle or torch, without importing either.

Triton's own launcher takes device and stream from torch. Here Triton compiles, and the CUDA driver
launches what it compiled, on the GPU and the current stream that the first tensor's framework
names. The driver object that Triton has active in the process is not involved, so that whoever
else uses Triton keeps theirs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oarlock.kernels import cuda_driver
from oarlock.kernels.buffers import gpu_of, is_tensor, stream_of
from oarlock.kernels.compilation import SCRATCHES, Signature
from oarlock.kernels.cuda_driver import Function
from oarlock.kernels.interpretation import interpret, interprets, is_interpreted

INTERPRETED = (8, 0)  # the capability that kernels are told of in the interpreter

_LOCK = threading.Lock()
_signatures: dict[int, Signature] = {}
_functions: dict[tuple[Any, ...], Function] = {}
_NO_SCRATCH = [0] * SCRATCHES


class _Directions(threading.local):
    """What launches of this thread do instead of asking the tensors."""

    capability: tuple[int, int] | None = None  # compile for it, and launch nothing
    place: tuple[int, int] | None = None  # GPU and stream


_directions = _Directions()


def launch(
    kernel: Any,
    grid: tuple[int, ...],
    *arguments: Any,
    num_warps: int,
    num_stages: int,
    **constants: Any,
) -> None:
    """Launch a kernel on the GPU and the current stream of its first tensor, without waiting.

    The first launch with a new kind of arguments compiles, which takes seconds, or reads what
    was compiled before from Triton's cache on disk; a `CompilationWarning` says so once. Safe in
    several threads, and in the capture of a CUDA graph where the kernel was launched before.

    Args:
        kernel: a function decorated with ``@triton.jit``. One that was decorated under
            ``TRITON_INTERPRET=1`` runs in Triton's interpreter, on tensors on the CPU.
        grid: up to three numbers of blocks; with a 0 among them nothing happens.
        *arguments: the kernel's arguments besides its constants, in order: tensors of Paddle or
            torch (all on one GPU), integers, floats, booleans, or None for a constant None.
        num_warps: warps in a block.
        num_stages: stages of the pipeline that loads ahead.
        **constants: the kernel's ``tl.constexpr`` parameters.

    Raises:
        TypeError: arguments that the kernel does not take.
        ValueError: tensors on the CPU, for a kernel that is not interpreted; or the reverse.
        CudaError: the CUDA driver refused to load or to launch it.
    """
    x, y, z = (*grid, 1, 1)[:3]
    if is_interpreted(kernel):
        interpret(kernel, (x, y, z), arguments, constants)
        return
    signature = _signatures.get(id(kernel))
    if signature is None:
        signature = _signatures.setdefault(id(kernel), Signature(kernel))
    types, values = signature.read(arguments)
    options: dict[str, Any] = {"num_warps": num_warps, "num_stages": num_stages}
    if _directions.capability is not None:
        with _LOCK:
            signature.compile(
                types,
                constants,
                capability=_directions.capability,
                announce=False,
                **options,
            )
        return
    gpu, stream = _directions.place or _place_of(kernel, arguments)
    key = (id(kernel), gpu, types, num_warps, num_stages, *constants.items())
    function = _functions.get(key)
    if function is None:
        with _LOCK:
            function = _functions.get(key)
            if function is None:
                capability = cuda_driver.capability(gpu)
                code = signature.compile(types, constants, capability=capability, **options)
                function = Function(
                    code.cubin, code.name, code.parameters, code.warps, code.shared, gpu
                )
                _functions[key] = function
    if x and y and z:
        function((x, y, z), stream, values + _NO_SCRATCH)


def capability(x: Any) -> tuple[int, int]:
    """Return the compute capability that launches on a tensor compile for, such as (9, 0).

    In the interpreter, where there is none, it is `INTERPRETED`.

    Raises:
        ValueError: the tensor is on the CPU, and kernels are not interpreted.
    """
    if _directions.capability is not None:
        return _directions.capability
    gpu = gpu_of(x) if _directions.place is None else _directions.place[0]
    if gpu is None:
        if interprets():
            return INTERPRETED
        raise ValueError("a tensor on the CPU has no compute capability")
    return cuda_driver.capability(gpu)


def is_directed() -> bool:
    """Whether this thread is in `compiling_for` or `launching_on`: tensors may lie anywhere."""
    return _directions.capability is not None or _directions.place is not None


@contextmanager
def compiling_for(capability: tuple[int, int]) -> Iterator[None]:
    """Let launches of this thread compile for an architecture and launch nothing.

    Neither a GPU nor a driver is needed, and tensors may lie anywhere.
    """
    before, _directions.capability = _directions.capability, capability
    try:
        yield
    finally:
        _directions.capability = before


@contextmanager
def launching_on(gpu: int, stream: int) -> Iterator[None]:
    """Launch on this GPU and stream in this thread, whatever the tensors' framework has current."""
    before, _directions.place = _directions.place, (gpu, stream)
    try:
        yield
    finally:
        _directions.place = before


def _place_of(kernel: Any, arguments: tuple[Any, ...]) -> tuple[int, int]:
    tensor = next(x for x in arguments if is_tensor(x))
    gpu = gpu_of(tensor)
    if gpu is None:
        raise ValueError(
            f"{kernel.__name__} runs on a GPU, and its first tensor is on the CPU; set "
            "TRITON_INTERPRET=1 before Triton is imported to run it there"
        )
    return gpu, stream_of(tensor, gpu)
