"""torch.cuda.FloatTensor and its kin: the old constructors on a GPU."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.creation import legacy
from oarlock.tensor import Tensor


class _Kind(type):
    """The type of a constructor whose objects are Tensors of one dtype on a GPU."""

    on_cpu: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, Tensor)
            and instance.dtype is cls.on_cpu.dtype
            and instance.place.is_gpu_place()
        )

    def __call__(cls, *args: Any, **named: Any) -> Any:
        if not paddle.device.is_compiled_with_cuda():
            raise TypeError(
                f"type torch.cuda.{cls.__name__} not available. "
                "Torch not compiled with CUDA enabled."
            )
        return cls.on_cpu(*args, **named).cuda()


def _on_gpu(name: str) -> Any:
    on_cpu = getattr(legacy, name)
    text = f"``torch.cuda.{name}(...)``: `torch.{name}` on the current GPU."
    members = {"on_cpu": on_cpu, "dtype": on_cpu.dtype, "__doc__": text, "__module__": "torch.cuda"}
    return _Kind(name, (), members)


FloatTensor = _on_gpu("FloatTensor")
DoubleTensor = _on_gpu("DoubleTensor")
HalfTensor = _on_gpu("HalfTensor")
BFloat16Tensor = _on_gpu("BFloat16Tensor")
LongTensor = _on_gpu("LongTensor")
IntTensor = _on_gpu("IntTensor")
ShortTensor = _on_gpu("ShortTensor")
CharTensor = _on_gpu("CharTensor")
ByteTensor = _on_gpu("ByteTensor")
BoolTensor = _on_gpu("BoolTensor")
