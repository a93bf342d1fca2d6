"""Modules made without their default initialisation."""

from __future__ import annotations

import inspect
from typing import Any

import oarlock.torch as torch
from oarlock.nn.module import Module


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Make a module whose parameters and buffers have unspecified values.

    Args:
        module_cls: a Module class whose constructor takes ``device``.
        args: for the constructor.
        kwargs: for the constructor.

    Raises:
        RuntimeError: it is no Module class, or does not take ``device``.

    The default initialisation runs nevertheless, since Paddle has no tensors without storage; the
    random generator is then put back, as torch draws nothing here.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    kwargs.setdefault("device", "cpu")
    with torch.random.fork_rng(devices=[]):
        return module_cls(*args, **kwargs)
