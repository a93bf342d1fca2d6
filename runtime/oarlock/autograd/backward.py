"""backward() and torch.autograd.grad."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from weakref import ref

import paddle
from paddle.base import core as _core

from oarlock.autograd import failures, passes
from oarlock.autograd.grad_mode import is_grad_enabled, no_grad, set_grad_enabled
from oarlock.autograd.partial import with_others
from oarlock.errors import ArgumentTypeError, OarlockError, UnsupportedError
from oarlock.tensor.core import Tensor, plain, wrap
from oarlock.tensor.dtypes import from_paddle
from oarlock.tensor.size import count

# Paddle's stub leaves out most of what is in it.
core: Any = _core
_NO_GRAPH = "element {} of tensors does not require grad and does not have a grad_fn"
_TWICE = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they "
    "have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)
_CHANGED = (
    "one of the variables needed for gradient computation has been modified by an inplace operation"
)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of ``tensors`` into the leaves they were computed from.

    Raises:
        RuntimeError: a tensor has no history, has several elements and no gradient is given, the
            graph was freed, or a value it needs was changed in place.
    """
    outputs = _sequence(tensors)
    grads = _grads(outputs, grad_tensors if grad_tensors is not None else grad_variables)
    if inputs is not None or create_graph:
        into = _sequence(inputs) if inputs is not None else _leaves(outputs)
        if not into:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        found = grad(outputs, into, grads, retain_graph, create_graph, allow_unused=True)
        for t, value in zip(into, found, strict=True):
            if value is not None:
                before = t.grad
                t.grad = value if before is None else before + value
        return
    _run(
        paddle.autograd.backward,
        [plain(t) for t in outputs],
        [None if g is None else plain(g) for g in grads],
        bool(retain_graph),
    )


def backward_method(
    self: Any,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of this tensor into the leaves it was computed from."""
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of ``outputs`` with respect to ``inputs``, leaving ``.grad`` alone.

    Raises:
        RuntimeError: as `backward` does, or an input was not used and ``allow_unused`` is not set.
        UnsupportedError: ``is_grads_batched``, which Paddle has nothing for.
    """
    if is_grads_batched:
        raise UnsupportedError(
            api="torch.autograd.grad",
            parameter="is_grads_batched",
            given="True",
            reason="Paddle can't map a backward pass over a batch of gradients",
            advice="Call it once per gradient",
        )
    if allow_unused is False and materialize_grads:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    outs, into = _sequence(outputs), _sequence(inputs)
    grads = _grads(outs, grad_outputs)
    for t in into:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    with passes.towards_chosen():
        found = _run(
            _composed_grad if create_graph else paddle.grad,
            [plain(t) for t in outs],
            with_others([plain(t) for t in into]),
            [None if g is None else plain(g) for g in grads],
            create_graph if retain_graph is None else retain_graph,
            create_graph,
            True,
            True,
        )
    found = found[: len(into)]
    if not allow_unused and not materialize_grads and any(g is None for g in found):
        raise RuntimeError(
            f"The differentiated Tensor at index {next(n for n, g in enumerate(found) if g is None)} appears to not have been used in "
            "the graph. Set allow_unused=True if this is the desired behavior."
        )
    results = []
    for t, g in zip(into, found, strict=True):
        if g is None:
            results.append(
                wrap(paddle.zeros_like(plain(t).detach())) if materialize_grads else None
            )
        else:
            results.append(wrap(g))
    return tuple(results)


def _refuse_constant_images(outputs: Sequence[paddle.Tensor]) -> None:
    """Raise where a convolution's input has no gradient: Paddle then forgets a term of the second."""
    waiting: list[Any] = [x.grad_fn for x in outputs]
    seen: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        following = node.next_functions
        if following and following[0] is None and _CONVOLUTION.match(node.name()):
            raise UnsupportedError(
                api="torch.autograd.grad",
                parameter="create_graph",
                given="True",
                reason="the second derivative of Paddle's convolutions is wrong where their input "
                "needs no gradient",
                advice="Let the input require a gradient, and ask for that gradient too",
            )
        waiting.extend(following)


_CONVOLUTION = re.compile(r"(?:Depthwise)?Conv[23]d(?:Transpose)?GradNode")
# Paddle's compositions of these take mean and variance for constants: their derivative is wrong.
_WRONG = ("batch_norm_grad", "group_norm_grad", "instance_norm_grad", "layer_norm_grad")
_NO_SECOND = re.compile(r"The Op (\w+?)_grad doesn't have any grad op|kernel `(\w+)_double_grad`")


def _composed_grad(*args: Any) -> Any:
    """paddle.grad, whose backward kernels are made of operations that can be differentiated again.

    Most of Paddle's kernels of backward have no derivative of their own.
    """
    _refuse_constant_images(args[0])
    before = core._is_eager_prim_enabled()
    core._set_prim_backward_blacklist(*_WRONG)
    core.set_prim_eager_enabled(True)
    try:
        return paddle.grad(*args)
    finally:
        core.set_prim_eager_enabled(before)


def _sequence(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, paddle.Tensor) else list(tensors)


def _grads(outputs: Sequence[Any], given: Any) -> list[Any]:
    grads = [None] * len(outputs) if given is None else _sequence(given)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    for place, (t, g) in enumerate(zip(outputs, grads, strict=True)):
        p = plain(t)
        if p.stop_gradient or not (t.requires_grad if isinstance(t, Tensor) else True):
            raise RuntimeError(_NO_GRAPH.format(place))
        if g is None:
            if count(p) != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
        elif plain(g).shape != p.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{place}] has a shape of {_size(g)} and "
                f"output[{place}] has a shape of {_size(t)}."
            )
        elif plain(g).dtype is not p.dtype:
            raise RuntimeError(
                f"For complex Tensors, both grad_output and output are required to have the same "
                f"dtype. Mismatch in dtype: grad_output[{place}] has a dtype of "
                f"{from_paddle[plain(g).dtype]} and output[{place}] has a dtype of "
                f"{from_paddle[p.dtype]}."
            )
    return grads


def _size(t: Any) -> str:
    return f"torch.Size({list(plain(t).shape)})"


def _run(function: Any, *args: Any) -> Any:
    """Call Paddle, and say what went wrong in torch's words where they are known."""
    failures.taken()
    mode = is_grad_enabled()
    try:
        return function(*args)
    except OarlockError:
        raise
    except Exception as error:
        # An error in a hook on saved tensors leaves Paddle's switch off.
        set_grad_enabled(mode)
        original = failures.taken()
        if original is not None:
            raise original from None
        text = str(error)
        if "backward twice" in text or "IsTensorWrappersCleared" in text:
            raise RuntimeError(_TWICE) from None
        if "modified by an inplace operation" in text:
            raise RuntimeError(_CHANGED) from None
        if (found := _NO_SECOND.search(text)) is not None:
            raise UnsupportedError(
                api="torch.autograd.grad",
                parameter="create_graph",
                given="True",
                reason=f"Paddle has no second derivative of {found[1] or found[2]}",
                advice="Write that operation as others that have one",
            ) from None
        raise


def _leaves(outputs: Sequence[Any]) -> list[Any]:
    raise UnsupportedError(
        api="torch.Tensor.backward",
        parameter="create_graph",
        given="True without inputs",
        reason="Paddle's backward() records no graph of its own",
        advice="Use torch.autograd.grad(…, create_graph=True), or give inputs=",
    )


def requires_grad_(self: Any, mode: bool = True, **named: bool) -> Any:
    """Set ``requires_grad`` to ``mode``, which is ``requires_grad`` by name, and return the tensor."""
    if named:
        mode = named.pop("requires_grad", mode)
        if named:
            words = ", ".join(map(repr, named))
            raise ArgumentTypeError(
                api="torch.Tensor.requires_grad_",
                given=f"the keyword {words}",
                accepted="requires_grad",
            )
    self.requires_grad = mode
    return self


def retain_grad(self: Any) -> None:
    """Keep this tensor's gradient in ``.grad`` though it is no leaf."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self.is_leaf or self._retaining is not None:
        return
    # The tensor owns its hooks, so they must not own the tensor.
    weak = ref(self)

    def keep(gradient: paddle.Tensor) -> None:
        tensor = weak()
        if tensor is not None:
            before, now = tensor._kept_grad, wrap(gradient.detach())
            tensor._kept_grad = now.clone() if before is None else before + now

    self._retaining = (keep, plain(self).register_hook(keep))


def register_hook(self: Any, hook: Any) -> Any:
    """Call ``hook(grad)`` when this tensor's gradient is known; what it returns replaces it."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")

    def crossing(g: paddle.Tensor) -> Any:
        with no_grad():
            result = hook(wrap(g))
        return None if result is None else plain(result)

    handle = plain(self).register_hook(crossing)
    if isinstance(self, Tensor) and self._retaining is not None:
        # What is kept is the gradient after all hooks.
        keep, before = self._retaining
        before.remove()
        self._retaining = (keep, plain(self).register_hook(keep))
    return handle
