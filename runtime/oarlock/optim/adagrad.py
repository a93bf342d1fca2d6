"""Adagrad."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import Elementwise, descent, quotient, scale_, subtract_scaled_
from oarlock.optim.optimizer import (
    check,
    check_flags,
    check_lr,
    number,
    scalar_dtype,
    scalar_tensor,
)
from oarlock.tensor import plain, wrap


class Adagrad(Elementwise):
    """Adaptive Subgradient Methods, https://jmlr.org/papers/v12/duchi11a.html.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        lr_decay: the rate is divided by ``1 + (step - 1) * lr_decay``.
        weight_decay: the L2 penalty.
        initial_accumulator_value: what the sums of squares start with.
        eps: added to the denominator, outside the root.
        foreach, maximize, differentiable, fused: see `Adam`.

    Raises:
        ValueError: an option is out of its range.
    """

    options: ClassVar[dict[str, Any]] = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "fused": None,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check(lr_decay >= 0.0, "lr_decay value", lr_decay)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        start = initial_accumulator_value
        check(start >= 0.0, "initial_accumulator_value value", start)
        check(eps >= 0.0, "epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": start,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        check_flags("torch.optim.Adagrad", defaults)
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                own, place = plain(p), plain(p).place
                self.state[p] = {
                    "step": scalar_tensor(
                        0.0, scalar_dtype(group["fused"]), place if group["fused"] else None
                    ),
                    "sum": wrap(_C_ops.full(own.shape, start, own.dtype, place)),
                }

    def share_memory(self) -> None:
        """Move the sums of squares to shared memory."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"sum": self.defaults["initial_accumulator_value"]}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        step = bundle.values["step"] + 1
        bundle.set("step", step)
        return number(group["lr"]) / (1 + (step - 1) * group["lr_decay"])

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        grad = descent(group, param, grad)
        total = state[0]
        _C_ops.add_(total, _C_ops.multiply(grad, grad))
        denominator = scale_(_C_ops.sqrt(total), 1.0, group["eps"])
        subtract_scaled_(param, quotient(grad, denominator), numbers)
