"""torch.autograd.functional: Jacobians, Hessians and their products with vectors.

A product of the Jacobian with a vector is taken by differentiating the transposed product twice
(Townsend, "A new trick for calculating Jacobian vector products", 2017).
"""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import oarlock.torch as torch
from oarlock.errors import UnsupportedError
from oarlock.tensor import Tensor


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return ``func(*inputs)``, and ``v`` times its Jacobian.

    Args:
        func: takes tensors and returns a tensor or a tuple of them.
        inputs: a tensor, or a tuple of them.
        v: of the outputs' structure and shapes; may be left out for one output of one element.
        create_graph: record how the result is computed.
        strict: raise where an output does not depend on an input; its part is zero otherwise.

    Raises:
        RuntimeError: ``v`` is missing or of the wrong shape, or as ``strict`` says.
        TypeError: something is no tensor.
    """
    with torch.enable_grad():
        xs, is_tuple = _inputs(inputs, "vjp", create_graph)
        outputs, several = _tuple(func(*xs), "outputs of the user-provided function", "vjp")
        _check_graph(outputs, strict)
        if v is None:
            if len(outputs) != 1 or outputs[0].nelement() != 1:
                raise RuntimeError(
                    "The vector v can only be None if the user-provided function returns a single "
                    "Tensor with a single element."
                )
            vs: Any = None
        else:
            vs = _vector(v, outputs, several, create_graph, "vjp")
        found = _filled(_grad(outputs, xs, vs, create_graph), xs, strict)
    return _given(outputs, several, create_graph), _given(found, is_tuple, create_graph)


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return ``func(*inputs)``, and its Jacobian times ``v``.

    Args:
        func, inputs, create_graph, strict: as for `vjp`.
        v: of the inputs' structure and shapes; may be left out for one input of one element.

    Raises:
        RuntimeError, TypeError: as for `vjp`.
    """
    with torch.enable_grad():
        xs, is_tuple = _inputs(inputs, "jvp", create_graph)
        if v is None:
            if len(xs) != 1 or xs[0].nelement() != 1:
                raise RuntimeError(
                    "The vector v can only be None if the input to the user-provided function is a "
                    "single Tensor with a single element."
                )
            vs: Any = (torch.ones_like(xs[0]),)
        else:
            vs = _vector(v, xs, is_tuple, create_graph, "jvp")
        outputs, several = _tuple(func(*xs), "outputs of the user-provided function", "jvp")
        _check_graph(outputs, strict)
        zeros = tuple(torch.zeros_like(y, requires_grad=True) for y in outputs)
        transposed = _filled(_grad(outputs, xs, zeros, True), xs, strict)
        found = _filled(_grad(transposed, zeros, vs, create_graph), zeros, strict)
    return _given(outputs, several, create_graph), _given(found, several, create_graph)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian: for each output and each input, a tensor of both shapes.

    Args:
        func, inputs, create_graph, strict: as for `vjp`.
        vectorize: accepted: the rows are computed one by one, with the same values.
        strategy: "reverse-mode".

    Returns:
        A tensor; a tuple where ``inputs`` or the outputs are one; a tuple of tuples, by output and
        input, where both are.

    Raises:
        RuntimeError, TypeError: as for `vjp`.
        UnsupportedError: the strategy "forward-mode".
    """
    if strategy == "forward-mode":
        raise UnsupportedError(
            api="torch.autograd.functional.jacobian",
            parameter="strategy",
            given=repr(strategy),
            reason="Paddle has no forward-mode gradients in eager mode",
            advice="Use strategy='reverse-mode', which gives the same values",
        )
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported "
            "together. Please either set `strict=False` or `vectorize=False`."
        )
    with torch.enable_grad():
        xs, is_tuple = _inputs(inputs, "jacobian", create_graph)
        outputs, several = _tuple(func(*xs), "outputs of the user-provided function", "jacobian")
        _check_graph(outputs, strict)
        rows = [_rows(y, xs, create_graph, strict) for y in outputs]
    result = tuple(row if is_tuple else row[0] for row in rows)
    result = result if several else result[0]
    return result if create_graph else _detached(result)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the Hessian of a function of one number: the Jacobian of its gradient.

    Args:
        func, inputs, create_graph, strict, vectorize: as for `jacobian`; ``func`` returns one tensor
            of one element.
        outer_jacobian_strategy: "reverse-mode".

    Raises:
        RuntimeError, TypeError, UnsupportedError: as for `jacobian`.
    """
    _, is_tuple = _tuple(inputs, "inputs", "hessian")

    def gradient(*xs: Any) -> Any:
        found = jacobian(_scalar(func, strict), xs, create_graph=True, strict=strict)
        return found if is_tuple else found[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return ``func(*inputs)``, one number, and ``v`` times its Hessian.

    Args:
        func, inputs, create_graph, strict: as for `hessian`.
        v: of the inputs' structure and shapes; may be left out for one input of one element.

    Raises:
        RuntimeError, TypeError: as for `vjp`.
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "vhp")


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """Return ``func(*inputs)``, one number, and its Hessian times ``v``; as `vhp`, since it is symmetric.

    Raises:
        RuntimeError, TypeError: as for `vjp`.
    """
    return _hessian_product(func, inputs, v, create_graph, strict, "hvp")


def _hessian_product(
    func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool, name: str
) -> Any:
    with torch.enable_grad():
        xs, is_tuple = _inputs(inputs, name, create_graph)
        if v is None:
            if len(xs) != 1 or xs[0].nelement() != 1:
                raise RuntimeError(
                    "The vector v can only be None if the input to the user-provided function is a "
                    "single Tensor with a single element."
                )
            vs: Any = (torch.ones_like(xs[0]),)
        else:
            vs = _vector(v, xs, is_tuple, create_graph, name)
        output = _scalar(func, strict)(*xs)
        first = _filled(_grad((output,), xs, None, True), xs, strict)
        found = _filled(_grad(first, xs, vs, create_graph), xs, strict)
    return _given((output,), False, create_graph), _given(found, is_tuple, create_graph)


def _scalar(func: Any, strict: bool) -> Any:
    def checked(*xs: Any) -> Any:
        (output, *others), several = _tuple(
            func(*xs), "outputs of the user-provided function", "hessian"
        )
        _check_graph((output,), strict)
        if several or others:
            raise RuntimeError("The function given to hessian should return a single Tensor")
        if output.nelement() != 1:
            raise RuntimeError(
                "The Tensor returned by the function given to hessian should contain a single element"
            )
        return output.squeeze()

    return checked


def _tuple(given: Any, what: str, name: str) -> tuple[tuple[Any, ...], bool]:
    several = isinstance(given, tuple)
    values = given if several else (given,)
    for place, value in enumerate(values):
        if not isinstance(value, Tensor):
            where = f"Value at index {place} of the {what}" if several else f"The {what}"
            raise TypeError(
                f"{where} given to {name} must be a Tensor or a tuple of Tensors but has type "
                f"{type(value)}."
            )
    return values, several


def _inputs(given: Any, name: str, create_graph: bool) -> tuple[tuple[Any, ...], bool]:
    values, is_tuple = _tuple(given, "inputs", name)
    if create_graph:
        return tuple(x.view_as(x) if x.requires_grad else _leaf(x) for x in values), is_tuple
    return tuple(_leaf(x) for x in values), is_tuple


def _leaf(x: Any) -> Any:
    return x.detach().requires_grad_()


def _vector(v: Any, like: Any, is_tuple: bool, create_graph: bool, name: str) -> tuple[Any, ...]:
    vs, _ = _tuple(v, "v", name)
    if len(vs) != len(like):
        if is_tuple:
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}."
            )
        raise RuntimeError("The given v should contain a single Tensor.")
    for place, (one, other) in enumerate(zip(vs, like, strict=True)):
        if one.size() != other.size():
            which = f"Entry {place} in v" if is_tuple else "v"
            raise RuntimeError(
                f"{which} has invalid size: should be {other.size()} but got {one.size()}."
            )
    return vs if create_graph else tuple(x.detach() for x in vs)


def _check_graph(outputs: Any, strict: bool) -> None:
    if strict and not all(y.requires_grad for y in outputs):
        raise RuntimeError(
            "Output of the user-provided function does not require gradients. The outputs must be "
            "computed in a differentiable manner from the input when running in strict mode."
        )


def _grad(outputs: Any, inputs: Any, grads: Any, create_graph: bool) -> list[Any]:
    grads = (None,) * len(outputs) if grads is None else grads
    kept = [(y, g) for y, g in zip(outputs, grads, strict=True) if y.requires_grad]
    if not kept:
        return [None] * len(inputs)
    ys, gs = zip(*kept, strict=True)
    return list(
        torch.autograd.grad(
            ys, inputs, gs, create_graph=create_graph, retain_graph=True, allow_unused=True
        )
    )


def _filled(found: list[Any], like: Any, strict: bool) -> tuple[Any, ...]:
    if strict and any(g is None for g in found):
        place = next(n for n, g in enumerate(found) if g is None)
        raise RuntimeError(
            f"The output of the user-provided function is independent of input {place}. This is not "
            "allowed in strict mode."
        )
    return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(found, like, strict=True))


def _rows(output: Any, xs: Any, create_graph: bool, strict: bool) -> tuple[Any, ...]:
    """The Jacobian of one output, an element at a time, for each input."""
    rows = [
        _filled(_grad((one,), xs, None, create_graph), xs, strict) for one in output.reshape(-1)
    ]
    if not rows:
        return tuple(torch.zeros(output.size() + x.size(), dtype=x.dtype) for x in xs)
    return tuple(
        torch.stack(list(parts)).view(output.size() + x.size())
        for parts, x in zip(zip(*rows, strict=True), xs, strict=True)
    )


def _given(values: Any, several: bool, create_graph: bool) -> Any:
    values = values if create_graph else _detached(tuple(values))
    return tuple(values) if several else values[0]


def _detached(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_detached, value))
    return value.detach()
