"""What kind of backward pass is running: one into all leaves, or one towards chosen tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any


class Pass:
    """A backward pass that is running.

    Args:
        number: tells it from other passes of the thread.
        outputs: the plain tensors that it starts at.
    """

    def __init__(self, number: int, outputs: Sequence[Any]) -> None:
        self.number = number
        self._outputs = outputs
        self._nodes: set[Any] | None = None

    def reaches(self, node: Any) -> bool:
        """Whether a node of the graph is on its way."""
        if self._nodes is None:
            self._nodes = set()
            waiting = [x.grad_fn for x in self._outputs]
            while waiting:
                one = waiting.pop()
                if one is not None and one not in self._nodes:
                    self._nodes.add(one)
                    waiting.extend(one.next_functions)
        return node in self._nodes


class _Thread(local):
    chosen = 0
    count = 0
    running: Pass | None = None


_thread = _Thread()


@contextmanager
def towards_chosen() -> Iterator[None]:
    """A block in which gradients go to chosen tensors only."""
    _thread.chosen += 1
    try:
        yield
    finally:
        _thread.chosen -= 1


@contextmanager
def started(outputs: Sequence[Any]) -> Iterator[None]:
    """A block in which a backward pass from ``outputs`` runs."""
    before = _thread.running
    _thread.count += 1
    _thread.running = Pass(_thread.count, outputs)
    try:
        yield
    finally:
        _thread.running = before


def current() -> Pass:
    """The pass that runs in this thread.

    Raises:
        AssertionError: there is none.
    """
    if _thread.running is None:
        raise AssertionError("expected this hook to be called inside a backward call")
    return _thread.running


def reaches_all_leaves() -> bool:
    """Whether gradients accumulate in all leaves, as ``backward()`` without inputs does."""
    return _thread.chosen == 0
