"""What kind of backward pass is running: one into all leaves, or one towards chosen tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local


class _Thread(local):
    chosen = 0


_thread = _Thread()


@contextmanager
def towards_chosen() -> Iterator[None]:
    """A block in which gradients go to chosen tensors only."""
    _thread.chosen += 1
    try:
        yield
    finally:
        _thread.chosen -= 1


def reaches_all_leaves() -> bool:
    """Whether gradients accumulate in all leaves, as ``backward()`` without inputs does."""
    return _thread.chosen == 0
