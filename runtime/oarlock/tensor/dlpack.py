"""Tensors that other libraries lend, and that are lent to them, by the DLPack protocol."""

from __future__ import annotations

from typing import Any

import paddle
from paddle.utils import dlpack

from oarlock.errors import UnsupportedError
from oarlock.tensor.core import plain, wrap


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """Return a Tensor on the memory of another library's tensor.

    Args:
        ext_tensor: has ``__dlpack__``, or is the capsule that it returns.
        device: where the result is to be; where it lies is where it stays if left out.
        copy: True: on memory of its own.

    Raises:
        ValueError: ``copy`` is False and the device another.
        AssertionError: ``device`` or ``copy`` with a capsule.
    """
    is_capsule = not hasattr(ext_tensor, "__dlpack__")
    if is_capsule and (device is not None or copy is not None):
        raise AssertionError(
            "device and copy kwargs not supported when ext_tensor is already a DLPack capsule."
        )
    if isinstance(ext_tensor, paddle.Tensor):
        found = wrap(plain(ext_tensor).detach())
    else:
        found = wrap(dlpack.from_dlpack(ext_tensor))
    result = found if device is None else found.to(device)
    if result is not found and result.device != found.device and copy is False:
        raise ValueError(
            f"cannot move DLPack tensor from device {found.device} to {result.device} without "
            "copying. Set copy=None or copy=True."
        )
    return result.clone() if copy and result.device == found.device else result


def to_dlpack(data: Any, dl_device: Any = None, copy: bool | None = None) -> Any:
    """Return a capsule that lends a tensor's memory.

    Args:
        data: a contiguous tensor.
        dl_device: refused: the memory is lent where it is.
        copy: True: a copy's memory is lent.

    Raises:
        BufferError: the tensor requires a gradient.
        UnsupportedError: it is not contiguous, or a device is given.
    """
    if data.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if dl_device is not None:
        raise UnsupportedError(
            api="torch.utils.dlpack.to_dlpack",
            parameter="dl_device",
            given=repr(dl_device),
            reason="Paddle lends memory where it is",
            advice="Move the tensor first",
        )
    given = plain(data).detach()
    if copy:
        given = given.clone()
    if not given.is_contiguous():
        raise UnsupportedError(
            api="torch.utils.dlpack.to_dlpack",
            parameter="data",
            given="a tensor that is not contiguous",
            reason="Paddle lends contiguous memory only",
            advice="Call contiguous() first",
        )
    return dlpack.to_dlpack(given)
