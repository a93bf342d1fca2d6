"""One level of differentiation: its inputs, what its results may show of them, its gradients.

A transform differentiates with respect to tensors of its own. Those that stand for tensors with a
history are views of them, so that an enclosing transform, or ``backward()``, goes on through them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import Any

import oarlock.torch as torch
from oarlock.func import trees
from oarlock.tensor import Tensor, plain


class _Thread(local):
    def __init__(self) -> None:
        self.levels: list[Level] = []


_thread = _Thread()


class Level:
    """What a transform differentiates with respect to.

    Args:
        tree: tensors, nested or not.

    Raises:
        ValueError: something in it is no tensor.
    """

    def __init__(self, tree: Any) -> None:
        given, self.structure = trees.flatten(tree)
        for value in given:
            if not isinstance(value, Tensor):
                raise ValueError(f"Thing passed to transform API must be Tensor, got {type(value)}")
        # Outside of no_grad, what is computed belongs to an enclosing history too.
        self.recorded = torch.is_grad_enabled()
        self.inputs = [self._own(value) for value in given]
        self._nodes = {
            plain(x).grad_fn
            for x, value in zip(self.inputs, given, strict=True)
            if not self._follows(value)
        }

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A block in which gradients are recorded, and which this level's function runs in."""
        _thread.levels.append(self)
        try:
            with torch.enable_grad():
                yield
        finally:
            _thread.levels.pop()

    def _follows(self, value: Any) -> bool:
        return self.recorded and value.requires_grad

    def _own(self, value: Any) -> Any:
        if self._follows(value):
            return value.view_as(value)
        return value.detach().requires_grad_()

    @property
    def tree(self) -> Any:
        """The inputs, nested as they were given."""
        return trees.unflatten(self.inputs, self.structure)

    def goes_on(self, tensors: Sequence[Any]) -> bool:
        """Whether the tensors' history leads to other leaves than this level's inputs."""
        if not self.recorded:
            return False
        waiting = [plain(x).grad_fn for x in tensors if isinstance(x, Tensor) and x.requires_grad]
        seen: set[Any] = set()
        while waiting:
            node = waiting.pop()
            if node is None or node in seen or node in self._nodes:
                continue
            seen.add(node)
            following = node.next_functions
            if node.name() == "GradNodeAccumulation":
                return True
            waiting.extend(following)
        return False

    def outside(self, tree: Any) -> Any:
        """Return results as the caller sees them: without a history that ends in this level."""

        def seen(value: Any) -> Any:
            if not isinstance(value, Tensor) or self.goes_on([value]):
                return value
            return value.detach() if value.requires_grad else value

        return trees.mapped(seen, tree)

    def gradients(
        self, outputs: Sequence[Any], grads: Sequence[Any] | None, create_graph: bool
    ) -> list[Any]:
        """Return the gradient of each input; zeros where the outputs do not depend on it."""
        return self.gradients_by(self.inputs, outputs, grads, create_graph)

    def gradients_by(
        self,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        grads: Sequence[Any] | None,
        create_graph: bool,
    ) -> list[Any]:
        """Return gradients of outputs, of which some may have no history; zeros for none."""
        kept = [
            (y, g)
            for y, g in zip(outputs, grads or [None] * len(outputs), strict=True)
            if y.requires_grad
        ]
        found: Sequence[Any] = [None] * len(inputs)
        if kept:
            ys = [y for y, _ in kept]
            gs = [self._seed(y, g) if create_graph else g for y, g in kept]
            found = torch.autograd.grad(
                ys, inputs, gs, retain_graph=True, create_graph=create_graph, allow_unused=True
            )
        return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]

    def _seed(self, output: Any, given: Any) -> Any:
        if given is not None and given.requires_grad:
            return given
        return self.seed(torch.ones_like(output) if given is None else given)

    def seed(self, value: Any) -> Any:
        """Return what a recorded pass starts with: a leaf, as Paddle makes of it, that is known."""
        leaf = value.detach().requires_grad_()
        for level in (self, *_thread.levels):
            level._nodes.add(plain(leaf).grad_fn)
        return leaf


def chosen(args: tuple[Any, ...], argnums: Any) -> Any:
    """Return the argument, or the tuple of arguments, that ``argnums`` names.

    Raises:
        RuntimeError: it is neither a number nor a tuple of different ones, or there are not so many
            arguments.
    """
    places = places_of(argnums, len(args))
    return tuple(args[n] for n in places) if isinstance(argnums, tuple) else args[places[0]]


def places_of(argnums: Any, count: int) -> list[int]:
    """Return the positions that ``argnums`` names among ``count`` arguments; errors as `chosen`."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    places = [_place(n, count) for n in (argnums if isinstance(argnums, tuple) else (argnums,))]
    if not places:
        raise RuntimeError("argnums must be non-empty")
    if len(set(places)) != len(places):
        raise RuntimeError(f"argnums elements must be unique, got {tuple(places)}")
    return places


def _place(argnum: Any, count: int) -> int:
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def with_chosen(args: tuple[Any, ...], argnums: Any, new: Any) -> tuple[Any, ...]:
    """Return ``args`` with others in the places that ``argnums`` names."""
    result = list(args)
    news = new if isinstance(argnums, tuple) else (new,)
    for place, value in zip(places_of(argnums, len(args)), news, strict=True):
        result[place] = value
    return tuple(result)


def checked_outputs(outputs: Sequence[Any], api: str) -> None:
    """Raise RuntimeError where a function returned nothing, or something that is no tensor."""
    if not outputs or (len(outputs) == 1 and outputs[0] is None):
        raise RuntimeError(
            f"{api}: Expected f to be a function that has non-empty output (got output = {outputs})"
        )
    for value in outputs:
        if not isinstance(value, Tensor):
            raise RuntimeError(
                f"{api}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(value)}"
            )


def split_aux(output: Any, has_aux: bool, api: str) -> tuple[Any, Any]:
    """Return a function's output and what it returns beside it, None without ``has_aux``."""
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(
            f"{api}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return output
