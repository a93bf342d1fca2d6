"""Loss functions, with torch's reductions, weights, ignored targets and deprecated arguments."""

# ruff: noqa: D417 - torch's own names
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

from oarlock.ops.activation import logsigmoid
from oarlock.ops.composition import composition, in_float32, is_integral, on_cpu
from oarlock.ops.elementwise import floated
from oarlock.ops.promotion import cast, result_dtype
from oarlock.ops.softmax import log_softmax
from oarlock.tensor.core import plain, wrap

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# Up to so many logits a loss is made of operations that can be differentiated twice; beyond, the
# kernel that can't is the faster way.
_FEW = 1 << 14

# Where a loss reaches this, Paddle's CPU kernel has raised a logit to 64 below the maximum.
_CLIPPED = 63.9


def _reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the two deprecated arguments stand for, where one is given."""
    if size_average is None and reduce is None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{reduction} is not a valid value for reduction")
        return reduction
    chosen = "none"
    if reduce is None or reduce:
        chosen = "mean" if size_average is None or size_average else "sum"
    warnings.warn(
        "size_average and reduce args will be deprecated, "
        f"please use reduction='{chosen}' instead.",
        stacklevel=4,
    )
    return chosen


def _reduced(loss: paddle.Tensor, reduction: str) -> paddle.Tensor:
    if reduction == "mean":
        return _C_ops.mean(loss, [], False) if prod(loss.shape) else _mean_of_none(loss)
    if reduction == "sum":
        return _C_ops.sum(loss, [], None, False)
    return loss


def _mean_of_none(loss: paddle.Tensor) -> paddle.Tensor:
    """NaN, with a gradient of no elements."""
    return _C_ops.sum(loss, [], None, False) * float("nan")


def _warn_of_broadcasting(input: paddle.Tensor, target: paddle.Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({_size(target)}) that is different to the input size "
            f"({_size(input)}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=4,
        )


def _size(x: paddle.Tensor) -> str:
    return f"torch.Size({list(x.shape)})"


def _promoted(*tensors: paddle.Tensor) -> list[paddle.Tensor]:
    """Cast to the widest floating-point dtype among the tensors."""
    dtype = tensors[0].dtype
    if all(x.dtype is dtype for x in tensors):
        return list(tensors)
    order = [paddle.float16, paddle.bfloat16, paddle.float32, paddle.float64]
    floats = [x.dtype for x in tensors if x.dtype in order]
    if not floats:
        return list(tensors)
    if paddle.float16 in floats and paddle.bfloat16 in floats:
        floats.append(paddle.float32)
    widest = max(floats, key=order.index)
    return [x if x.dtype == widest else x.cast(widest) for x in tensors]


def _weighted_mean(loss: paddle.Tensor, weight: paddle.Tensor, reduction: str) -> paddle.Tensor:
    """Weigh each loss; the mean is over the weights' sum."""
    loss = _C_ops.multiply(loss, weight)
    if reduction == "mean":
        return _C_ops.divide(_C_ops.sum(loss, [], None, False), _C_ops.sum(weight, [], None, False))
    return _reduced(loss, reduction)


@composition
def cross_entropy(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> paddle.Tensor:
    """Compare logits with classes, or with probabilities of classes.

    Args:
        input: logits of shape (C,), (N, C) or (N, C, *).
        target: int64 classes of shape (), (N,) or (N, *), or probabilities of the shape of ``input``.
        weight: of shape (C,), one for each class.
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a class that adds nothing, neither to the loss nor to its mean's divisor.
        reduction: 'none', 'mean' (over the weights of the targets) or 'sum'.
        label_smoothing: share of the target that is spread evenly, in [0, 1].

    Raises:
        RuntimeError: shapes or dtypes that do not belong together, or a smoothing beyond [0, 1].
        ValueError: batches of different sizes.
        IndexError: a class that is not there.
    """
    reduction = _reduction(size_average, reduce, reduction)
    ndim = input.ndim
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = 1 if ndim > 1 else 0
    if target.shape == input.shape:
        return _soft_cross_entropy(
            input, target, weight, ignore_index, reduction, label_smoothing, axis
        )
    _check_classes(input, target, weight)
    if label_smoothing == 0.0 and weight is None and prod(target.shape):
        loss = _plain_cross_entropy(input, target, ignore_index, axis)
        if loss is not None:
            if reduction == "none":
                return _C_ops.squeeze(loss, [axis])
            total = _C_ops.sum(loss, [], None, False)
            if reduction == "sum":
                return total
            return _mean_of_kept(loss, target, ignore_index)
    log_p = log_softmax(input, axis)
    loss = _nll(log_p, target, weight, ignore_index, reduction)
    if label_smoothing == 0.0:
        return loss
    # What is spread evenly: the mean of all classes' negative log-probabilities, each weighed.
    view = [-1] + [1] * (ndim - 1 - axis)
    shape = [*view] if axis == 0 else [1, *view]
    spread = log_p if weight is None else _C_ops.multiply(log_p, _C_ops.reshape(weight, shape))
    spread = _C_ops.scale(_C_ops.sum(spread, [axis], None, False), -1.0, 0.0, True)
    kept = _C_ops.not_equal(target, paddle.full([], ignore_index, target.dtype))
    # Ignored places may hold an infinite log-probability.
    spread = _C_ops.masked_fill(spread, _C_ops.logical_not(kept), paddle.zeros([], spread.dtype))
    if reduction == "none":
        smooth = spread
    else:
        smooth = _C_ops.sum(spread, [], None, False)
        if reduction == "mean":
            if weight is None:
                divisor = _C_ops.sum(kept.cast(log_p.dtype), [], None, False)
            else:
                divisor = _class_weights(target, weight, kept).sum()
            smooth = _C_ops.divide(smooth, divisor)
    classes = input.shape[axis]
    return loss * (1.0 - label_smoothing) + smooth * (label_smoothing / classes)


def _plain_cross_entropy(
    input: paddle.Tensor, target: paddle.Tensor, ignore_index: int, axis: int
) -> paddle.Tensor | None:
    """Each target's loss by Paddle's kernel, with a dim of size 1 for the classes.

    None where that is not exact.
    """
    classes = input.shape[axis]
    if -classes <= ignore_index < 0 or not classes:
        return None
    if not input.stop_gradient and prod(input.shape) <= _FEW and on_cpu(target):
        labels = target.numpy()
        named = labels.min() >= 0 and labels.max() < classes
        if named and not (labels == ignore_index).any():
            return _composed_cross_entropy(input, target, axis)
    try:
        _, loss = _C_ops.cross_entropy_with_softmax(
            input, _C_ops.unsqueeze(target, [axis]), False, True, True, ignore_index, axis
        )
    except (IndexError, ValueError):
        return None
    if not on_cpu(loss):
        return loss
    return loss if _C_ops.max(loss.detach(), [], False).item() < _CLIPPED else None


def _composed_cross_entropy(
    input: paddle.Tensor, target: paddle.Tensor, axis: int
) -> paddle.Tensor:
    """Each target's loss, of operations that can be differentiated twice."""
    shifted = _C_ops.subtract(input, _C_ops.max(input.detach(), [axis], True))
    picked = _C_ops.take_along_axis(shifted, _C_ops.unsqueeze(target, [axis]), axis)
    total = _C_ops.sum(_C_ops.exp(shifted), [axis], None, True)
    return _C_ops.subtract(_C_ops.log(total), picked)


def _mean_of_kept(loss: paddle.Tensor, target: paddle.Tensor, ignore_index: int) -> paddle.Tensor:
    if on_cpu(target):
        kept = target.numpy() != ignore_index
        count = np.count_nonzero(kept)
        if count == kept.size:
            return _C_ops.mean(loss, [], False)
        total = _C_ops.sum(loss, [], None, False)
        return total * float("nan") if count == 0 else _C_ops.scale(total, 1.0 / count, 0.0, True)
    kept = _C_ops.not_equal(target, paddle.full([], ignore_index, target.dtype))
    count = _C_ops.sum(kept.cast(loss.dtype), [], None, False)
    return _C_ops.divide(_C_ops.sum(loss, [], None, False), count)


def _check_classes(
    input: paddle.Tensor, target: paddle.Tensor, weight: paddle.Tensor | None
) -> None:
    shape, labels = list(input.shape), list(target.shape)
    if not shape:
        raise RuntimeError("input tensor should be 1D or 2D")
    if target.dtype not in (paddle.int64, paddle.uint8):
        raise RuntimeError(f"expected scalar type Long but found {target.dtype}")
    classes = shape[1] if len(shape) > 1 else shape[0]
    if len(shape) == 1:
        if len(labels) > 1 or (labels and labels[0] != 1):
            raise RuntimeError(f"size mismatch (got input: {shape}, target: {labels})")
    elif len(labels) != len(shape) - 1 or labels[0] != shape[0]:
        if labels and labels[0] != shape[0]:
            raise ValueError(
                f"Expected input batch_size ({shape[0]}) to match target batch_size ({labels[0]})."
            )
        raise RuntimeError(f"Expected target size {[shape[0], *shape[2:]]}, got {labels}")
    elif labels[1:] != shape[2:]:
        raise RuntimeError(f"Expected target size {[shape[0], *shape[2:]]}, got {labels}")
    if weight is not None and list(weight.shape) != [classes]:
        raise RuntimeError(
            "weight tensor should be defined either for all "
            f"{classes} classes or no classes but got weight tensor of shape: {list(weight.shape)}"
        )


def _soft_cross_entropy(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    axis: int,
) -> paddle.Tensor:
    if target.dtype is paddle.bool or is_integral(target):
        if input.ndim == 1 and target.dtype is paddle.int64 and len(target) == 1:
            return cross_entropy(
                input,
                target.squeeze(0),
                weight,
                None,
                ignore_index,
                None,
                reduction,
                label_smoothing,
            )
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    if ignore_index >= 0:
        raise RuntimeError("ignore_index is not supported for floating point target")
    classes = input.shape[axis]
    if weight is not None and list(weight.shape) != [classes]:
        raise RuntimeError(
            "cross_entropy: weight tensor should be defined either for all "
            f"{classes} classes or no classes but got weight tensor of shape: {list(weight.shape)}"
        )
    if label_smoothing > 0.0:
        target = target * (1.0 - label_smoothing) + label_smoothing / classes
    log_p = log_softmax(input, axis)
    log_p, target = _promoted(log_p, target)
    product = _C_ops.multiply(log_p, target)
    if weight is not None:
        view = [1] * axis + [-1] + [1] * (input.ndim - 1 - axis)
        product = _C_ops.multiply(product, _C_ops.reshape(weight, view))
    if reduction == "none":
        return -_C_ops.sum(product, [axis], None, False)
    total = -_C_ops.sum(product, [], None, False)
    if reduction == "sum":
        return total
    count = prod(input.shape) // classes if classes else 0
    return total / count if count else total * float("nan")


@composition
def nll_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return the negative log-probabilities of the targets.

    Args:
        input: log-probabilities of shape (C,), (N, C) or (N, C, *).
        target: int64 classes of shape (), (N,) or (N, *).
        weight: of shape (C,), one for each class.
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a class that adds nothing, neither to the loss nor to its mean's divisor.
        reduction: 'none', 'mean' (over the weights of the targets) or 'sum'.

    Raises:
        RuntimeError: shapes or dtypes that do not belong together.
        ValueError: batches of different sizes.
        IndexError: a class that is not there.
    """
    reduction = _reduction(size_average, reduce, reduction)
    _check_classes(input, target, weight)
    return _nll(input, target, weight, ignore_index, reduction)


def _nll(
    log_p: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None,
    ignore_index: int,
    reduction: str,
) -> paddle.Tensor:
    if target.dtype is not paddle.int64:
        target = target.cast(paddle.int64)
    shape, labels = log_p.shape, list(target.shape)
    if 0 in shape:
        return _reduced(_C_ops.sum(log_p, [1 if len(shape) > 1 else 0], None, False), reduction)
    if len(shape) == 1:
        log_p, target = _C_ops.reshape(log_p, [1, -1]), _C_ops.reshape(target, [1])
    if (
        len(shape) > 2
        or (not log_p.stop_gradient and prod(shape) <= _FEW)
        or (on_cpu(target) and (target.numpy() == ignore_index).any())
    ):
        # Paddle's kernels write beyond their memory where a target is ignored, and have no second
        # derivative.
        loss = _spatial_nll(log_p, target, weight, ignore_index, reduction)
        if reduction == "none" and len(shape) == 1:
            return _C_ops.reshape(loss, labels)
        return loss
    try:
        loss = _C_ops.nll_loss(log_p, target, weight, ignore_index, reduction)[0]
    except ValueError:
        _check_range(target, log_p.shape[1], ignore_index)
        raise
    if reduction == "none" and len(shape) == 1:
        return _C_ops.reshape(loss, labels)
    return loss


def _spatial_nll(
    log_p: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None,
    ignore_index: int,
    reduction: str,
) -> paddle.Tensor:
    if on_cpu(target):
        _check_range(target, log_p.shape[1], ignore_index)
    hidden = _C_ops.equal(target, paddle.full([], ignore_index, paddle.int64))
    index = _C_ops.masked_fill(target, hidden, paddle.zeros([], paddle.int64))
    picked = _C_ops.take_along_axis(log_p, _C_ops.unsqueeze(index, [1]), 1)
    loss = _C_ops.scale(_C_ops.squeeze(picked, [1]), -1.0, 0.0, True)
    loss = _C_ops.masked_fill(loss, hidden, paddle.zeros([], loss.dtype))
    kept = _C_ops.logical_not(hidden)
    if weight is not None:
        scales = _class_weights(target, weight, kept)
        loss = _C_ops.multiply(loss, scales)
    else:
        scales = kept.cast(loss.dtype)
    if reduction == "mean":
        total = _C_ops.sum(loss, [], None, False)
        return _C_ops.divide(total, _C_ops.sum(scales, [], None, False))
    return _reduced(loss, reduction)


def _check_range(target: paddle.Tensor, classes: int, ignore_index: int) -> None:
    labels = target.numpy()
    wrong = labels[(labels != ignore_index) & ((labels < 0) | (labels >= classes))]
    if wrong.size:
        raise IndexError(f"Target {wrong[0]} is out of bounds.")


def _class_weights(
    target: paddle.Tensor, weight: paddle.Tensor, kept: paddle.Tensor
) -> paddle.Tensor:
    """The weight of each target's class, and zero for an ignored one."""
    index = _C_ops.where(kept, target, paddle.zeros_like(target))
    flat = _C_ops.index_select(weight, _C_ops.reshape(index, [-1]), 0)
    found = _C_ops.reshape(flat, list(target.shape))
    return _C_ops.multiply(found, kept.cast(found.dtype))


def _pointwise(
    function: Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor],
    input: paddle.Tensor,
    target: paddle.Tensor,
    reduction: str,
    weight: paddle.Tensor | None = None,
) -> paddle.Tensor:
    _warn_of_broadcasting(input, target)
    if weight is not None and weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    input, target = _promoted(input, target)
    if input.shape != target.shape:
        input, target = paddle.broadcast_tensors([input, target])
    loss = function(input, target)
    return _reduced(loss, reduction) if weight is None else _weighted_mean(loss, weight, reduction)


@composition
def mse_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return ``(input - target)**2``; the mean is over the weights where there are some."""
    reduction = _reduction(size_average, reduce, reduction)
    return _pointwise(
        lambda a, b: _C_ops.square(_C_ops.subtract(a, b)), input, target, reduction, weight
    )


@composition
def l1_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return ``abs(input - target)``; the mean is over the weights where there are some."""
    reduction = _reduction(size_average, reduce, reduction)
    return _pointwise(
        lambda a, b: _C_ops.abs(_C_ops.subtract(a, b)), input, target, reduction, weight
    )


@composition
def smooth_l1_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> paddle.Tensor:
    """Return ``0.5 * d**2 / beta`` where the difference d is below ``beta``, else ``|d| - beta / 2``.

    Raises:
        RuntimeError: ``beta`` is negative.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return _pointwise(lambda a, b: _C_ops.abs(_C_ops.subtract(a, b)), input, target, reduction)
    return _pointwise(lambda a, b: _huber(a, b, beta, 1.0 / beta), input, target, reduction)


@composition
def huber_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return ``0.5 * d**2`` where the difference d is below ``delta``, else ``delta * (|d| - delta / 2)``.

    Raises:
        RuntimeError: ``delta`` is not positive.
    """
    reduction = _reduction(None, None, reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _pointwise(lambda a, b: _huber(a, b, float(delta), 1.0), input, target, reduction)
    loss = _pointwise(lambda a, b: _huber(a, b, float(delta), 1.0), input, target, "none")
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    # Unlike the other weighted losses, the mean is over the elements.
    return _reduced(_C_ops.multiply(loss, weight), reduction)


def _huber(a: paddle.Tensor, b: paddle.Tensor, delta: float, factor: float) -> paddle.Tensor:
    loss = _C_ops.huber_loss(a, b, delta)
    loss = loss[0] if isinstance(loss, (tuple, list)) else loss
    return loss if factor == 1.0 else _C_ops.scale(loss, factor, 0.0, True)


@composition
def binary_cross_entropy(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``-(target * log(input) + (1 - target) * log(1 - input))``, each logarithm at least -100.

    Raises:
        ValueError: shapes that differ.
        RuntimeError: an input beyond [0, 1], or dtypes that differ.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({_size(target)}) that is different to the input size "
            f"({_size(input)}) is deprecated. Please ensure they have the same size."
        )
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}")
    if prod(input.shape) == 0:
        return _reduced(_C_ops.multiply(input, target), reduction)
    if on_cpu(input):
        values = input.detach().cast(paddle.float32).numpy()
        # NaN is let through, as in torch.
        if values.min() < 0 or values.max() > 1:
            raise RuntimeError("all elements of input should be between 0 and 1")
    loss = _bce(input, target)
    if weight is not None:
        loss = _C_ops.multiply(loss, paddle.expand(weight, list(loss.shape)))
    return _reduced(loss, reduction)


def _bce(p: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """The two logarithms, each at least -100, with the bounded gradient (p - y) / (p * (1 - p))."""
    least = -100.0
    log_p = _C_ops.log(p)
    log_q = _C_ops.log1p(_C_ops.scale(p, -1.0, 0.0, True))
    if on_cpu(p):
        values = p.detach().numpy()
        if values.min() > 1e-12 and values.max() < 1.0:
            q = _C_ops.scale(y, -1.0, 1.0, True)
            both = _C_ops.add(_C_ops.multiply(y, log_p), _C_ops.multiply(q, log_q))
            return _C_ops.scale(both, -1.0, 0.0, True)
    with paddle.no_grad():
        a, b = _C_ops.clip(log_p, least, 0.0), _C_ops.clip(log_q, least, 0.0)
        value = -(y * a + (1 - y) * b)
        slope_p = (p - y) / _C_ops.clip((1 - p) * p, 1e-12, float("inf"))
        slope_y = b - a
    # A line through the value, with the slopes that torch's kernel takes.
    return value + (p - p.detach()) * slope_p + (y - y.detach()) * slope_y


@composition
def binary_cross_entropy_with_logits(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """Return the binary cross entropy of ``sigmoid(input)``, stable for any logit.

    Args:
        input: logits of any shape.
        target: probabilities of the same shape.
        weight: broadcast to the loss.
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: 'none', 'mean' or 'sum'.
        pos_weight: weighs the positive part, broadcast to the target.

    Raises:
        ValueError: shapes that differ.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({_size(target)}) must be the same as input size ({_size(input)})"
        )
    input, target = _promoted(input, target)
    if not prod(input.shape):
        return _reduced(_C_ops.multiply(input, target), reduction)
    few = not input.stop_gradient and prod(input.shape) <= _FEW
    if pos_weight is None and target.stop_gradient and not few and not _has_zero(input):
        # At a logit of zero the gradient of Paddle's kernel is wrong, and it has no second one.
        loss = _C_ops.sigmoid_cross_entropy_with_logits(input, target, None, False, -100)
    else:
        log_weight = _C_ops.scale(target, -1.0, 1.0, True)
        negative = _C_ops.multiply(log_weight, input)
        softplus = _C_ops.scale(logsigmoid(input), -1.0, 0.0, True)
        if pos_weight is not None:
            factor = (_C_ops.scale(pos_weight, 1.0, -1.0, True) * target) + 1.0
            softplus = _C_ops.multiply(factor, softplus)
        loss = _C_ops.add(negative, softplus)
    if weight is not None:
        loss = _C_ops.multiply(loss, weight)
    return _reduced(loss, reduction)


def _has_zero(x: paddle.Tensor) -> bool:
    """Whether a zero is among the values; on a GPU the answer is not worth the wait."""
    if x.stop_gradient:
        return False
    if not on_cpu(x):
        return True
    return not _C_ops.all(_C_ops.cast(x.detach(), paddle.bool), [], False).item()


@composition
def kl_div(
    input: paddle.Tensor,
    target: paddle.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> paddle.Tensor:
    """Return the Kullback-Leibler divergence of ``target`` from log-probabilities ``input``.

    ``reduction`` may also be 'batchmean', the sum over the size of the first dim.
    """
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=3,
        )
    batch = reduction == "batchmean"
    reduction = "sum" if batch else _reduction(size_average, reduce, reduction)
    input, target = _promoted(input, target)
    loss = in_float32(_kl_with_log if log_target else _kl, input, target, reduction)
    if batch and input.ndim:
        return (
            _C_ops.scale(loss, 1.0 / input.shape[0], 0.0, True)
            if input.shape[0]
            else (loss * float("nan"))
        )
    return loss


def _kl(input: paddle.Tensor, target: paddle.Tensor, reduction: str) -> paddle.Tensor:
    loss = _C_ops.subtract(_xlogy(target, target), _C_ops.multiply(target, input))
    return _reduced(loss, reduction)


def _kl_with_log(input: paddle.Tensor, target: paddle.Tensor, reduction: str) -> paddle.Tensor:
    return _reduced(_C_ops.multiply(_C_ops.exp(target), _C_ops.subtract(target, input)), reduction)


def _xlogy(x: paddle.Tensor, y: paddle.Tensor) -> paddle.Tensor:
    """Return ``x * log(y)``, and zero where ``x`` is zero."""
    product = _C_ops.multiply(x, _C_ops.log(y))
    zero = _C_ops.equal(x, paddle.zeros([], x.dtype))
    return _C_ops.masked_fill(product, zero, paddle.zeros([], product.dtype))


@composition
def hinge_embedding_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``input`` where ``target`` is 1, ``max(0, margin - input)`` where it is -1."""
    reduction = _reduction(size_average, reduce, reduction)
    zero = paddle.zeros([], input.dtype)
    far = _at_least_zero(margin - input)
    loss = paddle.where(target != 1, far, zero) + paddle.where(target != -1, input, zero)
    return _reduced(loss, reduction)


@composition
def margin_ranking_loss(
    input1: paddle.Tensor,
    input2: paddle.Tensor,
    target: paddle.Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``max(0, -target * (input1 - input2) + margin)``.

    Raises:
        RuntimeError: tensors of different numbers of dims.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, "
            f"target: {list(target.shape)} "
        )
    # A target of whole numbers is of the dtype that the inputs promote it to.
    target = cast(target, result_dtype(target, input1, input2))
    return _reduced(_at_least_zero(-target * (input1 - input2) + margin), reduction)


def _at_least_zero(x: paddle.Tensor) -> paddle.Tensor:
    """``clamp_min(0)``, whose gradient at zero is 1."""
    return _C_ops.clip(x, 0.0, float("inf"))


@composition
def cosine_embedding_loss(
    input1: paddle.Tensor,
    input2: paddle.Tensor,
    target: paddle.Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``1 - cos`` where ``target`` is 1, ``max(0, cos - margin)`` where it is -1.

    Args:
        input1, input2: of shape (N, D) or (D,).
        target: of shape (N,) or ().

    Raises:
        RuntimeError: shapes that do not belong together.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    epsilon = 1e-12
    input1, input2 = floated(input1), floated(input2)
    dot = (input1 * input2).sum(-1)
    squares1 = (input1 * input1).sum(-1) + epsilon
    squares2 = (input2 * input2).sum(-1) + epsilon
    cos = dot / _C_ops.sqrt(squares1 * squares2)
    zero = paddle.zeros([], cos.dtype)
    near = paddle.where(target == 1, 1 - cos, zero)
    far = paddle.where(target == -1, _at_least_zero(cos - margin), zero)
    return _reduced(near + far, reduction)


@composition
def triplet_margin_loss(
    anchor: paddle.Tensor,
    positive: paddle.Tensor,
    negative: paddle.Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` of p-norm distances.

    With ``swap`` the negative distance is the smaller of those to the anchor and to the positive.

    Raises:
        ValueError: ``margin`` is not positive.
        RuntimeError: tensors of different numbers of dims.
    """
    from oarlock.ops.distance import pairwise_distance

    reduction = _reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and "
            f"negative {negative.ndim}D inputs"
        )
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = _C_ops.minimum(far, pairwise_distance(positive, negative, p, eps))
    return _reduced(_at_least_zero(margin + near - far), reduction)


@composition
def triplet_margin_with_distance_loss(
    anchor: paddle.Tensor,
    positive: paddle.Tensor,
    negative: paddle.Tensor,
    *,
    distance_function: Callable | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` of any distance.

    Raises:
        ValueError: ``margin`` is not positive, or ``reduction`` is none of the three.
        RuntimeError: tensors of different numbers of dims.
    """
    from oarlock.ops.distance import pairwise_distance

    reduction = _reduction(None, None, reduction)
    distance: Callable = pairwise_distance
    if distance_function is not None:
        distance = partial(_by_callers_function, distance_function)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and "
            f"negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = _C_ops.minimum(far, distance(positive, negative))
    return _reduced(_at_least_zero(margin + near - far), reduction)


def _by_callers_function(function: Callable, a: paddle.Tensor, b: paddle.Tensor) -> paddle.Tensor:
    """A function of the caller's is written for Tensors."""
    return plain(function(wrap(a), wrap(b)))


@composition
def multi_margin_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: paddle.Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return the mean over the other classes of ``max(0, margin - input[target] + input)**p``.

    Args:
        input: of shape (N, C) or (C,).
        target: int64 classes of shape (N,) or ().
        p: 1 or 2.
        weight: of shape (C,), taken at the target's class.

    Raises:
        ValueError: another ``p``.
        RuntimeError: shapes that do not belong together.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if input.ndim > 2 or target.ndim > 1:
        raise RuntimeError(
            f"Expected a vector or matrix with optional 0-dim batch size, "
            f"but got {list(input.shape)}"
        )
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    x = input.reshape([1, -1]) if input.ndim < 2 else input
    index = target.reshape([-1, 1])
    if index.shape[0] != x.shape[0]:
        raise RuntimeError(
            f"inconsistent target size, expected {x.shape[0]} but got {list(target.shape)}"
        )
    classes = x.shape[1]
    chosen = _C_ops.take_along_axis(x, index, 1)
    short = _at_least_zero(margin - chosen + x)
    if p == 2:
        short = _C_ops.square(short)
    if weight is not None:
        short = short * _C_ops.index_select(weight, index.flatten(), 0).unsqueeze(1)
    short = _C_ops.masked_fill(
        short,
        paddle.arange(classes).unsqueeze(0) == index,
        paddle.zeros([], short.dtype),
    )
    loss = short.sum(1) / classes
    if reduction == "none":
        return loss.reshape(list(target.shape))
    return _reduced(loss, reduction)


@composition
def multilabel_margin_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return the mean of ``max(0, 1 - input[target] + input[other])`` over targets and others.

    Args:
        input: of shape (N, C) or (C,).
        target: int64 classes of the same shape; those from the first -1 on do not count.

    Raises:
        RuntimeError: shapes that do not belong together.
    """
    reduction = _reduction(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    classes = input.shape[-1] if input.ndim else 1
    if not classes or input.ndim > 2:
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    x = input.reshape([-1, classes])
    labels = target.reshape([-1, classes])
    counted = (labels < 0).cast(paddle.int64).cumsum(1) == 0
    index = paddle.where(counted, labels, paddle.zeros_like(labels))
    hits = paddle.zeros([x.shape[0], classes], paddle.int64)
    hits = _C_ops.put_along_axis(hits, index, counted.cast(paddle.int64), 1, "add", True)
    other = (hits == 0).cast(x.dtype).unsqueeze(1)
    chosen = _C_ops.take_along_axis(x, index, 1)
    short = _at_least_zero(1 - chosen.unsqueeze(2) + x.unsqueeze(1))
    loss = (short * other * counted.cast(x.dtype).unsqueeze(2)).sum([1, 2]) / classes
    if reduction == "none":
        return loss.reshape(list(input.shape[:-1]))
    return _reduced(loss, reduction)


@composition
def multilabel_soft_margin_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    weight: paddle.Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return the mean over the classes of the binary cross entropy of logits ``input`` (N, C)."""
    reduction = _reduction(size_average, reduce, reduction)
    target = cast(target, result_dtype(target, input))
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    classes = input.shape[-1] if input.ndim else 1
    return _reduced(loss.sum(-1) / classes if input.ndim else loss, reduction)


@composition
def soft_margin_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return ``log(1 + exp(-target * input))``."""
    reduction = _reduction(size_average, reduce, reduction)
    return _reduced(_C_ops.log1p(_C_ops.exp(-target * input)), reduction)


@composition
def poisson_nll_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return the negative log-likelihood of counts ``target`` under a Poisson distribution.

    Args:
        input: the rate, or its logarithm with ``log_input``.
        target: counts, of a shape that broadcasts with ``input``.
        full: add Stirling's approximation of ``log(target!)`` where the target exceeds 1.
        eps: added to the rate before its logarithm is taken.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    reduction = _reduction(size_average, reduce, reduction)
    return in_float32(_poisson, input, target, log_input, full, eps, reduction)


def _poisson(
    input: paddle.Tensor,
    target: paddle.Tensor,
    log_input: bool,
    full: bool,
    eps: float,
    reduction: str,
) -> paddle.Tensor:
    input, target = floated(input), floated(target)
    if log_input:
        loss = _C_ops.exp(input) - target * input
    else:
        loss = input - target * _C_ops.log(input + eps)
    if full:
        stirling = target * _C_ops.log(target) - target + 0.5 * _C_ops.log(2 * math.pi * target)
        loss = loss + _C_ops.masked_fill(stirling, target <= 1, paddle.zeros([], stirling.dtype))
    return _reduced(loss, reduction)


@composition
def gaussian_nll_loss(
    input: paddle.Tensor,
    target: paddle.Tensor,
    var: paddle.Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> paddle.Tensor:
    """Return the negative log-likelihood of ``target`` under Gaussians of mean ``input``.

    Args:
        input: means.
        target: samples, of a shape that broadcasts with ``input``.
        var: variances of the shape of ``input``, or of size 1 in one dim, or a number.
        full: add the constant ``log(2 * pi) / 2``.
        eps: least variance; no gradient flows through the clamping.

    Raises:
        ValueError: a negative variance, a shape that does not fit, or an unknown reduction.
    """
    if not isinstance(var, paddle.Tensor):
        var = paddle.full_like(input, var)
    if bool(paddle.any(paddle.less_than(var, paddle.zeros([], var.dtype)))):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        shape, sizes = list(input.shape), list(var.shape)
        if shape[:-1] == sizes:
            var = var.unsqueeze(-1)
        elif len(shape) != len(sizes) or (
            sum(size for full, size in zip(shape, sizes, strict=True) if full != size) != 1
        ):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    # Clamped in its value only: the gradient of torch's is that of the clamped variance.
    clamped = var + (_C_ops.clip(var.detach(), eps, float("inf")) - var.detach())
    loss = 0.5 * (_C_ops.log(clamped) + _C_ops.square(input - target) / clamped)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduced(loss, reduction)


@composition
def ctc_loss(
    log_probs: paddle.Tensor,
    targets: paddle.Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> paddle.Tensor:
    """Sum over all alignments of ``targets`` with the input (Graves et al., 2006).

    Args:
        log_probs: of shape (T, N, C) or (T, C).
        targets: classes of shape (N, S), or of all samples one after the other.
        input_lengths, target_lengths: of shape (N,).
        blank: the class that stands for no label.
        reduction: 'none', 'mean' (each loss over its target's length, then over N) or 'sum'.
        zero_infinity: a target too long for its input adds neither loss nor gradient.

    Raises:
        RuntimeError: shapes or lengths that do not belong together.
    """
    reduction = _reduction(None, None, reduction)
    single = log_probs.ndim == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    steps, batch, classes = x.shape
    lengths = _lengths(input_lengths, batch, "input_lengths")
    sizes = _lengths(target_lengths, batch, "target_lengths")
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if lengths.max(initial=0) > steps:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value {lengths.max()}"
        )
    labels = targets.numpy().astype(np.int64)
    if labels.ndim == 2:
        rows = [labels[i, : sizes[i]] for i in range(batch)]
    else:
        ends = np.cumsum(sizes)
        flat = labels.reshape(-1)
        rows = [flat[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    return _ctc(x, rows, lengths, sizes, blank, reduction, zero_infinity, single)


def _lengths(value: Any, batch: int, name: str) -> np.ndarray:
    array = value.numpy() if isinstance(value, paddle.Tensor) else np.asarray(value)
    array = array.astype(np.int64).reshape(-1)
    if array.size != batch:
        raise RuntimeError(f"{name} must be of size batch_size")
    return array


def _ctc(
    x: paddle.Tensor,
    rows: list[np.ndarray],
    lengths: np.ndarray,
    sizes: np.ndarray,
    blank: int,
    reduction: str,
    zero_infinity: bool,
    single: bool,
) -> paddle.Tensor:
    """The forward recursion over all samples at once, in log space.

    Its result is a sum of log-probabilities of alignments; autograd runs it backwards. torch's own
    gradient adds exp(log_probs), which a preceding log_softmax takes out again: so does this.
    """
    steps, batch, _ = x.shape
    longest = int(sizes.max(initial=0))
    extended = np.full((batch, 2 * longest + 1), blank, np.int64)
    for i, row in enumerate(rows):
        extended[i, 1 : 2 * len(row) : 2] = row
    skips = np.zeros(extended.shape, bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    dtype = x.dtype
    index = paddle.to_tensor(extended, place=x.place)
    index = index.unsqueeze(0).expand([steps, *extended.shape])
    emitted = _C_ops.take_along_axis(x, index, 2)
    low = -1e30
    skip = paddle.to_tensor(np.where(skips, 0.0, low), dtype=dtype, place=x.place)
    width = extended.shape[1]
    start = np.full((batch, width), low)
    start[:, :2] = 0.0
    alpha = emitted[0] + paddle.to_tensor(start, dtype=dtype, place=x.place)
    pad = paddle.full([batch, 2], low, dtype)
    history = [alpha]
    for t in range(1, steps):
        wide = _C_ops.concat([pad, alpha], 1)
        options = paddle.stack([alpha, wide[:, 1 : width + 1], wide[:, :width] + skip], 0)
        alpha = _C_ops.logsumexp(options, [0], False, False) + emitted[t]
        history.append(alpha)
    stacked = paddle.stack(history, 0)
    at = paddle.to_tensor(np.maximum(lengths - 1, 0), place=x.place)
    last = _C_ops.take_along_axis(
        stacked, at.reshape([1, -1, 1]).expand([1, batch, width]), 0
    ).squeeze(0)
    ends = paddle.to_tensor(np.stack([2 * sizes, np.maximum(2 * sizes - 1, 0)], 1), place=x.place)
    both = _C_ops.take_along_axis(last, ends, 1)
    both = both + paddle.to_tensor(
        np.stack([np.zeros(batch), np.where(sizes > 0, 0.0, low)], 1), dtype=dtype, place=x.place
    )
    loss = -_C_ops.logsumexp(both, [1], False, False)
    mask = np.arange(steps)[:, None] < lengths[None]
    within = paddle.to_tensor(mask, dtype=dtype, place=x.place)
    if not x.stop_gradient:
        spent = (_C_ops.exp(x).sum(2) * within).sum(0)
        loss = loss + (spent - spent.detach())
    repeats = np.array([np.count_nonzero(row[1:] == row[:-1]) for row in rows])
    impossible = sizes + repeats > lengths
    if impossible.any():
        lost = paddle.to_tensor(impossible, place=x.place)
        if zero_infinity:
            loss = paddle.where(lost, paddle.zeros_like(loss), loss)
        else:
            loss = paddle.where(lost, loss * 0.0 + float("inf"), loss)
    if reduction == "none":
        return loss.squeeze(0) if single else loss
    if reduction == "sum":
        return loss.sum()
    divisor = paddle.to_tensor(np.maximum(sizes, 1), dtype=dtype, place=x.place)
    return (loss / divisor).mean()
