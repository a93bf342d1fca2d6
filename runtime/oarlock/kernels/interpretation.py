"""Running kernels in Triton's interpreter, in place on the memory of tensors of either framework.

The interpreter, on under ``TRITON_INTERPRET=1``, copies torch's CUDA tensors to the host and back,
and asks tensors for what only torch's have. A kernel on the CPU works on memory as it lies, and
needs an address and a dtype alone.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from oarlock.kernels.buffers import dtype_name, gpu_of, is_tensor

_LOCK = threading.Lock()  # the interpreter patches triton.language while it runs


def interprets() -> bool:
    """Whether kernels that are made now are interpreted."""
    triton = sys.modules.get("triton")
    return triton is not None and triton.knobs.runtime.interpret


def is_interpreted(kernel: Any) -> bool:
    """Whether a kernel was made under ``TRITON_INTERPRET=1``."""
    return type(kernel).__module__ == "triton.runtime.interpreter"


def interpret(
    kernel: Any,
    grid: tuple[int, int, int],
    arguments: Sequence[Any],
    constants: Mapping[str, Any],
) -> None:
    """Run an interpreted kernel on tensors that lie on the CPU.

    Raises:
        ValueError: a tensor lies on a GPU.
    """
    runtime = [_Buffer(x) if is_tensor(x) else x for x in arguments]
    names = [each for each in kernel.arg_names if each not in constants]
    with _LOCK:
        kernel[grid](**dict(zip(names, runtime, strict=True)), **constants)


class _Buffer:
    """Memory as the interpreter wants it: its copies to the host and back do nothing here."""

    def __init__(self, x: Any) -> None:
        if gpu_of(x) is not None:
            raise ValueError("TRITON_INTERPRET=1 runs kernels on the CPU, and a tensor is on a GPU")
        self.dtype = dtype_name(x)
        self._address = x.data_ptr()

    def data_ptr(self) -> int:
        return self._address

    def untyped_storage(self) -> _Buffer:
        return self

    def cpu(self) -> _Buffer:
        return self

    def copy_(self, other: _Buffer) -> None:
        pass

    def new_empty(self, *size: int, device: str) -> _Buffer:
        return self

    def set_(self, *view: Any) -> None:
        pass

    def storage_offset(self) -> int:
        return 0

    def size(self) -> tuple[int, ...]:
        return ()

    def stride(self) -> tuple[int, ...]:
        return ()
