"""Attention with flash_attn's semantics, forward and backward, on any place Paddle runs on.

Everything here loads when it is first used: the kernels in `triton` serve tensors of torch too, where
there is no Paddle.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oarlock.kernels.attention.computation import compute as compute
    from oarlock.kernels.attention.computation import refuse_static_graph as refuse_static_graph
    from oarlock.kernels.attention.dense import attention as attention
    from oarlock.kernels.attention.dense import check_arguments as check_arguments
    from oarlock.kernels.attention.description import describe as describe

__all__ = ["attention", "check_arguments", "compute", "describe", "refuse_static_graph"]

_HOMES = {
    "attention": "dense",
    "check_arguments": "dense",
    "compute": "computation",
    "describe": "description",
    "refuse_static_graph": "computation",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found  # so that it is asked for once
    return found
