"""Running one call on torch and on a composition over plain Paddle tensors, and comparing all there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
import torch
from closeness import Exact, assert_close


def to_paddle(value: Any) -> Any:
    """A torch value on Paddle's side: tensors copied, dtypes translated, containers walked."""
    if isinstance(value, torch.Tensor):
        plain = value.detach()
        if plain.dtype is torch.bfloat16:
            result = paddle.to_tensor(plain.float().numpy()).cast("bfloat16")
        else:
            result = paddle.to_tensor(plain.resolve_conj().resolve_neg().numpy())
        result.stop_gradient = not value.requires_grad
        return result
    if isinstance(value, torch.dtype):
        return getattr(paddle, str(value).removeprefix("torch."))
    if isinstance(value, torch.Size):
        return value
    if isinstance(value, tuple | list):
        return type(value)(to_paddle(each) for each in value)
    return value


def to_torch(value: Any) -> Any:
    """The same the other way, for comparing."""
    if isinstance(value, paddle.Tensor):
        plain = value.detach()
        if plain.dtype is paddle.bfloat16:
            return torch.from_numpy(plain.cast("float32").numpy()).to(torch.bfloat16)
        return torch.from_numpy(plain.numpy())
    if isinstance(value, tuple | list):
        return type(value)(to_torch(each) for each in value)
    return value


def tensors_in(value: Any, kind: type) -> list[Any]:
    """All tensors of a nest of tuples and lists, in order."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, tuple | list):
        return [each for item in value for each in tensors_in(item, kind)]
    return []


def _leaf(value: Any, grad: bool) -> Any:
    if isinstance(value, torch.Tensor):
        leaf = value.detach().clone()
        floats = leaf.is_floating_point() or leaf.is_complex()
        return leaf.requires_grad_(grad and floats and value.requires_grad)
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        return type(value)(_leaf(each, grad) for each in value)
    return value


def same(
    theirs: Callable[..., Any],
    ours: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    grad: bool = False,
    bits: bool = False,
) -> None:
    """Assert close values, equal dtypes and shapes, close gradients, or an error of torch's type.

    Args:
        args, kwargs: torch values; those that require a gradient get theirs compared.
        bits: nothing but the same numbers will do.
    """
    args = _leaf(tuple(args), grad)
    kwargs = {name: _leaf(value, grad) for name, value in (kwargs or {}).items()}
    values = list(kwargs.values())
    our_args, our_values = to_paddle(args), to_paddle(values)
    our_kwargs = dict(zip(kwargs, our_values, strict=True))
    try:
        expected = theirs(*args, **kwargs)
    except Exception as error:
        kind = next(
            each
            for each in (IndexError, TypeError, RuntimeError, Exception)
            if isinstance(error, each)
        )
        try:
            result = ours(*our_args, **our_kwargs)
        except kind:
            return
        raise AssertionError(f"torch raised {error!r}, this gave {result}") from None
    result = ours(*our_args, **our_kwargs)
    exact = Exact(theirs, args, kwargs, lambda value: tensors_in(value, torch.Tensor))
    _assert_same(to_torch(result), _detached(expected), exact, bits)
    if not grad:
        return
    outputs = [each for each in tensors_in(expected, torch.Tensor) if each.requires_grad]
    our_outputs = [
        mine
        for mine, each in zip(
            tensors_in(result, paddle.Tensor), tensors_in(expected, torch.Tensor), strict=True
        )
        if each.requires_grad
    ]
    leaves = [t for t in tensors_in([args, values], torch.Tensor) if t.requires_grad]
    our_leaves = [
        mine
        for mine, each in zip(
            tensors_in([our_args, our_values], paddle.Tensor),
            tensors_in([args, values], torch.Tensor),
            strict=True,
        )
        if each.requires_grad
    ]
    if not outputs or not leaves:
        return
    generator = torch.Generator().manual_seed(7)
    cotangents = [
        torch.randn(each.shape, generator=generator, dtype=each.dtype) for each in outputs
    ]
    want = torch.autograd.grad(outputs, leaves, cotangents, allow_unused=True)
    if not any(each.numel() for each in leaves):
        return
    assert not any(each.stop_gradient for each in our_outputs), "the result has no history"
    got = paddle.grad(our_outputs, our_leaves, to_paddle(cotangents), allow_unused=True)
    places = [i for i, x in enumerate(tensors_in(expected, torch.Tensor)) if x.requires_grad]
    given = list(zip(places, cotangents, strict=True))
    for i, (mine, each) in enumerate(zip(got, want, strict=True)):
        if each is None or mine is None:
            rest = each if mine is None else to_torch(mine)
            assert rest is None or not rest.any(), "one side has a gradient"
        else:
            assert_close(
                f"gradient {i}",
                to_torch(mine),
                each,
                lambda i=i: exact.gradient(i, given),
            )


def _assert_same(got: Any, expected: Any, exact: Exact, bits: bool) -> None:
    """Compare nests of tuples and lists: the same length at each level, all else but tensors equal."""
    places = iter(range(len(tensors_in(expected, torch.Tensor))))

    def walk(got: Any, expected: Any, where: str) -> None:
        if isinstance(expected, torch.Tensor):
            assert isinstance(got, torch.Tensor), f"{where}: {got!r} for a tensor"
            at = next(places)
            if bits:
                torch.testing.assert_close(got, expected, rtol=0, atol=0, equal_nan=True)
            else:
                assert_close(where, got, expected, lambda: exact.result(at))
        elif isinstance(expected, tuple | list):
            assert isinstance(got, tuple | list), f"{where}: {got!r} for {expected!r}"
            assert len(got) == len(expected), f"{where}: {len(got)} for {len(expected)}"
            for i, (one, other) in enumerate(zip(got, expected, strict=True)):
                walk(one, other, f"{where}[{i}]")
        else:
            torch.testing.assert_close(got, expected, equal_nan=True)

    walk(got, expected, "result")


def _detached(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().resolve_conj()
    if isinstance(value, tuple | list):
        return [_detached(each) for each in value]
    return value
