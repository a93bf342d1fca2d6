"""Schedules that a function gives: LambdaLR and MultiplicativeLR."""

from __future__ import annotations

from typing import Any

from oarlock.optim.lr_scheduler.base import LRScheduler, current, saved_functions


class _ByFunction(LRScheduler):
    lr_lambdas: list[Any]

    def __init__(self, optimizer: Any, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        groups = len(optimizer.param_groups)
        if not isinstance(lr_lambda, (list, tuple)):
            self.lr_lambdas = [lr_lambda] * groups
        elif len(lr_lambda) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
        else:
            self.lr_lambdas = list(lr_lambda)
        self._check_functions()
        super().__init__(optimizer, last_epoch)

    def _check_functions(self) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions; of callable objects, their attributes."""
        state = super().state_dict()
        del state["lr_lambdas"]
        return state | {"lr_lambdas": saved_functions(self.lr_lambdas)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave; functions stay as they are."""
        for key, value in state_dict.items():
            if key != "lr_lambdas":
                self.__dict__[key] = value
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=False):
            if attributes is not None:
                function.__dict__.update(attributes)


class LambdaLR(_ByFunction):
    """The initial rate times a function of the step.

    Args:
        optimizer: whose groups are scheduled.
        lr_lambda: gives the factor for a step's number; or a list of one for each group.
        last_epoch: the last step taken.

    Raises:
        ValueError: the list has another length than there are groups.
    """

    def get_lr(self) -> list[Any]:  # noqa: D102
        self._warn_outside_step()
        return [
            base * function(self.last_epoch)
            for function, base in zip(self.lr_lambdas, self.base_lrs, strict=True)
        ]


class MultiplicativeLR(_ByFunction):
    """The last rate times a function of the step.

    Args:
        optimizer: whose groups are scheduled.
        lr_lambda: gives the factor for a step's number; or a list of one for each group.
        last_epoch: the last step taken.

    Raises:
        ValueError: the list has another length than there are groups.
        TypeError: ``lr_lambda`` can't be called.
    """

    def _check_functions(self) -> None:
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )

    def get_lr(self) -> list[Any]:  # noqa: D102
        self._warn_outside_step()
        if self._is_initial:
            return current(self.optimizer)
        return [
            group["lr"] * function(self.last_epoch)
            for function, group in zip(self.lr_lambdas, self.optimizer.param_groups, strict=True)
        ]
