"""Adafactor: second moments of matrices kept as those of their rows and columns."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import enable_grad, no_grad
from oarlock.optim.optimizer import (
    Optimizer,
    check_kernels,
    check_lr,
    grad_of,
    number,
    scalar_dtype,
    scalar_tensor,
)
from oarlock.tensor import plain, wrap


class Adafactor(Optimizer):
    """Adafactor, https://arxiv.org/abs/1804.04235, algorithms 4 to 6.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the largest relative step size, a number or a one-element Tensor.
        beta2_decay: power of the step by which the second moments' decay rate falls.
        eps: least value of the row means, that of the dtype where None, and least scale of a
            parameter.
        d: an update's root mean square is clipped to this.
        weight_decay: times ``lr``, the part by which the parameters shrink in each step.
        foreach: chooses among torch's implementations; the values are the same.
        maximize: go along the gradient.

    Raises:
        ValueError: an option is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: ")
        limits = [
            (beta2_decay <= 0.0, "beta2_decay should be <= 0", beta2_decay),
            (eps[0] is None or eps[0] >= 0.0, "epsilon1 should be >= 0", eps[0]),
            (eps[1] >= 0.0, "epsilon2 should be >= 0", eps[1]),
            (d >= 1.0, "Clipping threshold d should be >= 1", d),
            (weight_decay >= 0.0, "weight_decay should be >= 0", weight_decay),
        ]
        for is_met, what, value in limits:
            if not is_met:
                raise ValueError(f"{what} but is: {value}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("foreach", None)
            for p in group["params"]:
                own = self.state.get(p)
                if own and not isinstance(own["step"], paddle.Tensor):
                    own["step"] = scalar_tensor(float(own["step"]), scalar_dtype())

    def step(self, closure: Any = None) -> Any:
        """Update the parameters that have gradients.

        Args:
            closure: evaluates the loss again, with gradients, and gives it.

        Returns:
            What ``closure`` gave, or None.

        Raises:
            RuntimeError: a parameter is complex.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    grad = grad_of(p)
                    if grad is not None:
                        self._update(group, p, grad)
        return loss

    def _update(self, group: dict[str, Any], p: Any, grad: paddle.Tensor) -> None:
        param = plain(p)
        if param.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        check_kernels("torch.optim.Adafactor.step", param)
        state = self.state[p]
        if not state:
            state["step"] = scalar_tensor(0.0, scalar_dtype())
            shape = grad.shape
            if grad.ndim > 1:
                state["row_var"] = _zeros([*shape[:-1], 1], grad)
                state["col_var"] = _zeros([*shape[:-2], 1, shape[-1]], grad)
            else:
                state["variance"] = _zeros(shape, grad)
        count = plain(state["step"])
        _C_ops.scale_(count, 1.0, 1.0, True)
        step = count.item()
        if group["maximize"]:
            grad = _C_ops.scale(grad, -1.0, 0.0, True)
        least, least_scale = group["eps"]
        if least is None:
            least = paddle.finfo(param.dtype).eps
        lr = number(group["lr"])
        length = max(least_scale, _norm(param) / param.size**0.5) * min(lr, 1 / step**0.5)
        if group["weight_decay"] != 0:
            _C_ops.scale_(param, 1 - lr * group["weight_decay"], 0.0, True)

        new = step ** group["beta2_decay"]
        square = _C_ops.multiply(grad, grad)
        if grad.ndim > 1:
            row, column = plain(state["row_var"]), plain(state["col_var"])
            _C_ops.add_(row, _part(_C_ops.mean(square, [-1], True), row, new))
            _C_ops.add_(column, _part(_C_ops.mean(square, [-2], True), column, new))
            variance = _C_ops.multiply(row, column)
            mean = _C_ops.clip(_C_ops.mean(row, [-2], True), least, float("inf"))
            variance = _C_ops.divide(variance, mean)
        else:
            kept = plain(state["variance"])
            _C_ops.add_(kept, _part(square, kept, new))
            variance = kept
        update = _C_ops.rsqrt(_C_ops.clip(variance, least * least, float("inf")))
        _C_ops.multiply_(update, grad)
        clipped = max(1.0, _norm(update) / (update.size**0.5 * group["d"]))
        _C_ops.add_(param, _C_ops.scale_(update, -length / clipped, 0.0, True))


def _zeros(shape: list[int], like: paddle.Tensor) -> Any:
    return wrap(_C_ops.full(shape, 0.0, like.dtype, like.place))


def _norm(x: paddle.Tensor) -> float:
    squared: Any = _C_ops.squared_l2_norm(x)
    return squared.item() ** 0.5


def _part(end: paddle.Tensor, start: paddle.Tensor, weight: float) -> paddle.Tensor:
    """A part of the way from one tensor to another."""
    return _C_ops.scale_(_C_ops.subtract(end, start), weight, 0.0, True)
