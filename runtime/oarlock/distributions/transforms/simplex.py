"""Transforms to vectors of probabilities."""

from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.transforms.base import SameByType
from oarlock.distributions.transforms.elementwise import clipped_sigmoid
from oarlock.torch.nn import functional


def _vector(shape: Any) -> Any:
    if len(shape) < 1:
        raise ValueError("Too few dimensions on input")
    return shape


class SoftmaxTransform(SameByType):
    """Softmax along the last dimension; back go log probabilities, which need not be what was mapped."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        odds = (x - x.max(-1, True)[0]).exp()
        return odds / odds.sum(-1, True)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        return _vector(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _vector(shape)


class StickBreakingTransform(SameByType):
    """Each element takes a share of what the ones before left of a stick: K numbers to K + 1 probabilities."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x: Any) -> Any:
        share = clipped_sigmoid(x - _log_left(x, x.shape[-1]))
        left = (1 - share).cumprod(-1)
        return functional.pad(share, [0, 1], value=1) * functional.pad(left, [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        taken = y[..., :-1]
        left = torch.clamp(1 - taken.cumsum(-1), min=torch.finfo(y.dtype).tiny)
        return taken.log() - left.log() + _log_left(y, taken.shape[-1])

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - _log_left(x, x.shape[-1])
        return (-x + functional.logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        _vector(shape)
        return torch.Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        _vector(shape)
        return torch.Size((*shape[:-1], shape[-1] - 1))


def _log_left(like: Any, count: int) -> Any:
    """The logarithms of K … 1: with it x = 0 breaks the stick into equal parts."""
    return (count + 1 - like.new_ones(count).cumsum(-1)).log()
