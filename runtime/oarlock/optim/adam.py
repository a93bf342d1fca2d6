"""Adam, with AMSGrad and decoupled weight decay as options."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

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
from oarlock.optim.optimizer import check, check_betas, check_flags, check_lr, number

# Paddle's stubs know nothing of arguments that may be None.
_C_ops: Any = _stubbed


class Adam(Elementwise):
    """Adam: A Method for Stochastic Optimization, https://arxiv.org/abs/1412.6980, algorithm 1.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        betas: decay rates of the running means of the gradient and of its square.
        eps: added to the denominator, outside the root.
        weight_decay: the L2 penalty; with ``decoupled_weight_decay`` that of AdamW.
        amsgrad: divide by the largest mean square so far (https://openreview.net/forum?id=ryQu7f-RZ).
        foreach, fused: choose among torch's implementations; the values are the same.
        maximize: go along the gradient.
        capturable: keep step counts on the GPU; an error on the CPU, as in torch.
        differentiable: refused.
        decoupled_weight_decay: shrink the parameters themselves.

    Raises:
        ValueError: an option is out of its range.
    """

    options: ClassVar[dict[str, Any]] = {
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        if isinstance(lr, paddle.Tensor) and foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check_lr(lr)
        check(eps >= 0.0, "epsilon value", eps)
        check_betas(betas)
        check(weight_decay >= 0.0, "weight_decay value", weight_decay)
        kinds = [isinstance(beta, paddle.Tensor) for beta in betas]
        if not all(kinds) and not all(isinstance(beta, float) for beta in betas):
            raise ValueError("betas must be either both floats or both Tensors")
        for i, beta in enumerate(betas):
            if kinds[i] and foreach and not capturable:
                raise ValueError(
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                )
            if kinds[i] and beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")
        defaults = {
            "lr": lr,
            "betas": tuple(betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        check_flags(f"torch.optim.{type(self).__name__}", defaults)
        super().__init__(params, defaults)

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        names = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return names | {"max_exp_avg_sq": 0.0} if group["amsgrad"] else names

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        step = bundle.values["step"] + 1
        bundle.set("step", step)
        beta1, beta2 = map(number, group["betas"])
        lr = number(group["lr"])
        correction = (1 - beta2**step) ** 0.5
        step_size = lr * correction / (1 - beta1**step)
        return lr, beta1, beta2, self._rate(step_size, bundle), group["eps"] * correction

    def _rate(self, step_size: float, bundle: Bundle) -> Any:
        """A step size, and for Paddle's kernel a tensor of it, which bundles of a step share."""
        if bundle.dtype is not paddle.float32:
            return step_size, None
        kept = self.__dict__.get("_last_rate")
        if kept is None or kept[0] != step_size or not kept[1].place._equals(bundle.place):
            rate = _C_ops.full([1], step_size, paddle.float32, bundle.place)
            kept = self._last_rate = step_size, rate
        return kept

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        lr, beta1, beta2, (step_size, rate), eps = numbers
        if group["decoupled_weight_decay"]:
            if group["maximize"]:
                grad = _C_ops.scale(grad, -1.0, 0.0, True)
            shrink = lr * number(group["weight_decay"])
        else:
            grad = descent(group, param, grad)
            shrink = 0.0
        if rate is not None and step_size:
            _fused(param, grad, state, beta1, beta2, rate, eps, shrink / step_size)
            return
        if shrink:
            scale_(param, 1 - shrink)
        lerp_(state[0], grad, 1 - beta1)
        decay_square_(state[1], grad, beta2)
        square = state[1]
        if group["amsgrad"]:
            square = _C_ops.maximum(state[2], square)
            _C_ops.assign_out_(square, state[2])
        denominator = scale_(_C_ops.sqrt(square), 1.0, eps)
        subtract_scaled_(param, quotient(state[0], denominator), step_size)


def _fused(
    param: paddle.Tensor,
    grad: paddle.Tensor,
    state: list[paddle.Tensor],
    beta1: float,
    beta2: float,
    rate: paddle.Tensor,
    eps: float,
    weight_decay: float,
) -> None:
    """Do the update with Paddle's kernel, which has other roundings to be undone.

    It takes ``1 - beta2`` from a ``beta2`` in single precision: for 0.999, a part in 78,000 less
    than it should be. What it leaves out of the mean square is put in beforehand. The powers of the
    betas, whose rounding is as coarse, are zero here and their corrections in ``rate``.
    """
    missing = _left_out(beta2)
    if missing:
        square = _C_ops.multiply(grad, grad)
        _C_ops.add_(state[1], _C_ops.scale_(square, missing, 0.0, True))
    nothing = _zero()
    _C_ops.adamw_(
        param,
        grad,
        rate,
        state[0],
        state[1],
        state[2] if len(state) == 3 else None,
        nothing,
        nothing,
        None,
        None,
        beta1,
        beta2,
        eps,
        1.0,
        weight_decay,
        weight_decay != 0,
        False,
        1000,
        False,
        True,
        len(state) == 3,
    )


@cache
def _left_out(beta2: float) -> float:
    """What Paddle's kernel leaves out of the squared gradient's part, over ``beta2``."""
    single = np.float32(beta2)
    missing = float(np.float32(1 - beta2)) - float(np.float32(1) - single)
    return missing / float(single) if single else 0.0


@cache
def _zero() -> paddle.Tensor:
    return _C_ops.full([1], 0.0, paddle.float32, paddle.CPUPlace())
