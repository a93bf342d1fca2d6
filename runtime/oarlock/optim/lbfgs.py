"""L-BFGS, with a line search under the strong Wolfe conditions."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import enable_grad, no_grad
from oarlock.optim.optimizer import Optimizer, check_kernels, check_lr, grad_of, number
from oarlock.tensor import plain, wrap


class LBFGS(Optimizer):
    """Limited-memory BFGS, https://doi.org/10.1007/BF01589116, over one group of parameters.

    Args:
        params: what to optimize; see `Optimizer`.
        lr: the length of a step where no line search finds one.
        max_iter: iterations of one ``step``.
        max_eval: evaluations of the closure in one ``step``; 5/4 of ``max_iter`` where left out.
        tolerance_grad: stop when no gradient is larger.
        tolerance_change: stop when parameters or loss change by less.
        history_size: how many directions are kept.
        line_search_fn: ``"strong_wolfe"``, or None for steps of length ``lr``.

    Raises:
        ValueError: an option is out of its range, or there are several groups.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]
        for p in self._params:
            check_kernels("torch.optim.LBFGS", plain(p))

    def _targets(self) -> list[paddle.Tensor]:
        return [plain(p) for p in self._params]

    def _gradient(self) -> paddle.Tensor:
        """All gradients, one after another, in a new tensor."""
        parts = []
        for p in self._params:
            grad = grad_of(p)
            if grad is None:
                own = plain(p)
                parts.append(_C_ops.full([own.size], 0.0, own.dtype, own.place))
            else:
                parts.append(grad.reshape([-1]))
        return _C_ops.concat(parts, 0)

    def _move(self, length: Any, direction: paddle.Tensor) -> None:
        start = 0
        for p in self._targets():
            end = start + p.size
            change = _C_ops.scale(direction[start:end], float(length), 0.0, True)
            _C_ops.add_(p, change.reshape(p.shape))
            start = end

    def step(self, closure: Any) -> Any:  # type: ignore[override]
        """Run up to ``max_iter`` iterations.

        Args:
            closure: clears the gradients, evaluates the loss, calls backward and gives the loss.

        Returns:
            The loss at the beginning.

        Raises:
            RuntimeError: ``line_search_fn`` is unknown.
        """
        with no_grad():
            return self._run(enable_grad()(closure))

    def _run(self, closure: Any) -> Any:
        group = self.param_groups[0]
        lr, max_iter, max_eval = number(group["lr"]), group["max_iter"], group["max_eval"]
        tolerance_change = group["tolerance_change"]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        gradient = self._gradient()
        is_optimal = _largest(gradient) <= group["tolerance_grad"]
        if is_optimal:
            return first_loss

        memory = _Memory(state, group["history_size"])
        direction, length = plain(state.get("d")), number(state.get("t"))
        last_gradient, last_loss = plain(state.get("prev_flat_grad")), state.get("prev_loss")
        iteration = 0
        while iteration < max_iter:
            iteration += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                memory.clear()
                direction = _C_ops.scale(gradient, -1.0, 0.0, True)
                length = min(1.0, 1.0 / float(_C_ops.abs(gradient).sum())) * lr
            else:
                memory.add(
                    _C_ops.subtract(gradient, last_gradient),
                    _C_ops.scale(direction, length, 0.0, True),
                )
                direction = memory.direction(gradient)
                length = lr
            last_gradient, last_loss = gradient.clone(), loss
            slope = _dot(gradient, direction)
            if slope > -tolerance_change:
                break
            used = 0
            if group["line_search_fn"] is not None:
                start = [p.clone() for p in self._targets()]

                def evaluate(t: float, direction: Any = direction, start: Any = start) -> Any:
                    self._move(t, direction)
                    value = float(closure())
                    found = self._gradient()
                    for p, before in zip(self._targets(), start, strict=True):
                        _C_ops.assign_out_(before, p)
                    return value, found

                loss, gradient, length, used = _strong_wolfe(
                    evaluate, length, direction, loss, gradient, slope, max_eval - evaluations
                )
                self._move(length, direction)
                is_optimal = _largest(gradient) <= group["tolerance_grad"]
            else:
                self._move(length, direction)
                if iteration != max_iter:
                    loss = float(closure())
                    gradient = self._gradient()
                    is_optimal = _largest(gradient) <= group["tolerance_grad"]
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if (
                iteration == max_iter
                or evaluations >= max_eval
                or is_optimal
                or _largest(direction) * abs(length) <= tolerance_change
                or abs(loss - last_loss) < tolerance_change
            ):
                break

        state["d"] = wrap(direction)
        state["t"] = length
        memory.store()
        state["prev_flat_grad"] = wrap(last_gradient)
        state["prev_loss"] = last_loss
        return first_loss


class _Memory:
    """The last changes of gradient and parameters, and the direction they give."""

    def __init__(self, state: dict[str, Any], size: int):
        self.state = state
        self.size = size
        self.changes = [plain(x) for x in state.get("old_dirs") or []]
        self.steps = [plain(x) for x in state.get("old_stps") or []]
        self.inverses = [number(x) for x in state.get("ro") or []]
        self.diagonal: float = number(state.get("H_diag", 1))

    def clear(self) -> None:
        self.changes, self.steps, self.inverses, self.diagonal = [], [], [], 1

    def add(self, change: paddle.Tensor, step: paddle.Tensor) -> None:
        """Remember a change of the gradient and the step it belongs to, if curvature is positive."""
        curvature = _dot(change, step)
        if curvature <= 1e-10:
            return
        if len(self.changes) == self.size:
            for kept in (self.changes, self.steps, self.inverses):
                kept.pop(0)
        self.changes.append(change)
        self.steps.append(step)
        self.inverses.append(1.0 / curvature)
        self.diagonal = curvature / _dot(change, change)

    def direction(self, gradient: paddle.Tensor) -> paddle.Tensor:
        """The inverse Hessian's approximation times the negative gradient: the two-loop recursion."""
        count = len(self.changes)
        weights = [0.0] * count
        found = _C_ops.scale(gradient, -1.0, 0.0, True)
        for i in reversed(range(count)):
            weights[i] = _dot(self.steps[i], found) * self.inverses[i]
            _C_ops.add_(found, _C_ops.scale(self.changes[i], -weights[i], 0.0, True))
        _C_ops.scale_(found, self.diagonal, 0.0, True)
        for i in range(count):
            back = _dot(self.changes[i], found) * self.inverses[i]
            _C_ops.add_(found, _C_ops.scale(self.steps[i], weights[i] - back, 0.0, True))
        self.weights = weights
        return found

    def store(self) -> None:
        """Put all into the optimizer's state, in torch's layout."""
        state = self.state

        def tensor(value: float) -> Any:
            like = plain(state["d"])
            return wrap(_C_ops.full([], value, like.dtype, like.place))

        state["old_dirs"] = [wrap(x) for x in self.changes]
        state["old_stps"] = [wrap(x) for x in self.steps]
        state["ro"] = [tensor(x) for x in self.inverses]
        state["H_diag"] = tensor(self.diagonal) if self.changes else 1
        if state["n_iter"] > 1:
            weights = [tensor(x) for x in getattr(self, "weights", [])]
            state["al"] = weights + [None] * (self.size - len(weights))


def _dot(a: paddle.Tensor, b: paddle.Tensor) -> float:
    return float(_C_ops.dot(a, b))


def _largest(x: paddle.Tensor) -> float:
    return float(_C_ops.abs(x).max())


def _cubic_minimum(
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    bounds: tuple[float, float] | None = None,
) -> float:
    """Where the cubic through two points with slopes is least, within the bounds.

    Nocedal and Wright, Numerical Optimization, equation 3.59.

    Args:
        a: one point, as (position, value, slope).
        b: the other.
        bounds: the two positions where left out.
    """
    (x1, f1, g1), (x2, f2, g2) = a, b
    low, high = bounds or ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1**2 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    if x1 <= x2:
        place = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        place = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(place, low), high)


def _strong_wolfe(
    evaluate: Any,
    t: float,
    direction: paddle.Tensor,
    loss: float,
    gradient: paddle.Tensor,
    slope: float,
    max_evaluations: int,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
) -> tuple[float, paddle.Tensor, float, int]:
    """Find a step length that meets the strong Wolfe conditions.

    Nocedal and Wright, Numerical Optimization, algorithms 3.5 (bracketing) and 3.6 (zoom).

    Args:
        evaluate: gives loss and gradient after a step of a length.
        t: the length to try first.
        direction: of the search.
        loss: at the start.
        gradient: at the start.
        slope: of the loss along the direction, at the start.
        max_evaluations: a limit on the lengths tried after the first.
        c1: factor of the sufficient decrease.
        c2: factor of the curvature.
        tolerance_change: the least change of a parameter that is looked for.

    Returns:
        Loss, gradient, length, and how many lengths were tried.
    """
    # A point of the search is (length, loss, slope, gradient).
    size = _largest(direction)
    start = (0.0, loss, slope, gradient)

    def point(length: float) -> tuple[float, float, float, paddle.Tensor]:
        value, found = evaluate(length)
        return length, value, _dot(found, direction), found

    last, new = start, point(t)
    tried, iteration = 1, 0
    is_found = False
    bracket = [start, new]
    while iteration < max_evaluations:
        if new[1] > loss + c1 * new[0] * slope or (iteration > 1 and new[1] >= last[1]):
            bracket = [last, new]
            break
        if abs(new[2]) <= -c2 * slope:
            bracket, is_found = [new], True
            break
        if new[2] >= 0:
            bracket = [last, new]
            break
        nearest, farthest = new[0] + 0.01 * (new[0] - last[0]), new[0] * 10
        t = _cubic_minimum(last[:3], new[:3], (nearest, farthest))
        last, new = new, point(t)
        tried += 1
        iteration += 1
    if iteration == max_evaluations:
        bracket = [start, new]

    is_slow = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not is_found and iteration < max_evaluations:
        left, right = min(bracket[0][0], bracket[1][0]), max(bracket[0][0], bracket[1][0])
        if (right - left) * size < tolerance_change:
            break
        t = _cubic_minimum(bracket[0][:3], bracket[1][:3])
        # A minimum near an end of the bracket, twice in a row, is moved inwards.
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if is_slow or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                is_slow = False
            else:
                is_slow = True
        else:
            is_slow = False
        new = point(t)
        tried += 1
        iteration += 1
        if new[1] > loss + c1 * t * slope or new[1] >= bracket[low][1]:
            bracket[high] = new
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(new[2]) <= -c2 * slope:
                is_found = True
            elif new[2] * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low]
    return best[1], best[3], best[0], tried
