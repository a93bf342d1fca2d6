"""One call made on both sides from the same seed, and all that it gives compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oarlock_generator.conformance.checks import told
from oarlock_generator.conformance.comparison import Comparison, DifferenceError
from oarlock_generator.conformance.conversion import Conversion, tensors_in
from oarlock_generator.conformance.precision import Precise, widened
from oarlock_generator.conformance.tolerances import Tolerance

# What both sides draw from.
SEED = 42


@dataclass(frozen=True)
class Call:
    """A call of torch's, with everything that says how it is compared.

    Args:
        function: torch's.
        args: its positional arguments.
        kwargs: its named arguments.
        tolerance: how far values may be off.
        name: what the variant is called in a message.
        finish: torch's step that makes results unique (signs of eigenvectors for example), applied
            before values and gradients are compared.
        in_place: whether it writes its first argument, so that both sides get a copy.
        gradients: whether gradients are compared.
        values: whether values are defined at all.
        hint: the function's dotted name below torch, where it has one.
        counterpart: Oarlock's function where it is not found by torch's.
        known: Oarlock's tensors that stand for some of torch's among the arguments, by the id of
            torch's: the parameters of a module.
    """

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: dict[str, Any]
    tolerance: Tolerance
    name: str = "function"
    finish: Callable[[Any], Any] | None = None
    in_place: bool = False
    gradients: bool = True
    values: bool = True
    hint: str = ""
    counterpart: Callable[..., Any] | None = None
    known: Mapping[int, Any] = field(default_factory=dict)


class Caller:
    """Makes calls on both sides."""

    def __init__(self, conversion: Conversion):
        self.conversion = conversion
        self.torch, self.ours = conversion.torch, conversion.ours
        self.counterparts = conversion.counterparts

    def check(self, call: Call) -> None:
        """Raise DifferenceError where Oarlock does not do what torch does."""
        torch, memo = self.torch, dict(call.known)
        given = [list(call.args), call.kwargs]
        leaves = [*{id(t): t for t in tensors_in(given, torch.Tensor)}.values()]
        versions = [leaf._version for leaf in leaves]
        # torch may write its arguments.
        copies = {id(leaf): leaf.detach().clone() for leaf in leaves}
        our_args, our_kwargs = self.conversion.to_ours(given, memo)
        comparison = Comparison(
            self.conversion, Precise(lambda: self._precisely(call, given, copies))
        )
        error = None
        torch.manual_seed(SEED)
        try:
            expected, args = _called(call, call.function, *given)
        except Exception as raised:
            error, expected, args = raised, None, []
        self.ours.manual_seed(SEED)
        try:
            function = call.counterpart or self.counterparts.of(call.function, call.hint)
            got, our_args = _called(call, function, our_args, our_kwargs)
        except Exception as raised:
            if error is None:
                raise DifferenceError(f"{call.name}: {told(raised)}") from raised
            self._check_error(call, raised, error)
            return
        if error is not None:
            kind = type(error).__name__
            raise DifferenceError(f"{call.name}: gave a result where torch raises {kind}: {error}")
        if call.in_place and (got is our_args[0]) is not (expected is args[0]):
            raise DifferenceError(f"{call.name}: not the tensor that was given")
        place = f"{call.name} result"
        comparison.check(got, expected, call.tolerance, place, call.values and not call.finish)
        if call.finish:
            got, expected = self._finished(call, got, expected)
            comparison.check(got, expected, call.tolerance, place, call.values)
        for index, (leaf, before) in enumerate(zip(leaves, versions, strict=True)):
            if leaf._version != before:
                written = f"{call.name} argument {index} afterwards"
                comparison.check(memo[id(leaf)], leaf, call.tolerance, written, call.values)
        if call.gradients:
            wanted = [leaf for leaf in leaves if leaf.requires_grad]
            ours = [memo[id(leaf)] for leaf in wanted]
            self._check_gradients(call, comparison, (got, ours), (expected, wanted))

    def _check_error(self, call: Call, raised: Exception, error: Exception) -> None:
        kind = type(error).__name__
        if is_refusal(raised) or not isinstance(raised, type(error)):
            raise DifferenceError(f"{call.name}: {told(raised)} where torch raises {kind}: {error}")

    def _finished(self, call: Call, got: Any, expected: Any) -> tuple[Any, Any]:
        if call.finish is None:
            return got, expected
        try:
            return self.counterparts.of(call.finish)(got), call.finish(expected)
        except Exception as raised:
            raise DifferenceError(f"{call.name} result prepared: {told(raised)}") from raised

    def _check_gradients(
        self,
        call: Call,
        comparison: Comparison,
        ours: tuple[Any, list[Any]],
        theirs: tuple[Any, list[Any]],
    ) -> None:
        expected = self._gradients(*theirs)
        if expected is None:
            return
        outputs = [
            mine
            for mine, t in zip(
                tensors_in(ours[0], self.conversion.paddle.Tensor),
                tensors_in(theirs[0], self.torch.Tensor),
                strict=True,
            )
            if t.requires_grad
        ]
        try:
            along = [self.conversion.to_ours(way, {}) for way in self._along(theirs[0])]
            grads = self.ours.autograd.grad(outputs, ours[1], along, allow_unused=True)
        except Exception as raised:
            raise DifferenceError(f"{call.name} gradient: {told(raised)}") from raised
        for index, (mine, grad) in enumerate(zip(grads, expected, strict=True)):
            place = _gradient_place(call, index)
            if (mine is None) is not (grad is None):
                what = "none" if mine is None else "there is one"
                raise DifferenceError(f"{place}: {what}, unlike torch's")
            if grad is not None:
                comparison.check(mine, grad, call.tolerance, place)

    def _along(self, result: Any) -> list[Any]:
        """The directions that torch's outputs are differentiated in."""
        outputs = (t for t in tensors_in(result, self.torch.Tensor) if t.requires_grad)
        return [
            self.torch.from_numpy(_direction(t, index)).to(t.dtype)
            for index, t in enumerate(outputs)
        ]

    def _gradients(self, result: Any, wanted: list[Any]) -> Sequence[Any] | None:
        """Gradients of torch; None where it has none."""
        outputs = [t for t in tensors_in(result, self.torch.Tensor) if t.requires_grad]
        if not wanted or not outputs:
            return None
        along = self._along(result)
        try:
            return self.torch.autograd.grad(outputs, wanted, along, allow_unused=True)
        except RuntimeError:
            # No derivative here; NotImplementedError is one of these.
            return None

    def _precisely(self, call: Call, given: list[Any], copies: dict[int, Any]) -> dict[str, Any]:
        """What torch computes in double precision, by place."""
        torch, memo = self.torch, {}
        args, kwargs = widened(torch, given, copies, memo)
        torch.manual_seed(SEED)
        result, _ = _called(call, call.function, args, kwargs)
        result = call.finish(result) if call.finish else result
        found = dict(Comparison(self.conversion).places(result, f"{call.name} result"))
        leaves = {id(t): t for t in tensors_in(given, torch.Tensor)}
        for index, key in enumerate(leaves):
            found[f"{call.name} argument {index} afterwards"] = memo[key]
        wanted = [memo[key] for key, leaf in leaves.items() if leaf.requires_grad]
        for index, grad in enumerate(self._gradients(result, wanted) or ()):
            found[_gradient_place(call, index)] = grad
        return found


def _called(
    call: Call, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """The result, and the arguments as the function got them."""
    if call.in_place:
        args = [args[0].clone(), *args[1:]]
    return function(*args, **kwargs), args


def _gradient_place(call: Call, index: int) -> str:
    return f"{call.name} gradient {index}"


def is_refusal(raised: Exception) -> bool:
    """Whether Oarlock says that it does not serve the call."""
    from oarlock.errors import UnmappedError, UnsupportedError

    return isinstance(raised, UnmappedError | UnsupportedError)


def _direction(tensor: Any, index: int) -> np.ndarray:
    """Values to weigh an output with: of magnitude near one, none of them zero."""
    draw = np.random.default_rng([SEED, index])
    shape = tuple(tensor.shape)
    values = draw.uniform(0.5, 1.5, shape) * draw.choice([-1.0, 1.0], shape)
    if tensor.is_complex():
        values = values + 1j * draw.uniform(-1.0, 1.0, shape)
    return np.asarray(values)
