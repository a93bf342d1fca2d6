"""torch.func's jacrev, jacfwd, hessian, jvp and linearize.

Paddle has no forward-mode gradients in eager mode. Jacobians are computed row by row in reverse
mode, and products with a vector by differentiating the transposed product (Townsend, "A new trick
for calculating Jacobian vector products", 2017): the same numbers but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import oarlock.torch as torch
from oarlock.errors import UnsupportedError
from oarlock.func import trees
from oarlock.func.gradients import _named, pulled
from oarlock.func.levels import Level, checked_outputs, chosen, split_aux
from oarlock.tensor import Tensor

_JVP = "jvp(f, primals, tangents)"


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of ``func``.

    Args:
        func: returns tensors, nested or not; with ``has_aux`` a pair of them and anything.
        argnums: the argument, or the tuple of arguments, to differentiate by.
        has_aux: whether the function returned gives a pair, of the Jacobian and that anything.
        chunk_size: accepted: rows are computed one by one, with the same values.

    Returns:
        A function whose result has, for each output and in it for each input, a tensor of both
        shapes.

    Raises:
        ValueError: ``chunk_size`` is not positive.
        RuntimeError: from the function returned, for complex tensors, or as `torch.func.vjp` does.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian(func, argnums, has_aux, "jacrev")


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """Return the function that computes the Jacobian of ``func``; it does so as `jacrev` does.

    Args:
        func: as for `jacrev`.
        argnums: as for `jacrev`.
        has_aux: as for `jacrev`.
        randomness: accepted: ``func`` is called once.

    Raises:
        RuntimeError: from the function returned, as `jacrev` does.
    """
    return _jacobian(func, argnums, has_aux, "jacfwd")


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """Return the function that computes second derivatives: the Jacobian of the Jacobian.

    Args:
        func: returns tensors, nested or not.
        argnums: the argument, or the tuple of arguments, to differentiate by.

    Raises:
        UnsupportedError: from the function returned, where Paddle has no second derivative.
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _jacobian(func: Any, argnums: Any, has_aux: bool, name: str) -> Callable[..., Any]:
    @_named(func)
    def wrapper(*args: Any) -> Any:
        _check_real(args, name, "inputs")
        output, pull, aux = pulled(func, args, argnums, has_aux)
        outputs, structure = trees.flatten(output)
        _check_real(outputs, name, "outputs")
        inputs, input_structure = trees.flatten(chosen(args, argnums))
        rows = _rows(outputs, structure, pull)
        parts = []
        for y, of_output in zip(outputs, rows, strict=True):
            stacked = [
                _stacked(column, y, x)
                for column, x in zip(zip(*of_output, strict=True), inputs, strict=True)
            ] or [y.new_zeros(*y.shape, *x.shape, dtype=x.dtype) for x in inputs]
            parts.append(trees.unflatten(stacked, input_structure))
        result = trees.unflatten(parts, structure)
        return (result, aux) if has_aux else result

    return wrapper


def _stacked(column: Any, output: Any, given: Any) -> Any:
    return torch.stack(list(column)).reshape(output.size() + given.size())


def _rows(outputs: list[Any], structure: Any, pull: Any) -> list[list[list[Any]]]:
    """For each output and each of its elements, the gradients of all inputs."""
    zeros = [torch.zeros_like(y, requires_grad=False) for y in outputs]
    result = []
    for place, y in enumerate(outputs):
        rows = []
        for n in range(y.numel()):
            one = torch.zeros(y.numel(), dtype=y.dtype, device=y.device)
            one[n] = 1
            basis = [*zeros[:place], one.view(y.shape), *zeros[place + 1 :]]
            rows.append(trees.flatten(pull(trees.unflatten(basis, structure)))[0])
        result.append(rows)
    return result


def _check_real(tree: Any, name: str, which: str) -> None:
    for place, value in enumerate(trees.flatten(tree)[0]):
        if isinstance(value, Tensor) and value.is_complex():
            raise RuntimeError(
                f"{name}: Expected all {which} to be real but received complex tensor at flattened "
                f"input idx: {place}"
            )


class _Push:
    """A function at a point, and the products of its Jacobian there with vectors."""

    def __init__(self, func: Any, primals: tuple[Any, ...], has_aux: bool) -> None:
        self.level = level = Level(primals)
        with level.entered():
            output, aux = split_aux(func(*level.tree), has_aux, _JVP)
            self.outputs, self.structure = trees.flatten(output)
            checked_outputs(self.outputs, _JVP)
        self.output, self.aux = level.outside(output), level.outside(aux)
        self.goes_on = level.goes_on(self.outputs)
        self._transposed: Any = None

    def depends(self) -> list[bool]:
        """Whether each output has a history."""
        return [y.requires_grad for y in self.outputs]

    def times(self, tangents: list[Any]) -> Any:
        """Return the Jacobian times a vector, nested as the output is."""
        create_graph = torch.is_grad_enabled() and (self.goes_on or self.level.goes_on(tangents))
        with torch.enable_grad():
            try:
                found = self._twice(tangents, create_graph)
            except UnsupportedError:
                found = self._by_rows(tangents, create_graph)
        if not create_graph:
            found = [t.detach() for t in found]
        return trees.unflatten(found, self.structure)

    def _twice(self, tangents: list[Any], create_graph: bool) -> list[Any]:
        if self._transposed is None:
            weights = [self.level.seed(torch.zeros_like(y)) for y in self.outputs]
            self._transposed = weights, self.level.gradients(self.outputs, weights, True)
        weights, product = self._transposed
        return self.level.gradients_by(weights, product, tangents, create_graph)

    def _by_rows(self, tangents: list[Any], create_graph: bool) -> list[Any]:
        result = []
        for y in self.outputs:
            values = [
                sum(
                    (g * t).sum()
                    for g, t in zip(
                        self.level.gradients([one], None, create_graph), tangents, strict=True
                    )
                )
                for one in y.reshape(-1)
            ]
            result.append(torch.stack(values).view(y.shape) if values else torch.zeros_like(y))
        return result


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """Return ``func(*primals)``, and its Jacobian times ``tangents``.

    Args:
        func: returns tensors, nested or not; with ``has_aux`` a pair of them and anything.
        primals: a tuple of nested tensors.
        tangents: of the same structure and shapes.
        strict: raise where an output does not depend on the primals; its part is zero otherwise.
        has_aux: whether that anything comes third.

    Raises:
        RuntimeError: the primals are no tuple, the structures differ, or as ``strict`` says.
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{_JVP}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    flat, structure = trees.flatten(primals)
    given, given_structure = trees.flatten(tangents)
    if given_structure != structure:
        raise RuntimeError(
            f"{_JVP}: Expected primals and tangents to have the same python structure. For example, "
            "if primals is a tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{structure} and tangents with structure {given_structure}"
        )
    for values, which in ((flat, "primals"), (given, "tangents")):
        if not values:
            raise RuntimeError(f"{_JVP}: Expected {which} to contain at least one Tensor.")
        for value in values:
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"{_JVP}: Expected {which} to only contain Tensors, got {type(value)}"
                )
    for primal, tangent in zip(flat, given, strict=True):
        if primal.shape != tangent.shape:
            raise RuntimeError(
                f"Expected tensor for the tangent of shape {list(primal.shape)} as its primal has, "
                f"but got {list(tangent.shape)}"
            )
    push = _Push(func, primals, has_aux)
    if strict and not all(push.depends()):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
            "This is not allowed with strict=True."
        )
    result = push.times(given)
    return (push.output, result, push.aux) if has_aux else (push.output, result)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return ``func(*primals)``, and the function from tangents to its Jacobian times them.

    Args:
        func: returns tensors, nested or not; it is called once.
        primals: nested tensors.

    Raises:
        RuntimeError: from the function returned, where tangents have another structure, shape or
            dtype than the primals.
    """
    flat, structure = trees.flatten(primals)
    push = _Push(func, primals, False)

    def jvp_fn(*tangents: Any) -> Any:
        given, given_structure = trees.flatten(tangents)
        if given_structure != structure:
            raise RuntimeError(
                f"Expected the tangents {given_structure} to have the same argspec as the primals "
                f"{structure}"
            )
        for place, (tangent, primal) in enumerate(zip(given, flat, strict=True)):
            for what in ("shape", "device", "dtype"):
                found, wanted = getattr(tangent, what), getattr(primal, what)
                if found != wanted:
                    raise RuntimeError(
                        f"tangent:{place} with {what} {found} in flattened pytree doesn't match the "
                        f"{what} {wanted} of the corresponding primal."
                    )
        return push.times(given)

    return push.output, jvp_fn
