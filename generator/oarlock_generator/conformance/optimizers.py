"""torch's optimizer database: parameters and state after some steps, schedulers, and errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from oarlock_generator.conformance.calls import SEED, Caller
from oarlock_generator.conformance.checks import Check, told
from oarlock_generator.conformance.comparison import Comparison, DifferenceError
from oarlock_generator.conformance.errors import check_error
from oarlock_generator.conformance.precision import Precise
from oarlock_generator.conformance.tolerances import Tolerance

_STEPS = 5
_STATE = "state_dict()['state']"


def optimizers() -> dict[str, Any]:
    """OptimizerInfo objects by name: ``SGD``."""
    database = import_module("torch.testing._internal.common_optimizers").optim_db
    return {info.name: info for info in database}


class OptimizerChecks:
    """The checks of optimizers.

    Args:
        caller: has the two sides.
    """

    def __init__(self, caller: Caller):
        self.torch, self.ours = caller.torch, caller.ours
        self.conversion = caller.conversion
        self.comparison = Comparison(caller.conversion)
        self.database = import_module("torch.testing._internal.common_optimizers")

    def of(self, info: Any) -> Iterator[Check]:
        """Every check of one optimizer."""
        # One that is differentiable writes no leaves, and so needs another loop.
        inputs = self.database._get_optim_inputs_including_global_cliquey_kwargs(
            "cpu", None, info, skip=("differentiable",)
        )
        for name in ("float32", "float64"):
            for index, given in enumerate(inputs):
                run = partial(self._steps, info, given.kwargs, name)
                yield Check(f"{name} input {index} ({given.desc})", name, run)
        for index, schedulers in enumerate(info.scheduler_inputs):
            run = partial(self._scheduled, info, schedulers)
            yield Check(f"scheduler input {index}", "schedulers", run)
        self.torch.manual_seed(SEED)
        errors = info.optim_error_inputs_func("cpu", self.torch.float32)
        for index, given in enumerate(errors):
            run = partial(self._error, info, given)
            yield Check(f"error input {index}", "errors", run)

    def _steps(self, info: Any, options: dict[str, Any], name: str) -> None:
        kwargs = self.conversion.to_ours(options, {})
        theirs = _Training(self.torch, info.optim_cls, options, name, info)
        try:
            cls = self.conversion.counterparts.of(info.optim_cls)
            ours = _Training(self.ours, cls, kwargs, name, info)
        except Exception as raised:
            raise DifferenceError(f"construction: {told(raised)}") from raised
        comparison = Comparison(
            self.conversion, Precise(lambda: dict(self._precisely(info, options)))
        )
        for step in range(_steps(info)):
            theirs.step(step)
            try:
                ours.step(step)
            except Exception as raised:
                raise DifferenceError(f"step {step}: {told(raised)}") from raised
            self._compare(comparison, ours, theirs, step)
        state, own = theirs.optimizer.state_dict(), ours.optimizer.state_dict()
        comparison.check(own["state"], state["state"], Tolerance(), _STATE)
        groups = own["param_groups"], state["param_groups"]
        comparison.check(*groups, Tolerance(), "state_dict()['param_groups']")

    def _precisely(self, info: Any, options: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """What torch comes to in double precision, by place."""
        exact = _Training(self.torch, info.optim_cls, options, "float64", info)
        for step in range(_steps(info)):
            exact.step(step)
            for index, parameter in enumerate(exact.made):
                yield _place(index, step), parameter.detach().clone()
        yield from self.comparison.places(exact.optimizer.state_dict()["state"], _STATE)

    def _compare(
        self, comparison: Comparison, ours: _Training, theirs: _Training, step: int
    ) -> None:
        for index, (mine, parameter) in enumerate(zip(ours.made, theirs.made, strict=True)):
            comparison.check(mine, parameter, Tolerance(), _place(index, step))

    def _scheduled(self, info: Any, schedulers: Any) -> None:
        theirs = _Training(self.torch, info.optim_cls, {}, "float32", info)
        rates = self._rates(theirs, [make(theirs.optimizer) for make in schedulers])
        cls = self.conversion.counterparts.of(info.optim_cls)
        ours = _Training(self.ours, cls, {}, "float32", info)
        made = [self.conversion.counterparts.of(make)(ours.optimizer) for make in schedulers]
        self.comparison.check(self._rates(ours, made), rates, Tolerance(), "learning rates")
        self._compare(self.comparison, ours, theirs, _STEPS - 1)

    def _rates(self, training: _Training, schedulers: list[Any]) -> list[float]:
        rates = []
        for step in range(_STEPS):
            training.step(step)
            for scheduler in schedulers:
                is_plateau = type(scheduler).__name__ == "ReduceLROnPlateau"
                scheduler.step(*([1.0] if is_plateau else []))
            rates += [float(group["lr"]) for group in training.optimizer.param_groups]
        return rates

    def _error(self, info: Any, given: Any) -> None:
        wrong = given.optimizer_error_input
        memo: dict[int, Any] = {}
        params, options = self.conversion.to_ours([wrong.params, wrong.kwargs], memo)
        cls = info.optim_cls

        def make(torch: Any, cls: Any, params: Any, options: dict[str, Any]) -> Any:
            if params is None:
                params = [torch.nn.Parameter(torch.ones(1, 1))]
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                return cls(params, **options)

        def ours() -> Any:
            return make(self.ours, self.conversion.counterparts.of(cls), params, options)

        check_error(lambda: make(self.torch, cls, wrong.params, wrong.kwargs), ours, given)


def _steps(info: Any) -> int:
    """How many steps; one that takes a closure makes some twenty of its own each time."""
    return 1 if info.step_requires_closure else _STEPS


def _place(index: int, step: int) -> str:
    return f"parameter {index} after step {step}"


class _Training:
    """Two matrices trained to give a third, on one side."""

    def __init__(self, torch: Any, cls: Any, options: dict[str, Any], name: str, info: Any):
        self.torch, self.name, self.info = torch, name, info
        self.made = [
            torch.nn.Parameter(self._drawn(0, (4, 5))),
            torch.nn.Parameter(self._drawn(1, (5, 3))),
        ]
        self.target = self._drawn(2, (4, 3))
        self.optimizer = cls(self.made, **options)

    def _drawn(self, key: int, shape: tuple[int, ...]) -> Any:
        values = np.random.default_rng([SEED, key]).normal(size=shape).astype(self.name)
        return self.torch.tensor(values)

    def _loss(self) -> Any:
        self.optimizer.zero_grad()
        loss = ((self.made[0] @ self.made[1] - self.target) ** 2).mean()
        loss.backward()
        return loss

    def step(self, number: int) -> None:
        """One step of the optimizer."""
        if self.info.only_supports_sparse_grads:
            for key, parameter in enumerate(self.made):
                gradient = self._drawn(10 + number + key, tuple(parameter.shape))
                parameter.grad = gradient.to_sparse()
            self.optimizer.step()
        elif self.info.step_requires_closure:
            self.optimizer.step(self._loss)
        else:
            self._loss()
            self.optimizer.step()
