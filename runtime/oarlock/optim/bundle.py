"""Parameters updated together: small ones packed into one buffer, so that each operation runs once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.tensor import plain, wrap

# Elements of a parameter that is worth operations of its own; of a buffer for smaller ones; of one
# pass over a large parameter, whose intermediate results then stay in a core's cache.
_SMALL = 1 << 13
_PACKED = 1 << 15
_PASS = 1 << 18
_ON_GPU = 1 << 24


class Bundle:
    """Parameters of one dtype, device and step count, with their state.

    The state's Tensors are views of this bundle's buffers, so that what an optimizer's ``state``
    shows is what the arithmetic updates.

    Args:
        params: the parameters, Tensors.
        state: for each parameter, its dictionary in the optimizer's state.
        names: the entries of a parameter's shape, each with the value it starts with.
        scalars: the entries without dimensions, each with the value it starts with.
        dtype, place: of the scalars.

    Attributes:
        values: the scalars as Python numbers.
    """

    def __init__(
        self,
        params: list[paddle.Tensor],
        state: list[dict[str, Any]],
        names: dict[str, Any],
        scalars: dict[str, float],
        dtype: Any,
        place: Any,
    ):
        self.params = params
        self.state = state
        targets = [plain(p) for p in params]
        first = targets[0]
        limit = _PASS if first.place.is_cpu_place() else _ON_GPU
        self.dtype = first.dtype
        self.sizes = [math.prod(p.shape) for p in targets]
        self.shapes = [list(p.shape) for p in targets]
        self.place = first.place
        self.scalars: dict[str, paddle.Tensor] = {}
        self.values: dict[str, float] = {}
        self._versions: list[int] = []
        kept: list[list[Any]] = [[] for _ in params]
        for name, start in scalars.items():
            value = float(state[0][name]) if name in state[0] else start
            vector = _C_ops.full([len(params)], value, dtype, place)
            self.scalars[name] = vector
            self.values[name] = self._rounded(vector, value)
            for i, one in enumerate(state):
                one[name] = wrap(vector[i])
                kept[i].append(one[name])
        self.buffers: list[paddle.Tensor] = []
        for name, start in names.items():
            flat, views = self._packed()
            for i, one in enumerate(state):
                given = one.get(name, start)
                if isinstance(given, paddle.Tensor):
                    _C_ops.assign_out_(plain(given), views[i])
                elif given:
                    _C_ops.fill_(views[i], given)
                one[name] = wrap(views[i])
                kept[i].append(one[name])
            self.buffers.append(flat)
        self.entries = [*scalars, *names]
        self.kept = kept
        self.single = len(params) == 1
        self.spans = [(a, min(a + limit, self.sizes[0])) for a in range(0, self.sizes[0], limit)]
        self.parts = [[buffer._slice(a, b) for buffer in self.buffers] for a, b in self.spans]
        if not self.single:
            self.param_flat, self.param_views = self._packed()
            self.grad_flat, self.grad_views = self._packed()

    def _packed(self) -> tuple[paddle.Tensor, list[paddle.Tensor]]:
        """A buffer, and its part for each parameter in that one's shape."""
        flat = _C_ops.full([sum(self.sizes)], 0.0, self.dtype, self.place)
        views, start = [], 0
        for size, shape in zip(self.sizes, self.shapes, strict=True):
            views.append(flat[start : start + size].reshape(shape))
            start += size
        return flat, views

    def is_current(self, state: Any) -> bool:
        """Whether the optimizer's state still holds this bundle's Tensors, unchanged by others."""
        for p, own, kept in zip(self.params, self.state, self.kept, strict=True):
            if state.get(p) is not own:
                return False
            for name, value in zip(self.entries, kept, strict=True):
                if own.get(name) is not value:
                    return False
        return self._versions == [v.inplace_version for v in self.scalars.values()]

    def set(self, name: str, value: float) -> None:
        """Give a scalar of all parameters a new value."""
        vector = self.scalars[name]
        _C_ops.fill_(vector, value)
        self.values[name] = self._rounded(vector, value)

    def multiply(self, name: str, factor: float) -> None:
        """Multiply a scalar of all parameters, with the rounding of its dtype."""
        rounded = self._rounded(self.scalars[name], factor)
        self.set(name, self.values[name] * rounded)

    @staticmethod
    def _rounded(vector: paddle.Tensor, value: float) -> float:
        return value if vector.dtype is paddle.float64 else float(np.float32(value))

    def settle(self) -> None:
        """Remember the scalars' versions, by which `is_current` sees what others write."""
        self._versions = [v.inplace_version for v in self.scalars.values()]

    def segments(
        self, grads: list[paddle.Tensor]
    ) -> Iterator[tuple[paddle.Tensor, paddle.Tensor, list[paddle.Tensor]]]:
        """Give (parameters, gradients, state) of equal shape, to be updated in place.

        Gradients are only to be read.
        """
        if not self.single:
            for p, view in zip(self.params, self.param_views, strict=True):
                _C_ops.assign_out_(p, view)
            for grad, view in zip(grads, self.grad_views, strict=True):
                _C_ops.assign_out_(grad, view)
            yield self.param_flat, self.grad_flat, self.buffers
            for p, view in zip(self.params, self.param_views, strict=True):
                _C_ops.assign_out_(view, p)
            return
        target = plain(self.params[0])
        # A copy where the parameter is not contiguous or has no dimensions.
        flat = _flat(target)
        flat_grad = _flat(grads[0])
        if len(self.spans) == 1:
            yield flat, flat_grad, self.buffers
        else:
            for (a, b), parts in zip(self.spans, self.parts, strict=True):
                yield flat._slice(a, b), flat_grad._slice(a, b), parts
        if flat.data_ptr() != target.data_ptr():
            _C_ops.assign_out_(flat.reshape(target.shape), target)
        target._bump_inplace_version()


def _flat(x: paddle.Tensor) -> paddle.Tensor:
    """All elements in a row, in the same storage where they lie so there.

    Paddle's ``contiguous()`` is not asked: it gives its own tensor another storage.
    """
    row = x.reshape([-1])
    return row if row.is_contiguous() else _C_ops.scale(row, 1.0, 0.0, True)


def partition(sizes: list[int], keys: list[Any], place: Any) -> list[list[int]]:
    """Group indices of equal keys: large parameters each alone, small ones up to a buffer's size."""
    alone, most = (_SMALL, _PACKED) if place.is_cpu_place() else (_ON_GPU, _ON_GPU)
    found: list[list[int]] = []
    filling: dict[Any, tuple[list[int], int]] = {}
    for i, (size, key) in enumerate(zip(sizes, keys, strict=True)):
        run, used = filling.get(key, ([], most))
        if size > alone:
            found.append([i])
        elif used + size > most:
            filling[key] = [i], size
            found.append(filling[key][0])
        else:
            run.append(i)
            filling[key] = run, used + size
    return found
