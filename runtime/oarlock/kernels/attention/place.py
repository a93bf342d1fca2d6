"""Creating tensors where a given one lies, whatever Paddle's current device is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paddle


@contextmanager
def beside(tensor: paddle.Tensor) -> Iterator[None]:
    """Make the place of ``tensor`` Paddle's current device in the block, where it is another."""
    place = tensor.place
    here = f"gpu:{place.gpu_device_id()}" if place.is_gpu_place() else "cpu"
    before = paddle.device.get_device()
    if before == here or not (place.is_gpu_place() or place.is_cpu_place()):
        yield
        return
    paddle.device.set_device(here)
    try:
        yield
    finally:
        paddle.device.set_device(before)
