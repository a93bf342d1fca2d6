"""The same draws on a GPU, by Paddle's functions and Paddle's generator there: a seed repeats them, not torch's.

Each takes what its namesake in `oarlock.random.draws` takes, with the place in addition, and returns a plain tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from math import log1p, pi
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.random.generator import Generator

Shape = Sequence[int]


def _stream(generator: Generator | None, where: Any) -> Any:
    """A block in which Paddle's generator of the place continues the stream of a given generator."""
    if generator is None:
        return nullcontext()
    if generator.device.type == "cpu" and where.is_gpu_place():
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    return generator.in_paddle()


def uniform(
    shape: Shape, dtype: Any, where: Any, generator: Any, low: float = 0.0, high: float = 1.0
) -> paddle.Tensor:
    """Uniform numbers in [low, high)."""
    with _stream(generator, where):
        return _C_ops.uniform(list(shape), dtype, float(low), float(high), 0, where)


def normal(
    shape: Shape, dtype: Any, where: Any, generator: Any, mean: float = 0.0, std: float = 1.0
) -> paddle.Tensor:
    """Normal numbers."""
    with _stream(generator, where):
        return _C_ops.gaussian(list(shape), float(mean), float(std), 0, dtype, where)


def integers(
    shape: Shape, dtype: Any, where: Any, generator: Any, low: int, high: int
) -> paddle.Tensor:
    """Integers in [low, high)."""
    with _stream(generator, where):
        return _C_ops.cast(_C_ops.randint(low, high, list(shape), paddle.int64, where), dtype)


def permutation(count: int, dtype: Any, where: Any, generator: Any) -> paddle.Tensor:
    """A permutation of 0 … count - 1."""
    with _stream(generator, where):
        return _C_ops.cast(_C_ops.randperm(count, paddle.int64, where), dtype)


def bernoulli_each(p: paddle.Tensor, generator: Any) -> paddle.Tensor:
    """1 with the probability that each element of ``p`` states, else 0, of its dtype."""
    with _stream(generator, p.place):
        return _C_ops.bernoulli(p)


def bernoulli(shape: Shape, dtype: Any, where: Any, generator: Any, p: float) -> paddle.Tensor:
    """1 with probability ``p``, else 0."""
    u = uniform(shape, paddle.float32, where, generator)
    return _C_ops.cast(u < p, dtype)


def exponential(
    shape: Shape, dtype: Any, where: Any, generator: Any, rate: float = 1.0
) -> paddle.Tensor:
    """Exponential numbers of a rate."""
    u = uniform(shape, paddle.float64, where, generator)
    return _C_ops.cast(paddle.log1p(-u) * (-1.0 / rate), dtype)


def geometric(shape: Shape, dtype: Any, where: Any, generator: Any, p: float) -> paddle.Tensor:
    """The number of trials up to the first success."""
    u = uniform(shape, paddle.float64, where, generator)
    return _C_ops.cast(paddle.ceil(paddle.log1p(-u) / log1p(-p)).clip(min=1.0), dtype)


def cauchy(
    shape: Shape,
    dtype: Any,
    where: Any,
    generator: Any,
    median: float = 0.0,
    sigma: float = 1.0,
) -> paddle.Tensor:
    """Cauchy numbers."""
    u = uniform(shape, paddle.float64, where, generator)
    return _C_ops.cast(median + sigma * paddle.tan(pi * (u - 0.5)), dtype)


def log_normal(
    shape: Shape, dtype: Any, where: Any, generator: Any, mean: float = 1.0, std: float = 2.0
) -> paddle.Tensor:
    """Numbers whose logarithm is normal."""
    return _C_ops.cast(
        paddle.exp(normal(shape, paddle.float64, where, generator, mean, std)), dtype
    )


def multinomial(
    weights: paddle.Tensor, generator: Any, count: int, replacement: bool
) -> paddle.Tensor:
    """Indices drawn by weight."""
    with _stream(generator, weights.place):
        return _C_ops.multinomial(weights, count, replacement)
