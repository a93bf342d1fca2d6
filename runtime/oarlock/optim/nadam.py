"""NAdam: Adam with Nesterov momentum."""

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
    scale_,
    subtract_scaled_,
)
from oarlock.optim.optimizer import check, check_betas, check_flags, check_lr, number


class NAdam(Elementwise):
    """Incorporating Nesterov Momentum into Adam, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        betas: decay rates of the running means of the gradient and of its square.
        eps: added to the denominator, outside the root.
        weight_decay: the L2 penalty; with ``decoupled_weight_decay`` that of AdamW.
        momentum_decay: how fast the momentum approaches ``betas[0]``.
        decoupled_weight_decay: shrink the parameters themselves.
        foreach, maximize, capturable, differentiable: see `Adam`.

    Raises:
        ValueError: an option is out of its range.
    """

    options: ClassVar[dict[str, Any]] = {
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check_betas(betas)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        check(momentum_decay >= 0.0, "momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        check_flags("torch.optim.NAdam", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "mu_product": 1.0}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        step = bundle.values["step"] + 1
        bundle.set("step", step)
        beta1, beta2 = group["betas"]
        lr, decay = number(group["lr"]), group["momentum_decay"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        bundle.multiply("mu_product", mu)
        product = bundle.values["mu_product"]
        return (
            lr,
            1 - beta2**step,
            lr * (1.0 - mu) / (1.0 - product),
            lr * mu_next / (1.0 - product * mu_next),
        )

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        lr, correction, of_grad, of_mean = numbers
        beta1, beta2 = group["betas"]
        grad = decayed(group, lr, param, grad)
        lerp_(state[0], grad, 1 - beta1)
        decay_square_(state[1], grad, beta2)
        denominator = _C_ops.sqrt(_C_ops.scale(state[1], 1 / correction, 0.0, True))
        inverse = _C_ops.reciprocal_(scale_(denominator, 1.0, group["eps"]))
        subtract_scaled_(param, _C_ops.multiply(grad, inverse), of_grad)
        subtract_scaled_(param, _C_ops.multiply_(inverse, state[0]), of_mean)


def decayed(
    group: dict[str, Any], lr: float, param: paddle.Tensor, grad: paddle.Tensor
) -> paddle.Tensor:
    """The direction to go against, with weight decay in the way that the group asks for."""
    if not group["decoupled_weight_decay"]:
        return descent(group, param, grad)
    if group["maximize"]:
        grad = _C_ops.scale(grad, -1.0, 0.0, True)
    if group["weight_decay"] != 0:
        scale_(param, 1 - lr * number(group["weight_decay"]))
    return grad
