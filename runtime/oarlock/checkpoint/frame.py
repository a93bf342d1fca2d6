"""Checkpoints by hooks on what operations save: a frame fills its empty places when one is needed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import paddle

import oarlock.torch as torch
from oarlock.autograd.saved import Hooks, Saved
from oarlock.checkpoint.surroundings import Surroundings
from oarlock.tensor import plain, wrap
from oarlock.tensor.dtypes import from_paddle

_TIP = (
    "The function has to do the same each time it is run: it may depend on nothing that changes "
    "between forward and backward. determinism_check='none' leaves out the check of the metadata."
)


class CheckpointError(RuntimeError):
    """A checkpointed function saved something else when it was run again."""


def _metadata(x: paddle.Tensor) -> dict[str, Any]:
    return {
        "shape": torch.Size(x.shape),
        "dtype": from_paddle[x.dtype],
        "device": wrap(x.detach()).device,
    }


CHECKS: dict[str, Callable[[paddle.Tensor], Any]] = {"default": _metadata, "none": lambda x: None}


class _Place:
    """Stands for a tensor that an operation saved; holds it between recomputation and use."""

    __slots__ = ("__weakref__", "value")

    def __init__(self) -> None:
        self.value: paddle.Tensor | None = None


class Frame:
    """One call of a checkpointed function: its arguments, and a place for all that it saved.

    Args:
        function: what was called, with the keyword arguments bound.
        args: its positional arguments.
        preserve_rng_state: whether it draws the same random numbers again.
        context: makes the context manager around the recomputation.
        metadata: what must be equal of a tensor that is saved again.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        preserve_rng_state: bool,
        context: AbstractContextManager[Any],
        metadata: Callable[[paddle.Tensor], Any],
    ) -> None:
        self._function, self._context, self._metadata = function, context, metadata
        self._surroundings = Surroundings(preserve_rng_state)
        self._args = [
            (Saved(plain(one)), one.requires_grad) if isinstance(one, paddle.Tensor) else one
            for one in args
        ]
        self._tensors = [isinstance(one, paddle.Tensor) for one in args]
        self._places: list[weakref.ref[_Place]] = []
        self._facts: list[Any] = []
        self._is_complete = False

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A block whose operations save into this frame's places."""
        with Hooks(self._pack, self._unpack):
            yield
        self._is_complete = True

    def _pack(self, x: paddle.Tensor) -> _Place:
        place = _Place()
        self._places.append(weakref.ref(place))
        self._facts.append(self._metadata(x))
        return place

    def _unpack(self, place: _Place) -> paddle.Tensor:
        if place.value is None:
            self._recompute()
        value, place.value = place.value, None
        if value is None:
            raise CheckpointError(
                "torch.utils.checkpoint: a tensor that was saved in forward was not saved again. "
                + _TIP
            )
        return value

    def _arguments(self) -> list[Any]:
        return [
            wrap(one[0].unpack()) if is_tensor else one
            for one, is_tensor in zip(self._args, self._tensors, strict=True)
        ]

    def _recompute(self) -> None:
        saved: list[Any] = []

        def keep(x: paddle.Tensor) -> paddle.Tensor:
            x = x.detach()
            n = len(saved)
            saved.append(self._metadata(x))
            place = self._places[n]() if n < len(self._places) else None
            if place is not None:
                place.value = x
            return x

        args = self._arguments()
        with (
            self._surroundings.again(),
            self._context,
            torch.enable_grad(),
            Hooks(keep, lambda x: x),
        ):
            self._function(*args)
        if not self._is_complete:
            return
        if len(saved) != len(self._facts):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(self._facts)}\n"
                f"Number of tensors saved during recomputation: {len(saved)}.\n{_TIP}"
            )
        different = [
            f"tensor at position {n}:\nsaved metadata: {before}\nrecomputed metadata: {now}\n"
            for n, (before, now) in enumerate(zip(self._facts, saved, strict=True))
            if before != now
        ]
        if different:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different "
                f"metadata than during the forward pass.\n{''.join(different)}.\n{_TIP}"
            )
