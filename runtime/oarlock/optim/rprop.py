"""Rprop: resilient backpropagation, which looks at the gradient's sign alone."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.optim.bundle import Bundle
from oarlock.optim.elementwise import Elementwise, scale_
from oarlock.optim.optimizer import check_flags, check_lr, number


class Rprop(Elementwise):
    """A Direct Adaptive Method for Faster Backpropagation, https://doi.org/10.1109/ICNN.1993.298623.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the first step size, a number or a one-element Tensor.
        etas: factors on the step size where the gradient's sign changed, and where it stayed.
        step_sizes: the least and the largest step size.
        capturable, foreach, maximize, differentiable: see `Adam`.

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
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        check_flags("torch.optim.Rprop", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"prev": 0.0, "step_size": number(group["lr"])}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        bundle.set("step", bundle.values["step"] + 1)
        return None

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        if group["maximize"]:
            grad = _C_ops.scale(grad, -1.0, 0.0, True)
        before, size = state
        smaller, larger = group["etas"]
        agreement = _C_ops.sign(_C_ops.multiply(grad, before))
        # sign is -1, 0 or 1: a parabola through the three factors would round, two masks do not.
        zero = _C_ops.full([], 0.0, grad.dtype, grad.place)
        is_turned = _C_ops.less_than(agreement, zero)
        turned = _C_ops.cast(is_turned, grad.dtype)
        stayed = _C_ops.cast(_C_ops.greater_than(agreement, zero), grad.dtype)
        factor = scale_(_C_ops.add(turned, stayed), -1.0, 1.0)
        _C_ops.add_(factor, scale_(turned, smaller))
        _C_ops.add_(factor, scale_(stayed, larger))
        _C_ops.multiply_(size, factor)
        _C_ops.clip_(size, *map(float, group["step_sizes"]))
        _C_ops.assign_out_(
            _C_ops.where(is_turned, _C_ops.full_like(grad, 0.0, grad.dtype, grad.place), grad),
            before,
        )
        _C_ops.subtract_(param, _C_ops.multiply(_C_ops.sign(before), size))
