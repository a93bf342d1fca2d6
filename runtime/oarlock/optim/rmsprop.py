"""RMSprop, with momentum and centering."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import (
    Elementwise,
    decay_square_,
    descent,
    lerp_,
    quotient,
    scale_,
    subtract_scaled_,
)
from oarlock.optim.optimizer import check, check_flags, check_lr, number


class RMSprop(Elementwise):
    """Hinton's lecture 6e, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        alpha: decay rate of the running mean of the gradient's square.
        eps: added to the denominator, outside the root.
        weight_decay: the L2 penalty.
        momentum: of the scaled gradient.
        centered: divide by an estimate of the standard deviation, not of the mean square
            (https://arxiv.org/abs/1308.0850, section 4.2).
        capturable, foreach, maximize, differentiable: see `Adam`.

    Raises:
        ValueError: an option is out of its range.
    """

    options: ClassVar[dict[str, Any]] = {
        "momentum": 0,
        "centered": False,
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check(momentum >= 0.0, "momentum value", momentum)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check(alpha >= 0.0, "alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        check_flags("torch.optim.RMSprop", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        names = {"square_avg": 0.0}
        if group["momentum"] > 0:
            names["momentum_buffer"] = 0.0
        if group["centered"]:
            names["grad_avg"] = 0.0
        return names

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
        alpha, square = group["alpha"], state[0]
        decay_square_(square, grad, alpha)
        if group["centered"]:
            mean = state[-1]
            lerp_(mean, grad, 1 - alpha)
            square = _C_ops.subtract(square, _C_ops.multiply(mean, mean))
        change = quotient(grad, scale_(_C_ops.sqrt(square), 1.0, group["eps"]))
        if group["momentum"] > 0:
            buffer = state[1]
            _C_ops.add_(scale_(buffer, group["momentum"]), change)
            change = _C_ops.scale(buffer, 1.0, 0.0, True)
        subtract_scaled_(param, change, numbers)
