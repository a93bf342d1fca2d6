"""What a kernel's launch needs of a tensor, Paddle's or torch's: its address, dtype, GPU and stream.

No framework is imported here: a tensor exists only where its framework was imported already.
"""

from __future__ import annotations

import sys
from typing import Any

_TRITON_NAMES = {
    "float16": "fp16",
    "bfloat16": "bf16",
    "float32": "fp32",
    "float64": "fp64",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "bool": "i1",
}
ELEMENTS = frozenset(_TRITON_NAMES.values())
_names: dict[Any, str] = {}


def is_tensor(x: Any) -> bool:
    """Whether a kernel takes ``x`` for a tensor: it has an address."""
    return hasattr(x, "data_ptr")


def dtype_name(x: Any) -> str:
    """Return the dtype of a tensor of either framework, such as ``"bfloat16"``."""
    return str(x.dtype).rpartition(".")[2]


def element_type(x: Any) -> str:
    """Return Triton's name for the dtype of a tensor, such as ``"bf16"``.

    Raises:
        TypeError: Triton has no such type.
    """
    dtype = x.dtype
    name = _names.get(dtype)
    if name is None:
        try:
            name = _names[dtype] = _TRITON_NAMES[dtype_name(x)]
        except KeyError:
            raise TypeError(f"a kernel can't take a tensor of dtype {dtype}") from None
    return name


def gpu_of(x: Any) -> int | None:
    """Return the number of the GPU that a tensor lies on, None for the CPU."""
    if _is_paddle(x):
        place = x.place
        return place.gpu_device_id() if place.is_gpu_place() else None
    return x.device.index if x.is_cuda else None


def stream_of(x: Any, gpu: int) -> int:
    """Return the handle of the stream that x's framework has current on this GPU.

    ``gpu`` must be that of ``x``: a CPU build of Paddle ends the process when asked for a stream.
    """
    if _is_paddle(x):
        return _paddle_stream(gpu)
    return _torch_stream(gpu)


def _is_paddle(x: Any) -> bool:
    tensor = getattr(sys.modules.get("paddle"), "Tensor", None)
    return tensor is not None and isinstance(x, tensor)


def _paddle_stream(gpu: int) -> int:
    raw = getattr(sys.modules["paddle"].base.libpaddle, "_get_current_raw_stream", None)
    if raw is not None:
        return raw(gpu)
    # The same by public names, at ten times the cost.
    return sys.modules["paddle"].device.current_stream(f"gpu:{gpu}").stream_base.cuda_stream


def _torch_stream(gpu: int) -> int:
    torch = sys.modules["torch"]
    raw = getattr(torch._C, "_cuda_getCurrentRawStream", None)
    return raw(gpu) if raw is not None else torch.cuda.current_stream(gpu).cuda_stream
