"""Optimizers whose arithmetic is element by element: what they share around their formulas."""

from __future__ import annotations

from typing import Any, ClassVar

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import enable_grad, no_grad
from oarlock.optim.bundle import Bundle, partition
from oarlock.optim.optimizer import Optimizer, check_kernels, grad_of, scalar_dtype, scalar_tensor
from oarlock.tensor import plain

_shape = paddle.Tensor.shape.__get__
_dtype = paddle.Tensor.dtype.__get__
_HAS_GPU = paddle.device.is_compiled_with_cuda()
_CAPTURABLE = "['cuda', 'xpu', 'hpu', 'privateuseone', 'xla']"


class Elementwise(Optimizer):
    """An optimizer that packs its parameters into bundles and updates each in few operations.

    A subclass says what state there is, and updates plain tensors in place in `_update`.

    Attributes:
        options: options that groups of older checkpoints lack, with the values they meant.
    """

    options: ClassVar[dict[str, Any]] = {}
    _bundles: dict[int, tuple[Any, list[Bundle]]]

    def _entries(self, group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter's shape, with the value each starts with."""
        raise NotImplementedError

    def _scalars(self, group: dict[str, Any]) -> dict[str, float]:
        """The state without dimensions, with the value each starts with."""
        return {"step": 0.0}

    def _prepare(self, group: dict[str, Any], bundle: Bundle) -> Any:
        """Advance the scalars, and give the numbers that the update of this step needs."""
        raise NotImplementedError

    def _update(
        self,
        group: dict[str, Any],
        numbers: Any,
        param: paddle.Tensor,
        grad: paddle.Tensor,
        state: list[paddle.Tensor],
    ) -> None:
        """Update ``param`` and ``state`` in place; ``grad`` is only read."""
        raise NotImplementedError

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.pop("_bundles", None)
        for group in self.param_groups:
            for name, value in self.options.items():
                group.setdefault(name, value)
            fused = group.get("fused")
            for p in group["params"]:
                own = self.state.get(p)
                if not own:
                    continue
                for name in self._scalars(group):
                    if not isinstance(own[name], paddle.Tensor):
                        place = plain(p).place if fused or group.get("capturable") else None
                        own[name] = scalar_tensor(float(own[name]), scalar_dtype(fused), place)

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
            for number, group in enumerate(self.param_groups):
                self._step_group(number, group)
        return loss

    def _step_group(self, number: int, group: dict[str, Any]) -> None:
        params, grads = [], []
        for p in group["params"]:
            grad = grad_of(p)
            if grad is not None:
                params.append(p)
                grads.append(grad)
        if not params:
            return
        key: Any = [(id(p), _dtype(p), _shape(p)) for p in params]
        if _HAS_GPU:
            key.append([str(p.place) for p in params])
        entries = self._entries(group)
        key.append(tuple(entries))
        cached = self.__dict__.setdefault("_bundles", {}).get(number)
        if (
            cached is None
            or cached[0] != key
            or not all(bundle.is_current(self.state) for bundle in cached[1])
        ):
            cached = key, self._bundled(group, params, grads, entries)
            self._bundles[number] = cached
        found = dict(zip(map(id, params), grads, strict=True))
        for bundle in cached[1]:
            numbers = self._prepare(group, bundle)
            given = [found[id(p)] for p in bundle.params]
            for param, grad, state in bundle.segments(given):
                self._update(group, numbers, param, grad, state)
            bundle.settle()

    def _bundled(
        self, group: dict[str, Any], params: list[Any], grads: list[Any], entries: dict[str, Any]
    ) -> list[Bundle]:
        scalars = self._scalars(group)
        fused = group.get("fused")
        keys, sizes, targets = [], [], [plain(p) for p in params]
        for p, target, grad in zip(params, targets, grads, strict=True):
            self._check(group, target, grad)
            own = self.state[p]
            values = tuple(float(own[n]) if n in own else v for n, v in scalars.items())
            keys.append((target.dtype, str(target.place), values))
            sizes.append(target.size)
        on_device = fused or group.get("capturable")
        return [
            Bundle(
                [params[i] for i in run],
                [self.state[params[i]] for i in run],
                entries,
                scalars,
                scalar_dtype(fused),
                targets[run[0]].place if on_device else paddle.CPUPlace(),
            )
            for run in partition(sizes, keys, targets[0].place)
        ]

    def _check(self, group: dict[str, Any], p: paddle.Tensor, grad: paddle.Tensor) -> None:
        name = type(self).__name__
        if not grad.is_dense() and not grad.is_dist():
            raise RuntimeError(f"{name} does not support sparse gradients")
        if p.place.is_cpu_place() and group.get("capturable"):
            raise AssertionError(
                "If capturable=True, params and state_steps must be on supported devices: "
                f"{_CAPTURABLE}."
            )
        check_kernels(f"torch.optim.{name}.step", p)


def descent(group: dict[str, Any], param: paddle.Tensor, grad: paddle.Tensor) -> paddle.Tensor:
    """The direction to go against: the gradient, negated to maximize, with the L2 penalty's part."""
    if group["maximize"]:
        grad = _C_ops.scale(grad, -1.0, 0.0, True)
    weight_decay = group["weight_decay"]
    if weight_decay != 0:
        grad = _C_ops.add(grad, _C_ops.scale(param, float(weight_decay), 0.0, True))
    return grad


def lerp_(x: paddle.Tensor, end: paddle.Tensor, weight: float) -> None:
    """Move ``x`` towards ``end`` by this part of the way."""
    change = _C_ops.subtract(end, x)
    _C_ops.add_(x, _C_ops.scale_(change, weight, 0.0, True))


def decay_square_(x: paddle.Tensor, grad: paddle.Tensor, beta: float) -> None:
    """Make ``x`` the running mean of squares: ``beta * x + (1 - beta) * grad ** 2``."""
    square = _C_ops.multiply(grad, grad)
    _C_ops.scale_(square, 1 - beta, 0.0, True)
    _C_ops.add_(_C_ops.scale_(x, beta, 0.0, True), square)


def scale_(x: paddle.Tensor, factor: float, bias: float = 0.0) -> paddle.Tensor:
    """Make ``x`` be ``factor * x + bias``, and return it."""
    return _C_ops.scale_(x, factor, bias, True)


def quotient(x: paddle.Tensor, divisor: paddle.Tensor) -> paddle.Tensor:
    """Return ``x / divisor``; ``divisor`` is overwritten.

    Paddle's division takes ten times as long as its reciprocal on a CPU.
    """
    return _C_ops.multiply_(_C_ops.reciprocal_(divisor), x)


def subtract_scaled_(x: paddle.Tensor, change: paddle.Tensor, factor: float) -> None:
    """Subtract ``factor * change`` from ``x``; ``change`` is overwritten."""
    _C_ops.add_(x, _C_ops.scale_(change, -factor, 0.0, True))
