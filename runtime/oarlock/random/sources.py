"""Where a draw is made: on the CPU from torch's stream, on a GPU by Paddle; results are plain tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.creation.arguments import in_order, name_of, shape_in_order
from oarlock.errors import UnsupportedError
from oarlock.random import draws, gpu
from oarlock.random.generator import Generator, chosen
from oarlock.random.results import to_paddle


def drawn(
    kind: str,
    shape: Sequence[int],
    dtype: Any,
    where: Any,
    generator: Generator | None,
    *arguments: float,
    order: list[int] | None = None,
) -> paddle.Tensor:
    """Numbers of a distribution as a plain tensor.

    Args:
        kind: the distribution, a function of `oarlock.random.draws` and `oarlock.random.gpu`.
        shape: of the result.
        dtype: Paddle's dtype of the result.
        where: Paddle's place for it.
        generator: None means the default one of the place.
        arguments: of the distribution.
        order: the dimensions from the outermost in memory to the innermost, the order in which torch fills; None
            where that is their own order.
    """
    if where.is_gpu_place():
        if generator is not None:
            chosen(generator)
        return getattr(gpu, kind)(shape, dtype, where, generator, *arguments)
    source = chosen(generator)
    sizes = shape_in_order(shape, order)
    name = name_of(dtype)
    if kind == "bernoulli":
        values = draws.bernoulli(sizes, source, *arguments)
        return in_order(_C_ops.cast(to_paddle(values), dtype), order)
    if kind == "normal":
        values = draws.normal(sizes, name, source, *arguments, contiguous=order is None)
    else:
        values = getattr(draws, kind)(sizes, name, source, *arguments)
    return in_order(to_paddle(values, name), order)


def to_array(x: paddle.Tensor) -> np.ndarray:
    """A plain tensor's elements; half types as float32 or float16, bfloat16 as float32."""
    x = x.detach()
    return (_C_ops.cast(x, paddle.float32) if x.dtype is paddle.bfloat16 else x).numpy()


def on_cpu(api: str, x: paddle.Tensor) -> None:
    """Raise UnsupportedError for a tensor on a GPU."""
    if x.place.is_gpu_place():
        raise UnsupportedError(
            api=api,
            given="a tensor on a GPU",
            reason="it is drawn on the CPU only",
            advice="Move the tensor to the CPU",
        )
