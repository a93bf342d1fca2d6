"""torch.nn.init: filling parameters in place, without a gradient, with torch's draws on the CPU."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from math import ceil, prod, sqrt
from typing import Any

import numpy as np
import paddle

from oarlock.autograd.grad_mode import no_grad
from oarlock.creation.arguments import in_order as _in_order
from oarlock.creation.arguments import memory_order, name_of, shape_in_order
from oarlock.creation.arguments import moved as _moved
from oarlock.random import inplace
from oarlock.random.functions import randperm
from oarlock.random.generator import Generator, chosen
from oarlock.random.results import to_paddle
from oarlock.random.sources import drawn, on_cpu, to_array
from oarlock.random.truncated import truncated_normal
from oarlock.tensor import commit
from oarlock.tensor.core import plain

_LINEAR = (
    *("linear", "conv1d", "conv2d", "conv3d"),
    *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance of a layer's outputs under a nonlinearity.

    Args:
        nonlinearity: "linear", "conv1d" and its kin, "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
        param: the negative slope of "leaky_relu", 0.01 where None.

    Raises:
        ValueError: another name, or a slope that is no number.
    """
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"negative_slope {param} not a valid number")
        slope = 0.01 if param is None else param
        return sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(
    tensor: Any, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Any:
    """Fill with uniform numbers in [a, b), and return the tensor."""
    with no_grad():
        return inplace.uniform_(tensor, a, b, generator=generator)


def normal_(
    tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Any:
    """Fill with normal numbers, and return the tensor."""
    with no_grad():
        return inplace.normal_(tensor, mean, std, generator=generator)


def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Any:
    """Fill with normal numbers of which those outside [a, b] are drawn again, and return the tensor.

    Args:
        tensor: of a floating-point dtype, on the CPU.
        mean, std: of the distribution before it is cut.
        a, b: the bounds.
        generator: the default one where None.

    Raises:
        UnsupportedError: the tensor lies on a GPU.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    target = plain(tensor)
    on_cpu("torch.nn.init.trunc_normal_", target)
    order, name = memory_order(target), name_of(target.dtype)
    values = truncated_normal(
        shape_in_order(target.shape, order),
        name,
        chosen(generator),
        mean,
        std,
        a,
        b,
        contiguous=order is None,
    )
    return _written(tensor, _in_order(to_paddle(values, name), order))


def constant_(tensor: Any, val: float) -> Any:
    """Fill with one value, and return the tensor."""
    target = plain(tensor)
    return _written(tensor, paddle.full_like(target, val))


def ones_(tensor: Any) -> Any:
    """Fill with ones, and return the tensor."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Any) -> Any:
    """Fill with zeros, and return the tensor."""
    return constant_(tensor, 0.0)


def eye_(tensor: Any) -> Any:
    """Fill with ones on the diagonal and zeros elsewhere, and return the tensor.

    Raises:
        ValueError: it has not two dimensions.
    """
    target = plain(tensor)
    _two_dimensions(target)
    return _written(tensor, _array_like(target, np.eye(*target.shape)))


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Fill a convolution's weight so that it keeps its inputs' channels, and return the tensor.

    Args:
        tensor: of shape (out, in, …), with three to five dimensions.
        groups: of the convolution; each keeps its channels.

    Raises:
        ValueError: another number of dimensions, or ``groups`` does not divide the outputs.
    """
    target = plain(tensor)
    if target.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    shape = target.shape
    if shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    each = shape[0] // groups
    kept = np.arange(min(each, shape[1]))
    values = np.zeros(shape, np.float32)
    middle = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        values[(group * each + kept, kept, *middle)] = 1
    return _written(tensor, _array_like(target, values))


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Fill with uniform numbers of variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * sqrt(2.0 / float(fan_in + fan_out))
    bound = sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Generator | None = None) -> Any:
    """Fill with normal numbers of variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * sqrt(2.0 / float(fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Any:
    """Fill with uniform numbers of variance gain² / fan (He et al., 2015, arXiv:1502.01852).

    Args:
        tensor: of two dimensions or more.
        a: the negative slope of "leaky_relu".
        mode: "fan_in" or "fan_out".
        nonlinearity: as for `calculate_gain`.
        generator: the default one where None.

    Raises:
        ValueError: another mode or nonlinearity, or too few dimensions.
    """
    if 0 in plain(tensor).shape:
        return _nothing_to_do(tensor)
    std = calculate_gain(nonlinearity, a) / sqrt(_calculate_correct_fan(tensor, mode))
    bound = sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Any:
    """Fill with normal numbers of variance gain² / fan; arguments and errors are those of `kaiming_uniform_`."""
    if 0 in plain(tensor).shape:
        return _nothing_to_do(tensor)
    fan = _calculate_correct_fan(tensor, mode)
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / sqrt(fan), generator)


def orthogonal_(tensor: Any, gain: float = 1, generator: Generator | None = None) -> Any:
    """Fill with a (semi-)orthogonal matrix times ``gain``, all dimensions but the first taken as one.

    It is the Q of a QR decomposition of normal numbers, made unique by the signs of R's diagonal (Saxe et al., 2013,
    arXiv:1312.6120); LAPACK's rounding may differ from torch's.

    Raises:
        ValueError: the tensor has fewer than two dimensions.
    """
    target = plain(tensor)
    if target.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if target.size == 0:
        return tensor
    rows, columns = target.shape[0], prod(target.shape[1:])
    made = to_array(drawn("normal", [rows, columns], target.dtype, target.place, generator))
    q, r = np.linalg.qr(made.T if rows < columns else made)
    q *= np.sign(np.diagonal(r))
    q = q.T if rows < columns else q
    return _written(tensor, _array_like(target, q * q.dtype.type(gain)))


def sparse_(
    tensor: Any, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Any:
    """Fill with normal numbers, and set the fraction ``sparsity`` of each column to zero (Martens, 2010).

    The rows set to zero come from the default generator, as in torch.

    Raises:
        ValueError: the tensor has not two dimensions.
    """
    target = plain(tensor)
    _two_dimensions(target)
    rows, columns = target.shape
    zeros = ceil(sparsity * rows)
    normal_(tensor, 0.0, std, generator)
    kept = np.ones((rows, columns), np.float32)
    for column in range(columns):
        kept[to_array(plain(randperm(rows)))[:zeros], column] = 0
    return _written(tensor, plain(tensor).detach() * _array_like(target, kept))


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    shape = plain(tensor).shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]


def _two_dimensions(target: paddle.Tensor) -> None:
    if target.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")


def _nothing_to_do(tensor: Any) -> Any:
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return tensor


def _array_like(target: paddle.Tensor, values: np.ndarray) -> paddle.Tensor:
    """An array as a plain tensor of the shape, dtype and place of another."""
    values = np.ascontiguousarray(values).reshape(target.shape)
    return paddle.cast(_moved(to_paddle(values), target.place), target.dtype)


def _written(tensor: Any, result: paddle.Tensor) -> Any:
    with no_grad():
        return commit(tensor, result)


def _deprecated(function: Callable[..., Any]) -> Callable[..., Any]:
    name = function.__name__

    @wraps(function)
    def old(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{name[:-1]}` is now deprecated in favor of `nn.init.{name}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    old.__name__ = name[:-1]
    return old


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
