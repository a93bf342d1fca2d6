"""torch.func's grad, grad_and_value and vjp."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import oarlock.torch as torch
from oarlock.func import trees
from oarlock.func.levels import Level, checked_outputs, chosen, split_aux, with_chosen
from oarlock.tensor import Tensor


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return the function that computes the gradient of ``func``.

    Args:
        func: returns one number, a tensor of no dims; with ``has_aux`` a pair of it and anything.
        argnums: the argument, nested tensors, or the tuple of arguments to differentiate by.
        has_aux: whether the function returned gives a pair, of the gradient and that anything.

    Raises:
        RuntimeError: from the function returned, where ``func`` returns something else, or
            ``argnums`` names no argument.
    """

    @_named(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found, (_, aux) = _both(func, argnums, has_aux, args, kwargs)
        return (found, aux) if has_aux else found

    return wrapper


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return the function that computes the gradient of ``func``, and its value.

    Args:
        func: as for `grad`.
        argnums: as for `grad`.
        has_aux: whether what comes beside the gradient is a pair, of the value and anything.

    Raises:
        RuntimeError: as `grad` does.
    """

    @_named(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found, (value, aux) = _both(func, argnums, has_aux, args, kwargs)
        return found, ((value, aux) if has_aux else value)

    return wrapper


def _named(func: Any) -> Callable[[Any], Any]:
    return wraps(func) if hasattr(func, "__name__") else lambda wrapper: wrapper


def _both(
    func: Any, argnums: Any, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, Any]]:
    level = Level(chosen(args, argnums))
    with level.entered():
        output = func(*with_chosen(args, argnums, level.tree), **kwargs)
        value, aux = split_aux(output, has_aux, "grad_and_value(f)(*args)")
        if not isinstance(value, Tensor):
            raise RuntimeError(
                f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(value)}"
            )
        if value.dim():
            raise RuntimeError(
                "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor "
                f"with {value.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
            )
        found = level.gradients([value], None, level.goes_on([value]))
    result = trees.unflatten(found, level.structure)
    return level.outside(result), (level.outside(value), level.outside(aux))


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """Return ``func(*primals)``, and the function that multiplies its Jacobian by a vector.

    Args:
        func: returns tensors, nested or not; with ``has_aux`` a pair of them and anything.
        primals: nested tensors.
        has_aux: whether that anything comes third.

    Returns:
        The output; a function from cotangents, nested as the output is, to the tuple of the primals'
        gradients; and with ``has_aux`` what came beside.

    Raises:
        RuntimeError: ``func`` returns something else, or numbers that have no gradients.
    """
    output, pull, aux = pulled(func, primals, None, has_aux)
    return (output, pull, aux) if has_aux else (output, pull)


def pulled(
    func: Any, primals: tuple[Any, ...], argnums: Any, has_aux: bool
) -> tuple[Any, Callable[..., Any], Any]:
    """Return what `vjp` does, of the arguments that ``argnums`` names."""
    level = Level(primals if argnums is None else chosen(primals, argnums))
    with level.entered():
        args = level.tree if argnums is None else with_chosen(primals, argnums, level.tree)
        output, aux = split_aux(func(*args), has_aux, "vjp(f, *primals)")
        flat, structure = trees.flatten(output)
        checked_outputs(flat, "vjp(f, *primals)")
        for value in flat:
            if not (value.is_floating_point() or value.is_complex()):
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                    f"Tensor with dtype {value.dtype}"
                )
    goes_on = level.goes_on(flat)

    def pull(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given, given_structure = trees.flatten(cotangents)
        if given_structure != structure:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {given_structure}, primal output: {structure}"
            )
        recorded = torch.is_grad_enabled() if create_graph is None else create_graph
        followed = recorded and (goes_on or level.goes_on(given))
        found = level.gradients(flat, given, followed)
        result = trees.unflatten(found, level.structure)
        if not followed:
            result = trees.mapped(lambda g: g.detach(), result)
        return result

    return level.outside(output), pull, level.outside(aux)
