"""A torch function and Oarlock's composition, run on the same inputs and compared.

Compared are values, dtypes, shapes and the gradients of every differentiable input, for a fixed
random cotangent. A difference beyond torch's own tolerances must not exceed twice the error that
torch itself makes against float64 on the same inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle
import torch

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
    exact = _float64(args), _float64(kwargs)
    result = theirs(*args, **kwargs)
    got = ours(*mine[0], **mine[1])
    try:
        reference = theirs(*exact[0], **exact[1])
    except RuntimeError:
        reference = result
    expected, found, best = _flat(result), _flat(got), _flat(reference)
    assert len(expected) == len(found)
    for want, have, ref in zip(expected, found, best, strict=True):
        _close("value", want, have, ref)
    if gradients:
        a, b, c = (_flat([*side[0], *side[1].values()]) for side in ((args, kwargs), mine, exact))
        _gradients_agree(a, b, c, expected, found, best)


def _gradients_agree(a: list, b: list, c: list, expected: list, found: list, best: list) -> None:
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
    exact = theirs
    if best[outputs[0]].dtype != expected[outputs[0]].dtype:
        exact = torch.autograd.grad(
            [best[i] for i in outputs],
            [c[i] for i in wanted],
            [x.to(best[i].dtype) for x, i in zip(cotangents, outputs, strict=True)],
            allow_unused=True,
        )
    for i, want, have, ref in zip(wanted, theirs, ours, exact, strict=True):
        if want is None:
            assert have is None or not have.numpy().any(), f"gradient {i}: torch has none"
            continue
        assert have is not None, f"gradient {i} is missing"
        terms = max(1.0, expected[outputs[0]].numel() / max(want.numel(), 1))
        _close(f"gradient {i}", want, have, ref, terms)


def _close(
    what: str, want: torch.Tensor, have: paddle.Tensor, ref: torch.Tensor, terms: float = 1.0
) -> None:
    """Compare one tensor; ``terms`` is how many numbers were added up to one of its elements."""
    assert have.dtype == DTYPES[want.dtype], f"{what}: {have.dtype} for {want.dtype}"
    assert list(have.shape) == list(want.shape), f"{what}: {have.shape} for {want.shape}"
    value, target = to_torch(have), want.detach()
    try:
        torch.testing.assert_close(value, target, equal_nan=True)
    except AssertionError:
        if not target.dtype.is_floating_point:
            raise
        exact = ref.detach().double()
        finite = torch.isfinite(target)
        assert torch.equal(finite, torch.isfinite(value)), f"{what}: {value} for {target}"
        assert torch.equal(value[~finite].nan_to_num(), target[~finite].nan_to_num())
        error = (value.double() - exact)[finite].abs().max()
        theirs = (target.double() - exact)[finite].abs().max()
        rounding = torch.finfo(target.dtype).eps * exact[finite].abs().max() * terms**0.5
        assert error <= 2 * theirs + 2 * rounding, (
            f"{what}: error {error} where torch has {theirs}: {value} for {target}"
        )


def _flat(value: Any) -> list:
    if isinstance(value, (torch.Tensor, paddle.Tensor)):
        return [value]
    if isinstance(value, (list, tuple)):
        return [x for each in value for x in _flat(each)]
    return []


def _float64(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        if not value.dtype.is_floating_point:
            return value
        return value.detach().double().requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        return torch.float64 if value.is_floating_point else value
    if type(value) in (list, tuple):
        return type(value)(_float64(each) for each in value)
    if isinstance(value, dict):
        return {name: _float64(each) for name, each in value.items()}
    return value
