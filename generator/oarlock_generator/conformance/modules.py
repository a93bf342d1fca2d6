"""torch's module database: construction, initial values, forward, gradients, buffers, errors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

from oarlock_generator.conformance.calls import SEED, Call, Caller
from oarlock_generator.conformance.checks import Check, told
from oarlock_generator.conformance.comparison import Comparison, DifferenceError
from oarlock_generator.conformance.errors import check_error
from oarlock_generator.conformance.operators import FEW, spread
from oarlock_generator.conformance.tolerances import Tolerance


def modules() -> dict[str, Any]:
    """ModuleInfo objects by name: ``nn.Linear``."""
    database = import_module("torch.testing._internal.common_modules").module_db
    return {info.name: info for info in database}


class ModuleChecks:
    """The checks of modules.

    Args:
        caller: makes the calls.
    """

    def __init__(self, caller: Caller):
        self.caller = caller
        self.torch, self.ours = caller.torch, caller.ours
        self.conversion = caller.conversion
        self.comparison = Comparison(caller.conversion)

    def of(self, info: Any) -> Iterator[Check]:
        """Every check of one module: all float32 inputs, a few in double precision, and errors."""
        for name, few in (("float32", None), ("float64", FEW)):
            if getattr(self.torch, name) in info.dtypes:
                for training in (True, False) if info.train_and_eval_differ else (True,):
                    yield from self._samples(info, name, few, training)
        if info.module_error_inputs_func:
            yield from self._errors(info)

    def _samples(self, info: Any, name: str, few: int | None, training: bool) -> Iterator[Check]:
        inputs = self._inputs(info.module_inputs_func, info, name, training)
        mode = "training" if training else "evaluation"
        for index in spread(len(inputs), few):
            run = partial(self._sample, info, inputs[index], name, training)
            yield Check(f"{name} {mode} input {index}", name, run)

    def _inputs(self, make: Any, info: Any, name: str, training: bool) -> list[Any]:
        self.torch.manual_seed(SEED)
        dtype = getattr(self.torch, name)
        return make(info, device="cpu", dtype=dtype, requires_grad=True, training=training)

    def _sample(self, info: Any, given: Any, name: str, training: bool) -> None:
        theirs, ours = self._built(info, given.constructor_input, name)
        theirs.train(training)
        ours.train(training)
        if given.forward_input is None:
            return
        args, kwargs = list(given.forward_input.args), given.forward_input.kwargs
        tolerance = Tolerance.of_decorators(info.decorators)
        if info.is_lazy:
            our_args, our_kwargs = self.conversion.to_ours([args, kwargs], {})
            self.torch.manual_seed(SEED)
            theirs(*args, **kwargs)
            self.ours.manual_seed(SEED)
            ours(*our_args, **our_kwargs)
            self._compare_state(theirs, ours, tolerance)
        state = {**dict(theirs.named_parameters()), **dict(theirs.named_buffers())}
        own = {**dict(ours.named_parameters()), **dict(ours.named_buffers())}

        def forward(args: Any, kwargs: Any, tensors: list[Any]) -> Any:
            given_state = dict(zip(state, tensors, strict=True))
            return self.torch.func.functional_call(theirs, given_state, tuple(args), kwargs)

        self.caller.check(
            Call(
                forward,
                [args, kwargs, list(state.values())],
                {},
                tolerance,
                "forward",
                counterpart=lambda args, kwargs, tensors: ours(*args, **kwargs),
                known={id(tensor): own[key] for key, tensor in state.items()},
            )
        )

    def _built(self, info: Any, given: Any, name: str) -> tuple[Any, Any]:
        """The module on both sides, from the same seed, with the same initial values."""
        dtype = getattr(self.torch, name)
        self.torch.manual_seed(SEED)
        theirs = info.module_cls(*given.args, **given.kwargs).to(dtype)
        args, kwargs = self._constructor(given)
        self.ours.manual_seed(SEED)
        try:
            ours = self.conversion.counterparts.of(info.module_cls)(*args, **kwargs)
            ours = ours.to(self.conversion.counterparts.of(dtype))
        except Exception as raised:
            raise DifferenceError(f"construction: {told(raised)}") from raised
        if not info.is_lazy:
            self._compare_state(theirs, ours, Tolerance())
        return theirs, ours

    def _constructor(self, given: Any) -> tuple[list[Any], dict[str, Any]]:
        memo = {
            id(value): self._layer(value)
            for value in (*given.args, *given.kwargs.values())
            if isinstance(value, self.torch.nn.Module)
        }

        def convert(value: Any) -> Any:
            return memo[id(value)] if id(value) in memo else self.conversion.to_ours(value, {})

        kwargs = {key: convert(value) for key, value in given.kwargs.items()}
        return [convert(value) for value in given.args], kwargs

    def _layer(self, layer: Any) -> Any:
        """Oarlock's encoder layer for torch's, which a stack of them is made from."""
        attention = layer.self_attn
        made = self.ours.nn.TransformerEncoderLayer(
            attention.embed_dim,
            attention.num_heads,
            layer.linear1.out_features,
            layer.dropout.p,
            self.conversion.to_ours(layer.activation, {}),
            layer.norm1.eps,
            attention.batch_first,
            layer.norm_first,
            layer.linear1.bias is not None,
        ).to(self.conversion.counterparts.of(layer.linear1.weight.dtype))
        state = {key: self.conversion.to_ours(t, {}) for key, t in layer.state_dict().items()}
        made.load_state_dict(state)
        return made

    def _compare_state(self, theirs: Any, ours: Any, tolerance: Tolerance) -> None:
        state, own = theirs.state_dict(), ours.state_dict()
        if list(state) != list(own):
            raise DifferenceError(f"state_dict: got {list(own)}, expected {list(state)}")
        for key, tensor in state.items():
            self.comparison.check(own[key], tensor, tolerance, f"initial {key}")

    def _errors(self, info: Any) -> Iterator[Check]:
        inputs = self._inputs(info.module_error_inputs_func, info, "float32", True)
        for index, given in enumerate(inputs):
            yield Check(f"error input {index}", "errors", partial(self._error, info, given))

    def _error(self, info: Any, given: Any) -> None:
        wrong = given.module_error_input
        args, kwargs = self._constructor(wrong.constructor_input)
        theirs = partial(
            info.module_cls, *wrong.constructor_input.args, **wrong.constructor_input.kwargs
        )

        def ours() -> Any:
            return self.conversion.counterparts.of(info.module_cls)(*args, **kwargs)

        if given.error_on.name == "CONSTRUCTION_ERROR":
            check_error(theirs, ours, given)
            return
        module, own = theirs(), ours()
        forward = wrong.forward_input
        own_args, own_kwargs = self.conversion.to_ours([list(forward.args), forward.kwargs], {})
        check_error(
            lambda: module(*forward.args, **forward.kwargs),
            lambda: own(*own_args, **own_kwargs),
            given,
        )
