"""The recorded graph: the node that made a tensor, and whether a tensor is a leaf."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.tensor.core import plain
from oarlock.tensor.grad_nodes import torch_name

_is_leaf = paddle.Tensor.is_leaf.__get__


class Node:
    """An operation of the graph, called what torch calls it where Paddle's name tells.

    Args:
        node: Paddle's gradient node.
        ndim: the number of dimensions of the tensor that it made, by which torch names some.
    """

    def __init__(self, node: Any, ndim: int):
        self._node = node
        self._ndim = ndim

    def name(self) -> str:
        """Its name, such as ``AddBackward0``."""
        return torch_name(self._node.name(), self._ndim) or "AccumulateGrad"

    @property
    def next_functions(self) -> tuple[tuple[Node, int], ...]:
        """The nodes that its gradients go to."""
        return tuple(
            (Node(node, self._ndim), 0) for node in self._node.next_functions if node is not None
        )

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self._node):#x}>"


def grad_fn(self: Any) -> Node | None:
    """The operation that made the tensor; None for a leaf."""
    p = plain(self)
    if p.stop_gradient or p.is_leaf or p.grad_fn is None:
        return None
    return Node(p.grad_fn, p.ndim)


def is_leaf(self: Any) -> bool:
    """Whether no recorded operation made the tensor."""
    return _is_leaf(plain(self))


def retains_grad(self: Any) -> bool:
    """Whether the tensor is no leaf and was asked to keep its gradient."""
    return self._retaining is not None
