"""ASGD: stochastic gradient descent that averages its iterates."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import Elementwise, descent, scale_
from oarlock.optim.optimizer import check, check_flags, check_lr, number


class ASGD(Elementwise):
    """Acceleration of Stochastic Approximation by Averaging, https://doi.org/10.1137/0330046.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        lambd: decay of the parameters, and of the rate.
        alpha: power of the rate's decay.
        t0: the step after which averaging starts.
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
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        check_flags("torch.optim.ASGD", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"ax": 0.0}

    def _scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": number(group["lr"]), "mu": 1.0}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        step = bundle.values["step"] + 1
        eta, mu = bundle.values["eta"], bundle.values["mu"]
        lr = number(group["lr"])
        bundle.set("step", step)
        bundle.set("eta", lr / (1 + group["lambd"] * lr * step) ** group["alpha"])
        bundle.set("mu", 1 / max(1, step - group["t0"]))
        return eta, mu

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        eta, mu = numbers
        grad = descent(group, param, grad)
        scale_(param, 1 - group["lambd"] * eta)
        _C_ops.add_(param, _C_ops.scale(grad, -eta, 0.0, True))
        average = state[0]
        if mu == 1:
            _C_ops.assign_out_(param, average)
        else:
            _C_ops.add_(average, scale_(_C_ops.subtract(param, average), mu))
