"""SGD, with momentum."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops as _stubbed

from oarlock.autograd.grad_mode import enable_grad, no_grad
from oarlock.optim.elementwise import descent
from oarlock.optim.optimizer import Optimizer, check_flags, check_kernels, check_lr, grad_of, number
from oarlock.tensor import plain, wrap

# Paddle's stubs know nothing of arguments that may be None.
_C_ops: Any = _stubbed

# Paddle's momentum kernel takes its factors in single precision.
_FUSED = (paddle.float32,)


class SGD(Optimizer):
    """Stochastic gradient descent; momentum as in http://www.cs.toronto.edu/~hinton/absps/momentum.pdf.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        momentum: what is kept of the last step's direction.
        dampening: what of the gradient does not enter the direction after the first step.
        weight_decay: the L2 penalty.
        nesterov: look ahead along the direction; needs momentum and no dampening.
        maximize: go along the gradient.
        foreach, fused: choose among torch's implementations; the values are the same.
        differentiable: refused.

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: Any = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if number(weight_decay) < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_flags("torch.optim.SGD", defaults)
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", False)

    def step(self, closure: Any = None) -> Any:
        """Update the parameters that have gradients.

        Args:
            closure: evaluates the loss again, with gradients, and gives it.

        Returns:
            What ``closure`` gave, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                rates: dict[Any, paddle.Tensor] = {}
                for p in group["params"]:
                    grad = grad_of(p)
                    if grad is not None:
                        self._update(group, p, grad, rates)
        return loss

    def _update(
        self, group: dict[str, Any], p: Any, grad: paddle.Tensor, rates: dict[Any, paddle.Tensor]
    ) -> None:
        param, momentum = plain(p), group["momentum"]
        dtype, place = param.dtype, param.place
        check_kernels("torch.optim.SGD.step", param)
        if dtype not in _FUSED or group["dampening"] != 0 or not param.is_contiguous():
            self._composed(group, p, param, grad)
            return
        rate = rates.get(dtype)
        if rate is None:
            rate = rates[dtype] = _C_ops.full([1], float(number(group["lr"])), dtype, place)
        if momentum == 0:
            _C_ops.sgd_(param, rate, descent(group, param, grad), None, False)
        else:
            if group["maximize"]:
                grad = _C_ops.scale(grad, -1.0, 0.0, True)
            state = self.state[p]
            buffer = state.get("momentum_buffer")
            if buffer is None:
                velocity = _C_ops.full(param.shape, 0.0, dtype, place)
                buffer = state["momentum_buffer"] = wrap(velocity)
            _C_ops.momentum_(
                param,
                grad,
                buffer,
                rate,
                None,
                momentum,
                group["nesterov"],
                "l2_decay",
                float(number(group["weight_decay"])),
                False,
                1.0,
            )
            buffer._bump_inplace_version()
        param._bump_inplace_version()

    def _composed(
        self, group: dict[str, Any], p: Any, param: paddle.Tensor, grad: paddle.Tensor
    ) -> None:
        change, momentum = descent(group, param, grad), group["momentum"]
        if momentum != 0:
            state = self.state[p]
            kept = state.get("momentum_buffer")
            if kept is None:
                kept = _C_ops.full_like(param, 0.0, param.dtype, param.place)
                state["momentum_buffer"] = wrap(kept)
                buffer = _C_ops.assign_out_(change, kept)
            else:
                buffer = plain(kept)
                _C_ops.scale_(buffer, momentum, 0.0, True)
                part = 1 - group["dampening"]
                _C_ops.add_(buffer, _C_ops.scale(change, part, 0.0, True))
            if group["nesterov"]:
                change = _C_ops.add(change, _C_ops.scale(buffer, momentum, 0.0, True))
            else:
                change = buffer
        lr = float(number(group["lr"]))
        _C_ops.add_(param, _C_ops.scale(change, -lr, 0.0, True))
