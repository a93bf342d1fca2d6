"""Compiling attention kernels ahead of the first call."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import paddle

from oarlock.errors import ArgumentError, UnsupportedError
from oarlock.kernels import cuda_driver
from oarlock.kernels.attention.arguments import MAX_HEAD_DIM, check_window
from oarlock.kernels.attention.implementations import DTYPES, KERNELS, OLDEST, triton_is_missing
from oarlock.kernels.attention.packing import Packing, Side
from oarlock.kernels.attention.scoring import Scoring
from oarlock.kernels.launch import compiling_for

_API = "oarlock.warmup"
_NAMES = {str(dtype).removeprefix("paddle."): dtype for dtype in DTYPES}
_LENGTH = 128  # any: kernels are compiled for all lengths at once


def warmup(
    head_dims: int | Iterable[int],
    dtypes: str | Iterable[str] = "bfloat16",
    *,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: bool = False,
    alibi_slopes: bool = False,
    dropout: bool = False,
    varlen: bool = False,
    backward: bool = True,
    heads: int = 16,
    capability: tuple[int, int] | None = None,
) -> float:
    """Compile the attention kernels that calls of one kind run, so that no first call waits for it.

    Triton keeps them on disk (``TRITON_CACHE_DIR``, by default ``~/.triton/cache``), so this is
    needed once on a machine, or while an image is built: with ``capability`` no GPU is needed. It
    works where Triton can be imported. What is in the cache already is not compiled again.

    Args:
        head_dims: one head_dim or several, each 1 to 256.
        dtypes: "float16", "bfloat16" or both.
        causal: as in the calls.
        window_size: as in the calls; only which bounds there are matters, not how large they are.
        softcap: whether the calls have one.
        alibi_slopes: whether the calls have some.
        dropout: whether the calls have a dropout_p above 0.
        varlen: whether the calls are of the ``varlen`` functions, with ``cu_seqlens``.
        backward: compile the gradients too.
        heads: the number of query heads. It matters for a head_dim that is no multiple of 16.
        capability: the compute capability to compile for, such as (9, 0); by default that of Paddle's
            current GPU.

    Returns:
        The seconds it took.

    Raises:
        ArgumentError: a head_dim, dtype or capability that there are no kernels for, or no
            capability where Paddle's current device is no GPU.
        UnsupportedError: Triton is not installed, or too old.

    """
    start = time.perf_counter()
    head_dims = (head_dims,) if isinstance(head_dims, int) else tuple(head_dims)
    names = (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
    for head_dim in head_dims:
        if not 1 <= head_dim <= MAX_HEAD_DIM:
            raise ArgumentError(
                api=_API,
                parameter="head_dims",
                given=f"{head_dim}",
                accepted=f"1 to {MAX_HEAD_DIM}",
            )
    for name in names:
        if name not in _NAMES:
            raise ArgumentError(
                api=_API, parameter="dtypes", given=repr(name), accepted=" or ".join(_NAMES)
            )
    missing = triton_is_missing()
    if missing is not None:
        raise UnsupportedError(api=_API, reason=missing)
    with compiling_for(_checked(capability)), paddle.no_grad():
        for head_dim in head_dims:
            for name in names:
                scoring = Scoring(
                    window=check_window(_API, window_size, causal, 1 << 20, 1 << 20),
                    scale=head_dim**-0.5,
                    softcap=30.0 if softcap else 0.0,
                    slopes=paddle.ones([heads], "float32") if alibi_slopes else None,
                    dropout_p=0.5 if dropout else 0.0,
                    seed=KERNELS.draw_seed() if dropout else 0,
                )
                _compile([1, _LENGTH, heads, head_dim], name, scoring, varlen, backward)
    return time.perf_counter() - start


def _compile(shape: list[int], dtype: Any, scoring: Scoring, varlen: bool, backward: bool) -> None:
    packing = None
    if varlen:
        shape = shape[1:]
        starts = paddle.zeros([2], "int32")
        side = Side(_API, "cu_seqlens", starts, "max_seqlen", shape[0], shape[0])
        packing = Packing(side, side)
    x: Any = paddle.empty(shape, dtype)
    out, lse, _ = KERNELS.forward(x, x, x, scoring, packing, False)
    if backward:
        KERNELS.backward(x, x, x, out, lse, x, scoring, packing, (True, True, True))


def _checked(capability: tuple[int, int] | None) -> tuple[int, int]:
    if capability is None:
        kind, _, index = paddle.device.get_device().partition(":")
        if kind != "gpu":
            raise ArgumentError(
                api=_API,
                parameter="capability",
                given=f"None while Paddle's current device is {kind}",
                accepted="the compute capability of the GPU to compile for, such as (9, 0)",
            )
        capability = cuda_driver.capability(int(index or 0))
    if tuple(capability) < OLDEST:
        raise ArgumentError(
            api=_API,
            parameter="capability",
            given=f"{tuple(capability)}",
            accepted=f"{OLDEST} or more",
        )
    return capability
