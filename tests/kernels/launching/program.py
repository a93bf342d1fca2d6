"""Launches kernels on the recording driver; run as a program, with a framework's name.

What was launched is in the driver's record. What else there is to know goes to standard output as
JSON, by name.
"""

# ruff: noqa: E402
from __future__ import annotations

import json
import sys
import threading
import warnings
from typing import Any

framework = sys.argv[1]
if framework == "paddle":
    sys.modules["torch"] = None  # pyright: ignore[reportArgumentType]
    import paddle

    def full(shape, value, dtype: Any = "bfloat16") -> Any:
        return paddle.full(list(shape), value, dtype)
else:
    sys.modules["paddle"] = None  # pyright: ignore[reportArgumentType]
    import torch

    def full(shape, value, dtype: Any = "bfloat16") -> Any:
        return torch.full(shape, value, dtype=getattr(torch, dtype))


import sample_kernels
from triton.runtime.driver import driver

from oarlock.errors import CompilationWarning
from oarlock.kernels.attention.blocks import Window
from oarlock.kernels.attention.scoring import Scoring
from oarlock.kernels.attention.triton import run
from oarlock.kernels.launch import capability, launch, launching_on

facts: dict[str, Any] = {}


class Untouchable:
    """Whoever's driver is active: nothing of it may be asked, and it has to stay."""

    touched: list[str]

    def __getattribute__(self, name):
        Untouchable.touched.append(name)
        raise AttributeError(name)


Untouchable.touched = []
active: Any = Untouchable()
driver.set_active(active)

x, y, bias = full((64, 3), 1), full((64, 3), 0), 7
offsets = full((192,), 1, "int32")
OPTIONS = {"num_warps": 4, "num_stages": 2}


def scaled(length, *, stream, gpu=0, negate=False, offsets=None, factor=2.5, grid=(3, 2)):
    with launching_on(gpu, stream):
        launch(
            sample_kernels.scaled,
            grid,
            *(x, y, length, bias, factor, negate, offsets),
            BLOCK=64,
            **OPTIONS,
        )


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    scaled(192, stream=0x5EED)
    scaled(192, stream=0x5EED)
    scaled(191, stream=1, gpu=1, negate=True, offsets=offsets)
    scaled(2**40, stream=2)
    scaled(192, stream=3, grid=(0, 4))
    with launching_on(0, 4):
        sides = full((128, 256), 1), full((256, 128), 1), full((128, 128), 0)
        launch(sample_kernels.product, (1,), *sides, 256, SIZE=128, num_warps=8, num_stages=3)
        run.forward(
            *[full((1, 32, 2, 16), 1)] * 3,
            scoring=Scoring(Window(32, 32, None, 0), 0.25),
            empty=lambda like, shape, dtype: full(shape, 0, dtype),
        )
    facts["warnings"] = [
        [each.category.__name__, str(each.message), each.filename]
        for each in caught
        if issubclass(each.category, CompilationWarning)
    ]


def several(number):
    for _ in range(20):
        scaled(192, stream=100 + number, gpu=number % 2, factor=float(number))


threads = [threading.Thread(target=several, args=(number,)) for number in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

with launching_on(1, 0):
    facts["capability"] = capability(x)
for name, call in {
    "too few": lambda: launch(sample_kernels.scaled, (1,), x, BLOCK=64, **OPTIONS),
    "on the CPU": lambda: launch(
        sample_kernels.scaled, (1,), x, y, 1, 1, 1.0, True, None, BLOCK=64, **OPTIONS
    ),
    "a string": lambda: launch(
        sample_kernels.scaled, (1,), x, y, "1", 1, 1.0, True, None, BLOCK=64, **OPTIONS
    ),
}.items():
    try:
        call()
    except (TypeError, ValueError) as error:
        facts[name] = [type(error).__name__, str(error)]
facts["addresses"] = [each.data_ptr() for each in (x, y, offsets)]
facts["driver"] = {"kept": driver._active is active, "touched": Untouchable.touched}
facts["frameworks"] = [each for each in ("paddle", "torch") if sys.modules.get(each)]


def with_tritons_own_launcher():
    """The first launch again, by Triton itself with a driver that names device and stream."""
    from triton.backends.nvidia.driver import CudaDriver, CudaLauncher, CudaUtils

    class Given(CudaDriver):
        def __init__(self):
            self.utils, self.launcher_cls = CudaUtils(), CudaLauncher
            self.get_current_device = lambda: 0
            self.get_current_stream = lambda device: 0x5EED
            self.get_device_capability = lambda device: (9, 0)

    driver.set_active(Given())
    arguments = (x, y, 192, bias, 2.5, False, None)
    kernel: Any = sample_kernels.scaled
    kernel[(3, 2)](*arguments, BLOCK=64, **OPTIONS)


if len(sys.argv) > 2:
    sys.modules.pop("torch")  # Triton 3.9 looks whether it is there
    with_tritons_own_launcher()
print(json.dumps(facts))
