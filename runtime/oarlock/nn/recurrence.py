"""The recurrences of RNN, LSTM and GRU on plain Paddle tensors, time first.

Paddle's fused operation computes what torch computes, gradients included, as executed on 3.3.1,
except that it takes no projection and no half precision, that it ends the process or raises where a
bias is missing or a gradient is not asked for, and that the gradients of a reverse direction over
sequences of several lengths are wrong. Those cases are led around it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import paddle
from paddle import _C_ops
from paddle.autograd import PyLayer

from oarlock.amp import state as autocast
from oarlock.autograd.failures import remembering
from oarlock.autograd.partial import Inputs
from oarlock.errors import UnsupportedError
from oarlock.ops.activation import relu
from oarlock.ops.arithmetic import add, mul, sub
from oarlock.ops.gathering import where
from oarlock.ops.linear import linear
from oarlock.ops.pointwise import sigmoid, tanh

_FUSED_DTYPES = (paddle.float32, paddle.float64)


class Weights(NamedTuple):
    """Of one layer in one direction; a missing bias or projection is None."""

    ih: Any
    hh: Any
    bias_ih: Any = None
    bias_hh: Any = None
    hr: Any = None


def run(
    mode: str,
    x: Any,
    states: Sequence[Any],
    layers: Sequence[Sequence[Weights]],
    lengths: Any = None,
    dropout: Callable[[Any], Any] | None = None,
) -> tuple[Any, list[Any]]:
    """Return the outputs (T, N, directions · H) and the last states, each (layers · directions, N, *).

    Args:
        mode: ``"RNN_TANH"``, ``"RNN_RELU"``, ``"LSTM"`` or ``"GRU"``.
        x: (T, N, size of the input).
        states: the initial h, and for an LSTM the initial c.
        layers: for each layer the weights of each direction.
        lengths: (N,) int32, the sequences' lengths where they are not all T.
        dropout: applied to the outputs of every layer but the last.
    """
    directions = len(layers[0])
    casts = autocast.entered and autocast.is_on(x)
    if casts and lengths is None:
        # torch runs whole recurrences in the lower precision on a GPU, and on the CPU its LSTM.
        given = [[tuple(one) for one in layer] for layer in layers]
        x, states, given = autocast.cast_for(mode.lower(), x, states, given)
        layers = [[Weights(*one) for one in layer] for layer in given]
    is_fused = not casts and x.dtype in _FUSED_DTYPES and layers[0][0].hr is None
    if is_fused and dropout is None and not (directions == 2 and lengths is not None):
        weights = [one for layer in layers for one in layer]
        return _fused(mode, x, list(states), weights, lengths, directions)
    last: list[list[Any]] = [[] for _ in states]
    for depth, layer in enumerate(layers):
        outputs = []
        for direction, weights in enumerate(layer):
            place = depth * directions + direction
            given = [state[place : place + 1] for state in states]
            if not is_fused:
                out, ends = _stepwise(mode, x, given, weights, lengths, bool(direction))
            elif direction == 0:
                out, ends = _fused(mode, x, given, [weights], lengths)
            else:
                turned = _Turned(x, lengths)
                out, ends = _fused(mode, turned(x), given, [weights], lengths)
                out = turned(out)
            outputs.append(out)
            for kept, end in zip(last, ends, strict=True):
                kept.append(end)
        x = outputs[0] if directions == 1 else paddle.concat(outputs, axis=-1)
        if dropout is not None and depth + 1 < len(layers):
            x = dropout(x)
    return x, [one[0] if len(one) == 1 else paddle.concat(one, axis=0) for one in last]


class _Turned:
    """Turns each sequence of a batch around within its length; twice is the identity."""

    def __init__(self, x: Any, lengths: Any) -> None:
        steps, batch = x.shape[:2]
        self.index = None
        if lengths is not None:
            time = paddle.arange(steps, dtype="int32").unsqueeze(1)
            mirrored = lengths.unsqueeze(0) - 1 - time
            source = paddle.where(mirrored >= 0, mirrored, time.expand_as(mirrored))
            self.index = (source * batch + paddle.arange(batch, dtype="int32")).flatten()

    def __call__(self, x: Any) -> Any:
        if self.index is None:
            return paddle.flip(x, axis=[0])
        return paddle.gather(x.reshape([-1, x.shape[-1]]), self.index).reshape(x.shape)


def _fused(
    mode: str,
    x: Any,
    states: list[Any],
    weights: Sequence[Weights],
    lengths: Any,
    directions: int = 1,
) -> tuple[Any, list[Any]]:
    matrices = [tensor for one in weights for tensor in (one.ih, one.hh)]
    biases = [
        paddle.zeros(one.ih.shape[:1], x.dtype) if bias is None else bias
        for one in weights
        for bias in (one.bias_ih, one.bias_hh)
    ]
    tensors = [x, *states, *matrices, *biases]
    hidden = weights[0].hh.shape[1]
    begin = 1 + len(states)

    def call(tensors: Sequence[Any], is_test: bool) -> tuple[Any, ...]:
        result: Any = _C_ops.rnn(
            tensors[0],
            list(tensors[1:begin]),
            list(tensors[begin:]),
            lengths,
            paddle.zeros([1], dtype="uint8"),
            0.0,
            directions == 2,
            x.shape[-1],
            hidden,
            len(weights) // directions,
            mode,
            0,
            is_test,
        )
        return (result[0], *result[2])

    if paddle.is_grad_enabled() and any(not tensor.stop_gradient for tensor in tensors):
        out, *last = _AllGradients.apply(call, *tensors)
    else:
        out, *last = call(tensors, True)
    return out, last


class _AllGradients(PyLayer):
    """Asks the fused operation for all gradients, since it raises when asked for some of them."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: Any) -> Any:
        ctx.inputs = Inputs(tensors)
        ctx.wanted = [not tensor.stop_gradient for tensor in tensors]
        ctx.leaves = [tensor.detach() for tensor in tensors]
        for leaf in ctx.leaves:
            leaf.stop_gradient = False
        with paddle.enable_grad():
            ctx.results = call(ctx.leaves, False)
        return tuple(result.detach() for result in ctx.results)

    @staticmethod
    @remembering
    def backward(ctx: Any, *grads: Any) -> Any:
        if paddle.is_grad_enabled():
            raise UnsupportedError(
                api="torch.nn.RNNBase",
                parameter="create_graph",
                given="True",
                reason="Paddle's fused recurrence has no second derivative",
                advice="Step through the sequence with RNNCell, LSTMCell or GRUCell",
            )
        # Not paddle.grad: within another one it ends the process.
        paddle.autograd.backward(list(ctx.results), list(grads), retain_graph=True)
        found = []
        for leaf, wanted in zip(ctx.leaves, ctx.wanted, strict=True):
            # A view keeps the storage when the leaf lets go of it.
            grad: Any = leaf.grad
            if wanted and grad.size:
                grad = _C_ops.view_shape(grad, grad.shape)
            found.append(grad if wanted else None)
            leaf.clear_gradient(False)
        return tuple(found)


def _stepwise(
    mode: str, x: Any, states: list[Any], weights: Weights, lengths: Any, is_reverse: bool
) -> tuple[Any, list[Any]]:
    steps = x.shape[0]
    projected = linear(x, weights.ih, weights.bias_ih)
    current: list[Any] = [state[0] for state in states]
    outputs: list[Any] = [None] * steps
    for t in reversed(range(steps)) if is_reverse else range(steps):
        after = step(mode, projected[t], current, weights)
        out = after[0]
        if lengths is not None:
            goes_on = (lengths > t).unsqueeze(1)
            after = [where(goes_on, a, b) for a, b in zip(after, current, strict=True)]
            out = paddle.where(goes_on, out, paddle.zeros_like(out))
        current = after
        outputs[t] = out
    return paddle.stack(outputs), [state.unsqueeze(0) for state in current]


def step(mode: str, projected: Any, states: Sequence[Any], weights: Weights) -> list[Any]:
    """Return the states after one step: h, and for an LSTM c.

    Args:
        mode: as in :func:`run`.
        projected: x W_ihᵀ + b_ih of this step, (N, gates · H).
        states: before it, (N, H) each.
        weights: for the rest of it.
    """
    h = states[0]
    recurrent = linear(h, weights.hh, weights.bias_hh)
    if mode == "LSTM":
        i, f, g, o = _C_ops.split_with_num(add(projected, recurrent), 4, projected.ndim - 1)
        kept = mul(sigmoid(f), states[1])
        c = add(kept, mul(sigmoid(i), tanh(g)))
        h = mul(sigmoid(o), tanh(c))
        return [h if weights.hr is None else linear(h, weights.hr), c]
    if mode == "GRU":
        r, z, n = _C_ops.split_with_num(projected, 3, projected.ndim - 1)
        r_h, z_h, n_h = _C_ops.split_with_num(recurrent, 3, recurrent.ndim - 1)
        r = sigmoid(add(r, r_h))
        z = sigmoid(add(z, z_h))
        n = tanh(add(n, mul(r, n_h)))
        return [add(n, mul(z, sub(h, n)))]
    activation = tanh if mode == "RNN_TANH" else relu
    return [activation(add(projected, recurrent))]
