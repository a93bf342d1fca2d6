"""Adadelta."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import (
    Elementwise,
    decay_square_,
    descent,
    quotient,
    subtract_scaled_,
)
from oarlock.optim.optimizer import check, check_flags, check_lr, number


class Adadelta(Elementwise):
    """ADADELTA: An Adaptive Learning Rate Method, https://arxiv.org/abs/1212.5701, algorithm 1.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: a factor on the step, a number or a one-element Tensor.
        rho: decay rate of the running means of squares.
        eps: added to both means, inside the roots.
        weight_decay: the L2 penalty.
        foreach, capturable, maximize, differentiable: see `Adam`.

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
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= rho <= 1.0, "rho value", rho)
        check(eps >= 0.0, "epsilon value", eps)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        check_flags("torch.optim.Adadelta", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        bundle.set("step", bundle.values["step"] + 1)
        return number(group["lr"])

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        grad = descent(group, param, grad)
        square, moved = state
        rho, eps = group["rho"], group["eps"]
        decay_square_(square, grad, rho)
        change = _C_ops.sqrt(_C_ops.scale(moved, 1.0, eps, True))
        change = quotient(change, _C_ops.sqrt(_C_ops.scale(square, 1.0, eps, True)))
        _C_ops.multiply_(change, grad)
        decay_square_(moved, change, rho)
        subtract_scaled_(param, change, numbers)
