"""Muon: momentum made orthogonal, for matrices."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import enable_grad, no_grad
from oarlock.ops.composition import in_float32
from oarlock.optim.optimizer import Optimizer, check_kernels, check_lr, grad_of, number
from oarlock.tensor import plain, wrap


class Muon(Optimizer):
    """Muon, https://kellerjordan.github.io/posts/muon/.

    Args:
        params: matrices to optimize; see `Optimizer`.
        lr: the learning rate, a number or a one-element Tensor.
        weight_decay: times ``lr``, the part by which the parameters shrink in each step.
        momentum: what is kept of the running mean of the gradient.
        nesterov: look ahead along the mean.
        ns_coefficients: of the Newton-Schulz iteration's polynomial.
        eps: least norm that is divided by.
        ns_steps: iterations of Newton-Schulz.
        adjust_lr_fn: how the rate depends on the shape: ``"original"``, or ``"match_rms_adamw"``
            (https://arxiv.org/abs/2502.16982); the former where None.

    Raises:
        ValueError: an option is out of its range, or a parameter is no matrix.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr, "Learning rate should be >= 0 but is: ")
        for value, what in ((momentum, "momentum"), (weight_decay, "weight decay")):
            if value < 0.0:
                raise ValueError(f"{what} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if plain(p).ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}"
                    )

    def step(self, closure: Any = None) -> Any:
        """Update the parameters that have gradients.

        Args:
            closure: evaluates the loss again, with gradients, and gives it.

        Returns:
            What ``closure`` gave, or None.

        Raises:
            RuntimeError: a parameter is complex.
            ValueError: ``ns_steps`` is 100 or more, or there are not three coefficients.
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
            raise RuntimeError("Muon does not support complex parameters")
        check_kernels("torch.optim.Muon.step", param)
        state = self.state[p]
        if "momentum_buffer" not in state:
            zeros = _C_ops.full_like(grad, 0.0, grad.dtype, grad.place)
            state["momentum_buffer"] = wrap(zeros)
        buffer, momentum = plain(state["momentum_buffer"]), group["momentum"]
        _C_ops.add_(buffer, _part(grad, buffer, 1 - momentum))
        update = buffer
        if group["nesterov"]:
            update = _C_ops.add(grad, _part(buffer, grad, momentum))
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        lr = number(group["lr"])
        _C_ops.scale_(param, 1 - lr * group["weight_decay"], 0.0, True)
        length = lr * _length(group["adjust_lr_fn"], *param.shape)
        _C_ops.add_(param, _C_ops.scale_(_C_ops.cast(update, param.dtype), -length, 0.0, True))


def _part(end: paddle.Tensor, start: paddle.Tensor, weight: float) -> paddle.Tensor:
    return _C_ops.scale_(_C_ops.subtract(end, start), weight, 0.0, True)


def _length(name: str | None, rows: int, columns: int) -> float:
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


def _orthogonal(
    grad: paddle.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> paddle.Tensor:
    """The nearest matrix with singular values near one, in bfloat16, by Newton-Schulz."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    is_tall = grad.shape[0] > grad.shape[1]
    x = _C_ops.cast(grad.t() if is_tall else grad, paddle.bfloat16)
    norm = in_float32(lambda y: _C_ops.sqrt(_C_ops.squared_l2_norm(y)), x)
    x = in_float32(lambda y, n: _C_ops.divide(y, _C_ops.clip(n, eps, float("inf"))), x, norm)
    for _ in range(steps):
        gram = in_float32(lambda y: _C_ops.matmul(y, y, False, True), x)
        change = in_float32(lambda g: _C_ops.addmm(g, g, g, b, c), gram)
        x = in_float32(lambda y, u: _C_ops.addmm(y, u, y, a, 1.0), x, change)
    return x.t() if is_tall else x
