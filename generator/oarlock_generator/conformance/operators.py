"""torch's operator database: every sample as function, method and in-place call, and error inputs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

from oarlock_generator.conformance.calls import SEED, Call, Caller
from oarlock_generator.conformance.checks import Check, NotInTorchError, told
from oarlock_generator.conformance.errors import check_error
from oarlock_generator.conformance.tolerances import Tolerance

# All samples of the first of these that an operator takes.
MAIN_DTYPES = ("float32", "complex64", "int64", "bool")
# A few samples, spread over all, of each of these.
FURTHER_DTYPES = ("float64", "int64", "bool", "complex64", "bfloat16", "float16")
FEW = 4
# With their gradients.
_DIFFERENTIATED = ("float64", "complex64")


def operators() -> dict[str, Any]:
    """OpInfo objects by name: ``nn.functional.pad.reflect`` for a variant."""
    database = import_module("torch.testing._internal.common_methods_invocations").op_db
    return {entry_name(op): op for op in database}


def entry_name(op: Any) -> str:
    """The name of an operator's entry, unique in the database."""
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


class OperatorChecks:
    """The checks of operators.

    Args:
        caller: makes the calls.
        undefined: names of operators whose values are what memory happens to hold.
    """

    def __init__(self, caller: Caller, undefined: frozenset[str] = frozenset()):
        self.caller = caller
        self.torch = caller.torch
        self.undefined = undefined

    def of(self, op: Any) -> Iterator[Check]:
        """Every check of one operator; torch's samples are drawn from a fixed seed."""
        names = {str(dtype).removeprefix("torch.") for dtype in op.supported_dtypes("cpu")}
        main = next((name for name in MAIN_DTYPES if name in names), None)
        if main:
            yield from self._samples(op, main, None)
        for name in FURTHER_DTYPES:
            if name in names and name != main:
                yield from self._samples(op, name, FEW)
        yield from self._errors(op)

    def _samples(self, op: Any, name: str, few: int | None) -> Iterator[Check]:
        dtype = getattr(self.torch, name)
        is_smooth = dtype.is_floating_point or dtype.is_complex
        differentiated = few is None or name in _DIFFERENTIATED
        gradients = (
            is_smooth
            and differentiated
            and op.supports_autograd
            and dtype in op.supported_backward_dtypes("cpu")
        )
        self.torch.manual_seed(SEED)
        try:
            samples = list(op.sample_inputs("cpu", dtype, requires_grad=gradients))
        except Exception as error:
            if few is None:
                raise
            raise_later = partial(_raise, NotInTorchError(told(error)))
            yield Check(f"{name} samples", name, raise_later)
            return
        for index in spread(len(samples), few):
            run = partial(self._sample, op, samples[index], gradients)
            yield Check(f"{name} sample {index}", name, run)

    def _sample(self, op: Any, sample: Any, gradients: bool) -> None:
        tolerance = Tolerance.of_decorators(op.decorators)
        args, kwargs = (sample.input, *sample.args), sample.kwargs
        finish = sample.output_process_fn_grad
        is_plain = (
            getattr(finish, "__name__", "") == "<lambda>" and finish.__code__.co_code == _SAME
        )
        call = partial(
            Call,
            args=args,
            kwargs=kwargs,
            tolerance=tolerance,
            finish=None if is_plain else finish,
            gradients=gradients,
            values=op.name not in self.undefined,
        )
        self.caller.check(call(op.op, hint=op.name))
        if not isinstance(sample.input, self.torch.Tensor):
            return
        if method := op.method_variant:
            self.caller.check(call(method, name="method", hint=f"Tensor.{_method(method)}"))
        if written := op.inplace_variant:
            allowed = gradients and op.supports_inplace_autograd
            if gradients and not allowed:
                bare = partial(_detached, self.torch)
                call = partial(call, args=[bare(a) for a in args])
            hint = f"Tensor.{_method(written)}"
            self.caller.check(
                call(written, name="in-place", hint=hint, in_place=True, gradients=allowed)
            )

    def _errors(self, op: Any) -> Iterator[Check]:
        if op.error_inputs_func is None:
            return
        self.torch.manual_seed(SEED)
        for index, given in enumerate(op.error_inputs("cpu")):
            run = partial(self._error, op, given)
            yield Check(f"error input {index}", "errors", run)

    def _error(self, op: Any, given: Any) -> None:
        sample = given.sample_input
        args, kwargs = (sample.input, *sample.args), sample.kwargs
        our_args, our_kwargs = self.caller.conversion.to_ours([list(args), kwargs], {})
        check_error(
            lambda: op.op(*args, **kwargs),
            lambda: self.caller.counterparts.of(op.op, op.name)(*our_args, **our_kwargs),
            given,
        )


def spread(count: int, few: int | None) -> list[int]:
    """Which of ``count`` samples are taken: all, or ``few`` evenly over them, the first among them."""
    if few is None or count <= few:
        return list(range(count))
    return [index * count // few for index in range(few)]


def _raise(error: Exception) -> None:
    raise error


def _method(function: Any) -> str:
    return getattr(function, "__name__", "")


def _detached(torch: Any, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, list | tuple):
        return type(value)(_detached(torch, item) for item in value)
    return value


_SAME = (lambda x: x).__code__.co_code
