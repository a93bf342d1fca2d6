"""A torch function and Oarlock's composition, run on the same inputs and compared.

Compared are values, dtypes, shapes and the gradients of every differentiable input, for a fixed
random cotangent; how close they must be, closeness.py says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import paddle
import torch
from closeness import Exact, assert_close

DTYPES = {
    torch.bool: paddle.bool,
    torch.uint8: paddle.uint8,
    torch.int8: paddle.int8,
    torch.int16: paddle.int16,
    torch.int32: paddle.int32,
    torch.int64: paddle.int64,
    torch.float16: paddle.float16,
    torch.bfloat16: paddle.bfloat16,
    torch.float32: paddle.float32,
    torch.float64: paddle.float64,
    torch.complex64: paddle.complex64,
    torch.complex128: paddle.complex128,
}


def to_paddle(value: Any) -> Any:
    """Return ``value`` with each torch tensor and dtype as Paddle's; a leaf stays one."""
    if isinstance(value, torch.Tensor):
        plain = value.detach()
        dtype = DTYPES[plain.dtype]
        if plain.dtype == torch.bfloat16:
            x = paddle.to_tensor(plain.float().numpy()).cast(paddle.bfloat16)
        else:
            x = paddle.to_tensor(plain.contiguous().numpy(), dtype=dtype)
        x.stop_gradient = not value.requires_grad
        return x
    if isinstance(value, torch.dtype):
        return DTYPES[value]
    if type(value) in (list, tuple):
        return type(value)(to_paddle(each) for each in value)
    if isinstance(value, dict):
        return {name: to_paddle(each) for name, each in value.items()}
    return value


def to_torch(x: paddle.Tensor) -> torch.Tensor:
    """Return a detached copy of ``x``."""
    if x.dtype == paddle.bfloat16:
        return torch.from_numpy(x.detach().cast(paddle.float32).numpy()).bfloat16()
    return torch.from_numpy(np.array(x.detach().numpy()))


def agree(
    theirs: Callable, ours: Callable, *args: Any, gradients: bool = True, **kwargs: Any
) -> None:
    """Assert that both functions do the same with the same torch-side arguments."""
    mine = to_paddle(args), to_paddle(kwargs)
    exact = Exact(theirs, args, kwargs, _flat)
    expected = _flat(theirs(*args, **kwargs))
    found = _flat(ours(*mine[0], **mine[1]))
    for i, (want, have) in enumerate(zip(expected, found, strict=True)):
        assert_close(f"value {i}", to_torch(have), want.detach(), partial(exact.result, i))
    if gradients:
        a, b = (_flat([*side[0], *side[1].values()]) for side in ((args, kwargs), mine))
        _gradients_agree(a, b, expected, found, exact)


def _gradients_agree(a: list, b: list, expected: list, found: list, exact: Exact) -> None:
    wanted = [i for i, x in enumerate(a) if x.requires_grad]
    outputs = [i for i, x in enumerate(expected) if x.requires_grad]
    assert [i for i, x in enumerate(found) if not x.stop_gradient] == outputs
    if not wanted or not outputs:
        return
    generator = torch.Generator().manual_seed(7)
    cotangents = [
        torch.randn(expected[i].shape, generator=generator, dtype=torch.float64).to(
            expected[i].dtype
        )
        for i in outputs
    ]
    theirs = torch.autograd.grad(
        [expected[i] for i in outputs], [a[i] for i in wanted], cotangents, allow_unused=True
    )
    ours = paddle.grad(
        [found[i] for i in outputs],
        [b[i] for i in wanted],
        [to_paddle(x) for x in cotangents],
        allow_unused=True,
    )
    given = list(zip(outputs, cotangents, strict=True))
    for i, (want, have) in enumerate(zip(theirs, ours, strict=True)):
        if want is None:
            assert have is None or not have.numpy().any(), f"gradient {i}: torch has none"
            continue
        assert have is not None, f"gradient {i} is missing"
        assert_close(f"gradient {i}", to_torch(have), want, partial(exact.gradient, i, given))


def _flat(value: Any) -> list:
    if isinstance(value, (torch.Tensor, paddle.Tensor)):
        return [value]
    if isinstance(value, (list, tuple)):
        return [x for each in value for x in _flat(each)]
    return []
