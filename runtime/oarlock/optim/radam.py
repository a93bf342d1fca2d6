"""RAdam: Adam whose adaptive rate waits until its variance is tractable."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import (
    Elementwise,
    decay_square_,
    lerp_,
    quotient,
    scale_,
    subtract_scaled_,
)
from oarlock.optim.nadam import decayed
from oarlock.optim.optimizer import check, check_betas, check_flags, check_lr, number


class RAdam(Elementwise):
    """On the Variance of the Adaptive Learning Rate and Beyond, https://arxiv.org/abs/1908.03265.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        betas: decay rates of the running means of the gradient and of its square.
        eps: added to the denominator, outside the root.
        weight_decay: the L2 penalty; with ``decoupled_weight_decay`` that of AdamW.
        decoupled_weight_decay: shrink the parameters themselves.
        foreach, maximize, capturable, differentiable: see `Adam`.

    Raises:
        ValueError: an option is out of its range.
    """

    options: ClassVar[dict[str, Any]] = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "capturable": False,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        check_flags("torch.optim.RAdam", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        step = bundle.values["step"] + 1
        bundle.set("step", step)
        beta1, beta2 = group["betas"]
        lr = number(group["lr"])
        correction2 = 1 - beta2**step
        # Lengths of the approximated simple moving average, sections 3.3 and 4.1 of the paper.
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * beta2**step / correction2
        rectification = None
        if length > 5.0:
            rectification = (
                (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            ) ** 0.5 * correction2**0.5
        return lr, lr / (1 - beta1**step), rectification

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        lr, step_size, rectification = numbers
        beta1, beta2 = group["betas"]
        grad = decayed(group, lr, param, grad)
        lerp_(state[0], grad, 1 - beta1)
        decay_square_(state[1], grad, beta2)
        if rectification is None:
            _C_ops.add_(param, _C_ops.scale(state[0], -step_size, 0.0, True))
            return
        denominator = scale_(_C_ops.sqrt(state[1]), 1.0, group["eps"])
        subtract_scaled_(param, quotient(state[0], denominator), step_size * rectification)
