"""One example on one dtype: run on the shim and on the oracle, everything observable compared."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from oarlock_generator.compare import (
    Finding,
    Part,
    compare_bits,
    compare_structure,
    compare_values,
    is_another_computation,
    parts_of,
)
from oarlock_generator.examples import COMPLEX, FLOATS, Call, Drawn, Scope, draw, normal
from oarlock_generator.frameworks import Framework, Torch, ours
from oarlock_generator.model import Example
from oarlock_generator.oracles import Oracle, Resolver

# Any number: it makes the shim's own random draws, and so the evidence, repeatable.
SEED = 2290

_WIDE = dict.fromkeys(FLOATS, "float64") | dict.fromkeys(COMPLEX, "complex128")


class TrialError(Exception):
    """What ended a trial before there was anything to compare."""


@dataclass(frozen=True)
class Execution:
    """What one side did: its result, the gradients, and the inputs as the call left them."""

    result: Any
    parts: list[Part]
    grads: dict[str, np.ndarray | None]
    after: dict[str, np.ndarray]


class Trial:
    """One example on one dtype.

    Args:
        example: the example; ``call`` is its parsed call.
        call: what to run.
        dtype: the dtype of the inputs that don't have one of their own.
        oracle: what says how it should be.
        shim: finds what is under test.
        device: where the shim runs, "cpu" or "gpu".

    Raises:
        TrialError: the example's inputs can't be drawn.
    """

    def __init__(
        self, example: Example, call: Call, dtype: str, oracle: Oracle, shim: Resolver, device: str
    ):
        self.example, self.call, self.oracle, self.shim = example, call, oracle, shim
        self.device = device
        with _telling("drawing the inputs of the example"):
            self.drawn = draw(example, dtype)
        self.torch, self.paddle = Torch(), ours(min(call.apis, default=""))
        self.routes: dict[str, None] = {}

    @property
    def route(self) -> str:
        """The route that the shim took: "native", "fallback" or "reference"."""
        return ", ".join(self.routes)

    def findings(self) -> list[Finding]:
        """Carry it out and judge it.

        Raises:
            TrialError: a side raised, or did not raise where the example says so.
        """
        return self._refusal() if self.example.raises else self._agreement()

    def _agreement(self) -> list[Finding]:
        with _telling("the shim"):
            got = self._run_shim()
        with _telling("the oracle"), self._replaying(got):
            own = self._run_oracle(self.drawn)
            expected = self._expectation(own)
        faults = compare_structure(got.parts, own.parts)
        if any(drawn.grad for drawn in self.drawn.values()) and not own.grads:
            faults.append("an input says grad, and nothing in the oracle's result has a gradient")
        if faults:
            return [Finding("structure", fault=fault) for fault in faults]
        findings = [
            *_compare_results(got, own, expected),
            *self._compare_grads(got, own, expected),
            *self._compare_inputs(got, own, expected),
        ]
        if self.example.repeatable:
            with _telling("the shim"):
                findings += _compare_repeat(got, self._run_shim())
        return findings

    def _expectation(self, own: Execution) -> Execution:
        """The oracle's run in float64; its own run where that is as wide, or draws by dtype."""
        wide = {name: _widened(drawn) for name, drawn in self.drawn.items()}
        exact = all(wide[name].dtype == drawn.dtype for name, drawn in self.drawn.items())
        draws = self.example.random and not self.oracle.replays
        if exact or draws:
            return own
        expected = self._run_oracle(wide, own.parts)
        inputs = [drawn.values for drawn in self.drawn.values()]
        return own if is_another_computation(own.parts, expected.parts, inputs) else expected

    def _refusal(self) -> list[Finding]:
        from oarlock.errors import DOCS

        with _telling("the oracle"):
            self._run_oracle(self.drawn)
        try:
            self._run_shim()
        except Exception as error:
            if type(error).__name__ != self.example.raises:
                raise TrialError(f"expected {self.example.raises}, got {_told(error)}") from error
            wanted = [DOCS, *self.example.parameter]
            if missing := [word for word in wanted if word not in str(error)]:
                raise TrialError(f"{_told(error)}: lacks {', '.join(missing)}") from error
            return [Finding(type(error).__name__)]
        raise TrialError(f"expected {self.example.raises}, got a result")

    def _run_shim(self) -> Execution:
        paddle = self.paddle.paddle
        before = paddle.get_device()
        paddle.set_device(self.device)
        self.paddle.seed(SEED)
        scope = Scope({}, self.shim, self.paddle.dtype, self._note_route)
        try:
            return _execute(self.call, self.paddle, scope, self.drawn, {})
        finally:
            paddle.set_device(before)

    def _note_route(self, api: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        is_object = api.startswith("torch.Tensor.") and not self.paddle.is_tensor(args[0])
        if not is_object:
            self.routes[route_of(api, args, kwargs)] = None

    def _run_oracle(self, drawn: dict[str, Drawn], own: list[Part] | None = None) -> Execution:
        """Run the oracle; with ``own``, the parts of its narrower run, in float64."""
        # A layer draws its parameters in the dtype it was written with, and is widened then.
        makes_layers = any(self._is_layer(api) for api in self.call.apis)
        wide = {} if own is None or makes_layers else _WIDE
        self.torch.seed(SEED)
        find = self.oracle.function if own is None else self._widening
        scope = Scope({}, find, lambda name: self.torch.dtype(wide.get(name, name)))
        return _execute(self.call, self.torch, scope, drawn, {p.place: p.dtype for p in own or ()})

    def _is_layer(self, api: str) -> bool:
        made = self.oracle.find(api)
        return isinstance(made, type) and issubclass(made, self.torch.torch.nn.Module)

    def _widening(self, api: str) -> Callable[..., Any]:
        """The oracle's function; of a layer's class, one that makes the layer in float64."""
        function = self.oracle.function(api)
        if not self._is_layer(api):
            return function
        return lambda *args, **kwargs: function(*args, **kwargs).double()

    def _replaying(self, got: Execution) -> AbstractContextManager[Any]:
        if not self.example.random:
            return nullcontext()

        def as_torch(value: Any) -> Any:
            if self.paddle.is_tensor(value):
                drawn = Drawn(self.paddle.read(value), self.paddle.dtype_name(value) or "")
                return self.torch.tensor(drawn)
            return tuple(map(as_torch, value)) if isinstance(value, tuple | list) else value

        return self.oracle.replaying(as_torch(got.result))

    def _compare_grads(
        self, got: Execution, own: Execution, expected: Execution
    ) -> Iterator[Finding]:
        for name, wanted in own.grads.items():
            place, gradient, exact = f"grad of {name}", got.grads[name], expected.grads[name]
            if gradient is not None and wanted is not None and exact is not None:
                yield compare_values(place, gradient, wanted, exact, self.drawn[name].dtype)
            elif gradient is not wanted:
                words = ("none", "one") if gradient is None else ("one", "none")
                yield Finding(place, fault="{}: got {}, expected {}".format(place, *words))

    def _compare_inputs(
        self, got: Execution, own: Execution, expected: Execution
    ) -> Iterator[Finding]:
        for name, drawn in self.drawn.items():
            place, ours, wanted = f"{name} after the call", got.after[name], own.after[name]
            if wanted.tobytes() == drawn.values.tobytes():
                yield compare_bits(place, ours, wanted, "was changed, and by torch it is not,")
            else:
                yield compare_values(place, ours, wanted, expected.after[name], drawn.dtype)


def route_of(api: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Which route this call of the shim takes; "unknown" for what Oarlock has no record of."""
    from oarlock.errors import UnmappedError
    from oarlock.explanation import explain

    try:
        return explain(api, *args, **kwargs).route
    except UnmappedError:
        return "unknown"


def _execute(
    call: Call,
    framework: Framework,
    scope: Scope,
    drawn: dict[str, Drawn],
    dtypes: Mapping[str, str],
) -> Execution:
    """Run a call and its gradients; ``dtypes`` round the cotangent at a place to another dtype."""
    leaves = {name: framework.tensor(each) for name, each in drawn.items()}
    # torch forbids in-place changes of a leaf that wants a gradient, and allows them of its clone.
    inputs = {
        name: framework.clone(leaf) if call.in_place and drawn[name].grad else leaf
        for name, leaf in leaves.items()
    }
    scope.names.update(inputs)
    result = call.run(scope)
    parts = list(parts_of(result, framework, inputs))
    ends = [part for part in parts if part.tensor is not None and framework.wants_grad(part.tensor)]
    wanted = {name: leaf for name, leaf in leaves.items() if drawn[name].grad}
    grads: dict[str, np.ndarray | None] = {}
    if ends and wanted:
        along = [
            normal(part.place, part.tensor.shape, dtypes.get(part.place, part.dtype))
            for part in ends
        ]
        found = framework.grad(
            [part.tensor for part in ends],
            list(wanted.values()),
            [framework.tensor(Drawn(a, p.dtype)) for a, p in zip(along, ends, strict=True)],
        )
        grads = {
            name: None if grad is None else framework.read(grad)
            for name, grad in zip(wanted, found, strict=True)
        }
    after = {name: framework.read(tensor) for name, tensor in inputs.items()}
    return Execution(result, parts, grads, after)


def _compare_results(got: Execution, own: Execution, expected: Execution) -> list[Finding]:
    if len(expected.parts) != len(own.parts):
        raise TrialError("the oracle's float64 result has another structure; change the example")
    return [
        compare_values(a.place, a.values, b.values, c.values, a.dtype)
        for a, b, c in zip(got.parts, own.parts, expected.parts, strict=True)
        if a.values is not None
    ]


def _compare_repeat(first: Execution, second: Execution) -> list[Finding]:
    how = "is not the same when run again:"
    if faults := compare_structure(second.parts, first.parts):
        return [Finding("structure", fault=f"when run again: {fault}") for fault in faults]
    pairs = [
        (a.place, a.values, b.values) for a, b in zip(first.parts, second.parts, strict=True)
    ] + [(f"grad of {name}", grad, second.grads[name]) for name, grad in first.grads.items()]
    return [compare_bits(place, b, a, how) for place, a, b in pairs if a is not None]


def _widened(drawn: Drawn) -> Drawn:
    wide = _WIDE.get(drawn.dtype, drawn.dtype)
    return Drawn(drawn.values.astype(wide), wide, drawn.grad)


@contextmanager
def _telling(side: str) -> Iterator[None]:
    try:
        yield
    except TrialError:
        raise
    except Exception as error:
        raise TrialError(f"{side} raised {_told(error)}") from error


def _told(error: Exception) -> str:
    """Say what was raised and in which line, without a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "oarlock" in Path(frame.filename).parts]
    frame = (own or frames)[-1]
    text = " ".join(str(error).split())
    text = text if len(text) <= 500 else f"{text[:500]}…"
    return f"{type(error).__name__}: {text} ({Path(frame.filename).name}:{frame.lineno})"
