"""Hooks on what operations save for backward, which may be nested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
from paddle.base import core as _core

from oarlock.autograd.failures import remembering

# Paddle's stub leaves these out.
core: Any = _core
Pack = Callable[[paddle.Tensor], Any]
Unpack = Callable[[Any], paddle.Tensor]

_entered: list[tuple[Pack, Unpack]] = []


class Hooks:
    """Inside, each tensor that is saved for backward is kept as what ``pack`` makes of it.

    Args:
        pack: from a plain tensor to anything.
        unpack: from that to a plain tensor, when backward needs it.

    Of nested ones the innermost acts alone, as in torch. Paddle takes one pair at a time.
    """

    def __init__(self, pack: Pack, unpack: Unpack) -> None:
        self.pair = pack, remembering(unpack)

    def __enter__(self) -> None:
        if _entered:
            core.eager.reset_saved_tensors_hooks()
        _entered.append(self.pair)
        core.eager.register_saved_tensors_hooks(*self.pair)

    def __exit__(self, *_: object) -> None:
        core.eager.reset_saved_tensors_hooks()
        _entered.pop()
        if _entered:
            core.eager.register_saved_tensors_hooks(*_entered[-1])


class Saved:
    """A tensor kept as an operation would keep it: packed by the hooks that act, checked for change.

    Raises:
        RuntimeError: on `unpack`, where it was changed in place since.
    """

    def __init__(self, tensor: paddle.Tensor) -> None:
        self._unpack: Any = None
        self._kept: Any = tensor
        self._version = tensor.inplace_version
        if _entered:
            pack, self._unpack = _entered[-1]
            self._kept, self._is_leaf = pack(tensor), not tensor.stop_gradient

    def unpack(self) -> paddle.Tensor:
        """Return the tensor; one that was packed comes without its history."""
        if self._unpack is None:
            if self._kept.inplace_version != self._version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    "inplace operation"
                )
            return self._kept
        found = self._unpack(self._kept).detach()
        found.stop_gradient = not self._is_leaf
        return found
