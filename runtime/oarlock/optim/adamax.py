"""Adamax: Adam with the infinity norm."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import (
    Elementwise,
    descent,
    lerp_,
    quotient,
    scale_,
    subtract_scaled_,
)
from oarlock.optim.optimizer import check, check_betas, check_flags, check_lr, number


class Adamax(Elementwise):
    """Adam: A Method for Stochastic Optimization, https://arxiv.org/abs/1412.6980, algorithm 2.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        betas: decay rates of the running mean of the gradient and of its infinity norm.
        eps: added to the gradient's magnitude before the maximum.
        weight_decay: the L2 penalty.
        foreach, maximize, differentiable, capturable: see `Adam`.

    Raises:
        ValueError: an option is out of its range.
    """

    options: ClassVar[dict[str, Any]] = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check_betas(betas)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        check_flags("torch.optim.Adamax", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        step = bundle.values["step"] + 1
        bundle.set("step", step)
        return number(group["lr"]) / (1 - group["betas"][0] ** step)

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        grad = descent(group, param, grad)
        beta1, beta2 = group["betas"]
        lerp_(state[0], grad, 1 - beta1)
        magnitude = scale_(_C_ops.abs(grad), 1.0, group["eps"])
        norm = _C_ops.maximum(scale_(state[1], beta2), magnitude)
        _C_ops.assign_out_(norm, state[1])
        subtract_scaled_(param, quotient(state[0], norm), numbers)
