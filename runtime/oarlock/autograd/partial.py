"""Gradients with respect to some inputs only, through nodes that Paddle serves for all or none.

Where only some inputs of a PyLayer lead to what paddle.grad was asked for, it raises. So the inputs
of all PyLayers that are alive are remembered, and asked for too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakSet


class Inputs:
    """The tensors that one PyLayer was applied to; its context keeps it alive."""

    __slots__ = ("__weakref__", "tensors")

    def __init__(self, tensors: Sequence[Any]) -> None:
        self.tensors = tensors
        _alive.add(self)


_alive: WeakSet[Inputs] = WeakSet()


def with_others(wanted: list[Any]) -> list[Any]:
    """Return ``wanted``, and after them the other inputs of PyLayers that need gradients, each once."""
    if not _alive:
        return wanted
    result, marked = list(wanted), []
    try:
        # Aliases share this flag, and nothing else that Python could see tells them.
        for tensor in wanted:
            if not tensor.stop_gradient:
                tensor.stop_gradient = True
                marked.append(tensor)
        for inputs in list(_alive):
            for tensor in inputs.tensors:
                if not tensor.stop_gradient:
                    tensor.stop_gradient = True
                    marked.append(tensor)
                    result.append(tensor)
    finally:
        for tensor in marked:
            tensor.stop_gradient = False
    return result
