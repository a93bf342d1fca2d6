"""Clipping of gradients by their total norm or by value."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import no_grad
from oarlock.tensor import Tensor, plain, wrap
from oarlock.tensor.dtypes import get_default_dtype

_grad_of: Any = paddle.Tensor.grad.__get__
_HALF = (paddle.float16, paddle.bfloat16)


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, paddle.Tensor) else list(tensors)


def _grads(parameters: list[Any]) -> list[paddle.Tensor]:
    return [grad for grad in map(_grad_of, parameters) if grad is not None]


def _widened(x: paddle.Tensor) -> paddle.Tensor:
    """A half-precision tensor in single precision, in which Paddle's CPU kernels can compute."""
    is_narrow = x.dtype in _HALF and x.place.is_cpu_place()
    return _C_ops.cast(x, paddle.float32) if is_narrow else x


def _norm(x: paddle.Tensor, order: float) -> paddle.Tensor:
    wide = _widened(x)
    if wide.is_complex():
        wide = _C_ops.abs(wide)
    if order == 2.0:
        found = _C_ops.sqrt(_C_ops.squared_l2_norm(wide)).reshape([])
    elif order == float("inf"):
        # Paddle's maximum leaves NaN out; a sum does not.
        size = _C_ops.abs(wide)
        found = _C_ops.max(size, [], False) if size.size else _C_ops.sum(size, [], None, False)
        total = _C_ops.sum(size, [], None, False)
        found = _C_ops.where(_C_ops.isnan(total), total, found)
    else:
        found = _C_ops.p_norm(wide, order, -1, 0.0, False, True)
    return found if wide is x or x.is_complex() else _C_ops.cast(found, x.dtype)


def _total(tensors: list[paddle.Tensor], order: float) -> paddle.Tensor:
    if not tensors:
        return _C_ops.full([], 0.0, get_default_dtype().paddle, paddle.CPUPlace())
    place = tensors[0].place
    norms = [_norm(x, order) for x in tensors]
    norms = [x if x.place._equals(place) else x._copy_to(place, True) for x in norms]
    if len({x.dtype for x in norms}) > 1:
        norms = [_C_ops.cast(x, paddle.float32) for x in norms]
    return _norm(_C_ops.stack(norms, 0), order)


def _check_finite(total: paddle.Tensor, order: float) -> None:
    if not bool(_C_ops.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so "
            "it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )


def _scale(grads: list[paddle.Tensor], max_norm: float, total: paddle.Tensor) -> None:
    coefficient = _C_ops.scale(_widened(total), 1.0, 1e-6, True)
    coefficient = _C_ops.scale(_C_ops.reciprocal(coefficient), max_norm, 0.0, True)
    if coefficient.place.is_cpu_place():
        # min() keeps its first argument where that is NaN, as clamp does.
        factor = min(float(coefficient), 1.0)
        if factor == 1.0:
            return
        for grad in grads:
            _C_ops.scale_(grad, factor, 0.0, True)
        return
    coefficient = _C_ops.clip(coefficient, float("-inf"), 1.0)
    for grad in grads:
        _C_ops.multiply_(grad, _C_ops.cast(coefficient, grad.dtype))


def get_total_norm(
    tensors: Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors, as if they were one vector.

    Args:
        tensors: one Tensor or an iterable of them.
        norm_type: the order of the norm; may be infinite.
        error_if_nonfinite: raise where the norm is infinite or NaN.
        foreach: chooses among torch's implementations; the value is the same.

    Raises:
        RuntimeError: the norm is not finite, and ``error_if_nonfinite`` is set.
    """
    order = float(norm_type)
    with no_grad():
        given = [plain(x) for x in _listed(tensors)]
        total = _total(given, order)
        if error_if_nonfinite and given:
            _check_finite(total, order)
    return wrap(total)


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale gradients so that a total norm becomes at most ``max_norm``.

    Args:
        parameters: one Tensor or an iterable of them, whose gradients are scaled in place.
        max_norm: the largest norm.
        total_norm: the norm that the gradients have.
        foreach: chooses among torch's implementations; the values are the same.
    """
    with no_grad():
        grads = _grads(_listed(parameters))
        if grads:
            _scale(grads, float(max_norm), plain(total_norm))


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale gradients so that their norm, taken as one vector, is at most ``max_norm``.

    Args:
        parameters: one Tensor or an iterable of them, whose gradients are scaled in place.
        max_norm: the largest norm.
        norm_type: the order of the norm; may be infinite.
        error_if_nonfinite: raise where the norm is infinite or NaN.
        foreach: chooses among torch's implementations; the values are the same.

    Returns:
        The norm before, a Tensor without dimensions.

    Raises:
        RuntimeError: the norm is not finite, and ``error_if_nonfinite`` is set.
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
        )
    order = float(norm_type)
    with no_grad():
        grads = _grads(listed)
        total = _total(grads, order)
        if grads:
            if error_if_nonfinite:
                _check_finite(total, order)
            _scale(grads, float(max_norm), total)
    return wrap(total)


def clip_grad_norm(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The deprecated name of `clip_grad_norm_`."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of the gradients to ``[-clip_value, clip_value]``.

    Args:
        parameters: one Tensor or an iterable of them, whose gradients are clamped in place.
        clip_value: the largest magnitude.
        foreach: chooses among torch's implementations; the values are the same.
    """
    limit = float(clip_value)
    with no_grad():
        for grad in _grads(_listed(parameters)):
            if grad.dtype in _HALF and grad.place.is_cpu_place():
                clipped = _C_ops.clip(_widened(grad), -limit, limit)
                _C_ops.assign_out_(_C_ops.cast(clipped, grad.dtype), grad)
            else:
                _C_ops.clip_(grad, -limit, limit)
