"""Dropout in its forms, rrelu and gumbel_softmax, with torch's draws on the CPU."""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.creation.arguments import in_order, memory_order, name_of, shape_in_order
from oarlock.ops.activation import leaky_relu
from oarlock.ops.arithmetic import add, div, mul, sub
from oarlock.ops.pointwise import log
from oarlock.ops.softmax import softmax
from oarlock.random import draws
from oarlock.random.generator import default_generator
from oarlock.random.results import to_paddle
from oarlock.random.rounding import narrow
from oarlock.random.sources import drawn, to_array

# alpha' of the SELU paper (Klambauer et al., 2017, arXiv:1706.02515): minus the value that SELU tends to.
_ALPHA = 1.7580993408473766


def dropout(
    input: paddle.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> paddle.Tensor:
    """Zero elements with probability p and scale the others by 1 / (1 - p).

    On the CPU the elements are those that torch zeroes for the generator's seed, where it draws by its own generator;
    torch leaves this draw to MKL where the processor is Intel's.

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    return _dropped(input, p, training, features=False)


def dropout1d(
    input: paddle.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> paddle.Tensor:
    """`dropout` of whole channels; ``input`` is (N, C, L) or (C, L).

    Raises:
        RuntimeError: ``input`` has another number of dimensions.
        ValueError: ``p`` is outside [0, 1].
    """
    _check_probability(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. "
            "Note that dropout1d exists to provide channel-wise dropout on inputs with 1 "
            "spatial dimension, a channel dimension, and an optional batch dimension "
            "(i.e. 2D or 3D inputs)."
        )
    return _batched(input, p, training, 3)


def dropout2d(
    input: paddle.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> paddle.Tensor:
    """`dropout` of whole channels; ``input`` is (N, C, H, W), and three dimensions are taken for (N, C, L), as in torch.

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    _check_probability(p)
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: a 3D input is taken for (N, C, L), with channel-wise 1D dropout; use dropout1d "
            "for that",
            UserWarning,
            stacklevel=3,
        )
    elif input.ndim != 4:
        _warn_of_dimensions("dropout2d", input.ndim, "3D or 4D")
    return _dropped(input, p, training, features=True)


def dropout3d(
    input: paddle.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> paddle.Tensor:
    """`dropout` of whole channels; ``input`` is (N, C, D, H, W) or (C, D, H, W).

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    _check_probability(p)
    if input.ndim not in (4, 5):
        _warn_of_dimensions("dropout3d", input.ndim, "4D or 5D")
    return _batched(input, p, training, 5)


def alpha_dropout(
    input: paddle.Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> paddle.Tensor:
    """Set elements to SELU's lower limit with probability p, keeping mean 0 and variance 1.

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    return _dropped(input, p, training, features=False, alpha=True)


def feature_alpha_dropout(
    input: paddle.Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> paddle.Tensor:
    """`alpha_dropout` of whole channels, dimension 1.

    Raises:
        ValueError: ``p`` is outside [0, 1].
        RuntimeError: ``input`` has fewer than two dimensions.
    """
    return _dropped(input, p, training, features=True, alpha=True)


def rrelu(
    input: paddle.Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> paddle.Tensor:
    """Multiply elements up to 0 by a slope: in training one drawn from [lower, upper) for each, else the middle.

    Raises:
        RuntimeError: ``lower`` is above ``upper``.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    name = name_of(input.dtype)
    if input.place.is_gpu_place():
        slopes = drawn("uniform", input.shape, input.dtype, input.place, None, lower, upper)
        slopes = paddle.where(input.detach() <= 0, slopes, paddle.ones_like(slopes))
        return _product(input, slopes)
    values = to_array(input)
    low = values <= 0
    noise = np.ones(values.shape, np.float64 if name == "float64" else np.float32)
    # Only elements up to 0 draw a number, always one of float64.
    ends = (float(noise.dtype.type(x)) for x in (lower, upper))
    noise[low] = draws.uniform((int(low.sum()),), "float64", default_generator, *ends).astype(
        noise.dtype
    )
    # Half types are multiplied in float32 and rounded once.
    slopes = to_paddle(noise)
    return _C_ops.cast(_C_ops.cast(input, slopes.dtype) * slopes, input.dtype)


def gumbel_softmax(
    logits: paddle.Tensor,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
) -> paddle.Tensor:
    """Softmax of logits with Gumbel noise at temperature tau (Jang et al., 2016, arXiv:1611.01144).

    Args:
        logits: unnormalised log-probabilities.
        tau: the temperature.
        hard: give one-hot vectors, with the gradient of the soft ones.
        eps: without effect, as in torch.
        dim: the dimension along which the softmax is taken.
    """
    noise = drawn("exponential", logits.shape, logits.dtype, logits.place, None)
    soft = softmax(div(sub(logits, log(noise)), tau), dim)
    if not hard:
        return soft
    index = paddle.argmax(soft.detach(), axis=dim, keepdim=True)
    one_hot = paddle.put_along_axis(
        paddle.zeros_like(soft.detach()), index, paddle.ones([], soft.dtype), axis=dim
    )
    return add(sub(one_hot, soft.detach()), soft)


def dropout_mask(
    shape: Any, p: float, dtype: Any, generator: Any = None, place: Any = None
) -> paddle.Tensor:
    """The factors of `dropout`, 0 or 1 / (1 - p), as a plain tensor of Paddle's dtype."""
    where = paddle.CPUPlace() if place is None else place
    return _scaled(shape, p, dtype, where, None, generator)


def _check_probability(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _warn_of_dimensions(name: str, ndim: int, expected: str) -> None:
    warnings.warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error "
        f"in a future release; expected {expected}. Use dropout instead.",
        UserWarning,
        stacklevel=4,
    )


def _batched(x: paddle.Tensor, p: float, training: bool, ndim: int) -> paddle.Tensor:
    if x.ndim == ndim:
        return _dropped(x, p, training, features=True)
    return _dropped(x.unsqueeze(0), p, training, features=True).squeeze(0)


def _dropped(
    x: paddle.Tensor, p: float, training: bool, *, features: bool, alpha: bool = False
) -> paddle.Tensor:
    _check_probability(p)
    if p == 0 or not training or x.size == 0:
        return x
    if features and x.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    if p == 1:
        return _product(x, paddle.zeros([], x.dtype))
    shape = [*x.shape[:2], *[1] * (x.ndim - 2)] if features else x.shape
    order = None if features else memory_order(x)
    if alpha:
        factor, offset = _alpha_noise(shape, p, x.dtype, x.place, order)
        return add(_product(x, factor), offset)
    return _product(x, _scaled(shape, p, x.dtype, x.place, order))


def _product(x: paddle.Tensor, factor: paddle.Tensor) -> paddle.Tensor:
    # Paddle has no product of half types on the CPU; the shorter way serves the common dtype.
    return _C_ops.multiply(x, factor) if x.dtype is paddle.float32 else mul(x, factor)


def _scaled(
    shape: Any, p: float, dtype: Any, where: Any, order: list[int] | None, generator: Any = None
) -> paddle.Tensor:
    kept = _kept(shape, 1 - p, dtype, where, order, generator)
    if isinstance(kept, paddle.Tensor):
        return kept / (1 - p)
    name = name_of(dtype)
    # Halves are divided in float32 and rounded, as torch does.
    wide = np.float64 if name == "float64" else np.float32
    scale = narrow(np.asarray(wide(1) / wide(1 - p)), name)
    return in_order(to_paddle(kept * scale, name), order)


def _alpha_noise(
    shape: Any, p: float, dtype: Any, where: Any, order: list[int] | None
) -> tuple[paddle.Tensor, paddle.Tensor]:
    a = 1.0 / sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    kept = _kept(shape, 1 - p, dtype, where, order, None)
    if isinstance(kept, paddle.Tensor):
        return kept * a, (kept - 1) * (_ALPHA * a) + _ALPHA * a * p
    name = name_of(dtype)
    wide = np.float64 if name == "float64" else np.float32

    def rounded(x: Any) -> np.ndarray:
        return narrow(np.asarray(x, wide), name).astype(wide, copy=False)

    # Two values each, computed with torch's roundings and picked by the mask.
    lowered = rounded(rounded(wide(-1) * wide(_ALPHA * a)) + wide(_ALPHA * a * p))
    raised = rounded(wide(0) + wide(_ALPHA * a * p))
    factor = narrow(kept * rounded(wide(a)), name)
    offset = narrow(np.where(kept, raised, lowered), name)
    return (
        in_order(to_paddle(factor, name), order),
        in_order(to_paddle(offset, name), order),
    )


def _kept(
    shape: Any, p: float, dtype: Any, where: Any, order: list[int] | None, generator: Any
) -> Any:
    """Which elements stay: a boolean array in memory order, or ones and zeros of the dtype on a GPU."""
    if where.is_gpu_place():
        return drawn("bernoulli", shape, dtype, where, generator, p)
    return draws.bernoulli(shape_in_order(shape, order), generator or default_generator, p)
