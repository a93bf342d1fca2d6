"""torch.autograd.Function on Paddle's PyLayer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import paddle
from paddle import _C_ops
from paddle.autograd import PyLayer

from oarlock.autograd.failures import remembering
from oarlock.autograd.grad_mode import is_grad_enabled, no_grad
from oarlock.autograd.partial import Inputs
from oarlock.errors import UnsupportedError
from oarlock.tensor.core import Tensor, plain, wrap


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved tensors, and any attributes."""

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._versions: tuple[int | None, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._silent: tuple[Any, ...] = ()
        self._materialize = True
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward; changing them in place afterwards is an error there."""
        self._saved = tensors
        self._versions = tuple(
            t.inplace_version if isinstance(t, paddle.Tensor) else None for t in tensors
        )

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that were saved.

        Raises:
            RuntimeError: one was changed in place since.
        """
        for t, version in zip(self._saved, self._versions, strict=True):
            if version is not None and t.inplace_version != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    "inplace operation"
                )
        return self._saved

    def save_for_forward(self, *tensors: Any) -> None:
        """Refused: Paddle has no forward-mode differentiation."""
        raise UnsupportedError(
            api="torch.autograd.function.FunctionCtx.save_for_forward",
            reason="Paddle has no forward-mode differentiation",
            advice="Use save_for_backward",
        )

    def mark_dirty(self, *args: Any) -> None:
        """Name the inputs that forward changed in place."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Name the outputs that have no gradient."""
        self._silent = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether a gradient that nobody gave is zeros (the default) or None."""
        self._materialize = value


class Function:
    """A differentiable operation of one's own: ``forward`` and ``backward``, called by ``apply``.

    Both forms of forward are served: with ``ctx`` first, and without it beside ``setup_context``.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what backward needs, where forward has no ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute a gradient for each argument of forward, None where there is none."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function "
            "to use it with backward mode AD."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward on Tensors, and record backward where an input requires a gradient."""
        tensors = [a for a in args if isinstance(a, paddle.Tensor)]
        recorded = is_grad_enabled() and any(_requires_grad(t) for t in tensors)
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(
            recorded and isinstance(a, paddle.Tensor) and _requires_grad(a) for a in args
        )
        if not recorded:
            with no_grad():
                return _forward(cls, ctx, args, kwargs)
        return _Recorded(cls, ctx, args, kwargs).run()


def _requires_grad(t: Any) -> bool:
    return t.requires_grad if isinstance(t, Tensor) else not t.stop_gradient


def _forward(cls: Any, ctx: FunctionCtx, args: Any, kwargs: Any) -> Any:
    if cls.setup_context is Function.setup_context:
        return cls.forward(ctx, *args, **kwargs)
    output = cls.forward(*args, **kwargs)
    cls.setup_context(ctx, args, output)
    return output


class _Recorded:
    """One call of apply whose backward is recorded."""

    def __init__(self, cls: Any, ctx: FunctionCtx, args: tuple[Any, ...], kwargs: Any):
        self.cls, self.ctx, self.args, self.kwargs = cls, ctx, args, kwargs
        self.places = [n for n, a in enumerate(args) if isinstance(a, paddle.Tensor)]
        self.output: Any = None
        self.is_tuple = False
        self.like: list[Any] = []

    def run(self) -> Any:
        inputs = [plain(self.args[n]) for n in self.places]
        results = _layer(self.cls.__name__).apply(self, *inputs)
        flat = list(results) if isinstance(results, tuple | list) else [results]
        dirty = {id(t): t for t in self.ctx._dirty}
        tensors = iter(flat)
        outputs = []
        for value in self.output:
            if not isinstance(value, paddle.Tensor):
                outputs.append(value)
                continue
            made = next(tensors)
            if any(value is t for t in self.ctx._silent):
                outputs.append(wrap(made.detach()))
            elif id(value) in dirty:
                from oarlock.tensor.core import adopt

                outputs.append(adopt(value, made))
            else:
                outputs.append(wrap(made))
        return tuple(outputs) if self.is_tuple else outputs[0]

    def forward(self) -> Any:
        with no_grad():
            output = _forward(self.cls, self.ctx, self.args, self.kwargs)
        self.is_tuple = isinstance(output, tuple | list)
        self.output = list(output) if self.is_tuple else [output]
        tensors = [t for t in self.output if isinstance(t, paddle.Tensor)]
        self.like = [(t.shape, plain(t).dtype) for t in tensors]
        # A tensor of its own for each output: Paddle takes an input that comes back for one that
        # was changed in place.
        made = []
        for t in tensors:
            p = plain(t)
            made.append(p.detach().clone() if any(t is a for a in self.args) else p.detach())
        return tuple(made) if len(made) != 1 else made[0]

    def backward(self, grads: tuple[Any, ...]) -> Any:
        given = []
        for g, (shape, dtype) in zip(grads, self.like, strict=True):
            if g is None:
                zeros = self.ctx._materialize
                given.append(wrap(paddle.zeros(list(shape), dtype)) if zeros else None)
            else:
                given.append(wrap(g))
        slots = iter(given)
        per_output = [
            next(slots) if isinstance(value, paddle.Tensor) else None for value in self.output
        ]
        function = self.cls.backward
        if function is Function.backward:
            function = self.cls.vjp
        results = function(self.ctx, *per_output)
        if not isinstance(results, tuple | list):
            results = (results,)
        expected = len(self.args)
        extra = results[expected:]
        if len(results) < expected or any(r is not None for r in extra):
            raise RuntimeError(
                f"function {self.cls.__name__}Backward returned an incorrect number of gradients "
                f"(expected {expected}, got {len(results)})"
            )
        kept = []
        for n in self.places:
            a, g = plain(self.args[n]), results[n]
            if a.stop_gradient:
                kept.append(None)
                continue
            if g is None:
                kept.append(paddle.zeros_like(a))
                continue
            g = plain(g)
            if g.shape != a.shape:
                if not _expands(a.shape, g.shape):
                    raise RuntimeError(
                        f"Function {self.cls.__name__}Backward returned an invalid gradient at index "
                        f"{n} - got {list(g.shape)} but expected shape compatible with "
                        f"{list(a.shape)}"
                    )
                g = _summed_to(g, a.shape)
            kept.append(g if g.dtype is a.dtype else g.astype(a.dtype))
        return tuple(kept) if len(kept) != 1 else kept[0]


def _expands(shape: Sequence[int], wide: Sequence[int]) -> bool:
    rest = wide[len(wide) - len(shape) :]
    return len(shape) <= len(wide) and all(n in (1, m) for n, m in zip(shape, rest, strict=True))


def _summed_to(g: paddle.Tensor, shape: list[int]) -> paddle.Tensor:
    """The gradient of what was expanded to the shape of ``g``."""
    extra = g.ndim - len(shape)
    spread = [extra + n for n, size in enumerate(shape) if size == 1]
    return _C_ops.reshape(_C_ops.sum(g, [*range(extra), *spread], None, True), shape)


class _Layer(PyLayer):
    """The PyLayer that carries every Function."""

    @staticmethod
    def forward(ctx: Any, call: _Recorded, *inputs: paddle.Tensor) -> Any:
        ctx.call = call
        ctx.inputs = Inputs(inputs)
        ctx.set_materialize_grads(False)
        return call.forward()

    @staticmethod
    @remembering
    def backward(ctx: Any, *grads: Any) -> Any:
        return ctx.call.backward(grads)


@cache
def _layer(name: str) -> Any:
    """The PyLayer of the Functions of that name, which Paddle's gradient node then has too."""
    return type(name, (_Layer,), {})
