"""Gradients, grad modes, hooks and custom Functions, on torch and on Oarlock."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import oarlock.torch
from oarlock.errors import UnsupportedError


def values(result: Any) -> Any:
    if hasattr(result, "detach"):
        return result.detach().numpy()
    if isinstance(result, (tuple, list)):
        return [values(each) for each in result]
    return result


def same(program: Callable[[Any], Any]) -> None:
    expected, found = values(program(torch)), values(program(oarlock.torch))
    assert type(expected) is type(found)
    for a, b in zip(
        expected if isinstance(expected, list) else [expected],
        found if isinstance(found, list) else [found],
        strict=True,
    ):
        np.testing.assert_allclose(b, a, rtol=1e-6) if isinstance(a, np.ndarray) else None
        if not isinstance(a, np.ndarray):
            assert a == b


def leaf(t: Any, *numbers: float) -> Any:
    return t.tensor(list(numbers), requires_grad=True)


def cube(t: Any) -> Any:
    class Cube(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, factor: float) -> Any:
            ctx.save_for_backward(x)
            ctx.factor = factor
            return factor * x**3

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * ctx.factor * x**2 * grad, None

    return Cube


def two_results(t: Any) -> Any:
    class Two(t.autograd.Function):
        @staticmethod
        def forward(x: Any, y: Any) -> Any:
            return x * y, x + y

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, product: Any, total: Any) -> Any:
            _, y = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, False)
            return product * y + total, None

    return Two


def test_function() -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 1.0, -2.0)
        cube(t).apply(x, 2.0).sum().backward()
        return x.grad

    same(program)


def test_function_with_setup_context_and_an_unused_result() -> None:
    def program(t: Any) -> Any:
        x, y = leaf(t, 1.0, -2.0), t.tensor([3.0, 4.0])
        product, total = two_results(t).apply(x, y)
        product.sum().backward()
        return x.grad, total.requires_grad

    same(program)


@pytest.mark.parametrize("shape", [(2, 3), (3,), (3, 1), (4,), (2, 1, 3)], ids=str)
def test_function_whose_gradient_has_another_shape(shape: tuple[int, ...]) -> None:
    def program(t: Any) -> Any:
        class Total(t.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x.sum()

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * t.arange(math.prod(shape)).reshape(shape)

        x = t.zeros(1, 3, requires_grad=True)
        try:
            Total.apply(x).backward()
        except RuntimeError as error:
            return str(error)
        return x.grad

    same(program)


def test_saved_tensors_notice_writes() -> None:
    for t in (torch, oarlock.torch):
        x = leaf(t, 1.0, 2.0) * 1
        out = cube(t).apply(x, 1.0)
        with t.no_grad():
            x.add_(1)
        with pytest.raises((RuntimeError, OSError), match="modified by an inplace operation"):
            out.sum().backward()


def test_second_derivative() -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 1.0, 2.0)
        (first,) = t.autograd.grad((x**3).sum(), x, create_graph=True)
        (second,) = t.autograd.grad((first * first).sum(), x)
        return first, second, x.grad

    same(program)


def test_gradients_accumulate() -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 1.0, 2.0)
        (x * 2).sum().backward()
        (x * x).sum().backward()
        return x.grad, x.grad.requires_grad

    same(program)


def test_hooks() -> None:
    def program(t: Any) -> Any:
        x, seen = leaf(t, 1.0, 2.0), []
        y = x * 3
        y.retain_grad()
        y.register_hook(lambda grad: grad * 2)
        handle = x.register_hook(lambda grad: seen.append(grad.sum().item()))
        (y * y).sum().backward()
        handle.remove()
        return x.grad, y.grad, seen

    same(program)


def test_grad_modes() -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 1.0)
        found = []
        with t.no_grad():
            found.append((x * 2).requires_grad)
            with t.enable_grad():
                found.append((x * 2).requires_grad)
            with t.set_grad_enabled(True):
                found.append(t.is_grad_enabled())
            found.append(t.is_grad_enabled())
        with t.inference_mode():
            found.append((x * 2).requires_grad)
            found.append(t.is_inference_mode_enabled())

        @t.no_grad()
        def decorated() -> bool:
            return (x * 2).requires_grad

        @t.no_grad
        def bare() -> bool:
            return (x * 2).requires_grad

        t.set_grad_enabled(False)
        found.append(t.is_grad_enabled())
        t.set_grad_enabled(True)
        return [*found, decorated(), bare(), t.is_grad_enabled()]

    same(program)


def test_generators_keep_their_mode() -> None:
    def program(t: Any) -> Any:
        @t.no_grad()
        def produce() -> Any:
            yield t.is_grad_enabled()
            yield t.is_grad_enabled()

        found = []
        for mode in produce():
            found += [mode, t.is_grad_enabled()]
        return found

    same(program)


ERRORS = {
    "no graph": lambda t: t.ones(2).sum().backward(),
    "no scalar": lambda t: (leaf(t, 1.0, 2.0) * 2).backward(),
    "unused": lambda t: t.autograd.grad(leaf(t, 1.0).sum() * 1, leaf(t, 2.0)),
    "leaf written": lambda t: leaf(t, 1.0).add_(1),
    "view of a leaf written": lambda t: leaf(t, 1.0, 2.0)[0].mul_(2),
    "integers": lambda t: t.ones(2, dtype=t.int64).requires_grad_(),
    "numpy": lambda t: leaf(t, 1.0).numpy(),
    "not a leaf": lambda t: setattr(leaf(t, 1.0) * 2, "requires_grad", False),
    "expanded written": lambda t: t.ones(1, 2).expand(3, 2).add_(1),
    "overlap": lambda t: (lambda x: x[1:].add_(x[:-1]))(t.ones(4)),
    "cast down": lambda t: t.ones(2, dtype=t.int64).add_(0.5),
    "wrong shape": lambda t: t.ones(2).add_(t.ones(3, 2)),
}


@pytest.mark.parametrize("program", ERRORS.values(), ids=ERRORS)
def test_errors(program: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError) as expected:
        program(torch)
    with pytest.raises(RuntimeError) as found:
        program(oarlock.torch)
    assert str(found.value).split(". ")[0] == str(expected.value).split(". ")[0]


def test_backward_twice() -> None:
    for t in (torch, oarlock.torch):
        loss = (leaf(t, 1.0) ** 2).sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            loss.backward()


def test_batched_gradients_are_refused() -> None:
    x = leaf(oarlock.torch, 1.0, 2.0)
    with pytest.raises(UnsupportedError, match="is_grads_batched"):
        oarlock.torch.autograd.grad(x * 2, x, oarlock.torch.eye(2), is_grads_batched=True)


def activated_in_place(t: Any, x: Any) -> Any:
    hidden = x * x
    t.nn.functional.leaky_relu(hidden - 1, 0.2, inplace=True)
    hidden += x
    return t.nn.functional.elu(hidden, inplace=True)


def filled_by_columns(t: Any, x: Any) -> Any:
    out = t.zeros(2, 2)
    for n in range(2):
        out[:, n] = x[:, n] * x[:, 1 - n]
    return out


def written_through_a_view(t: Any, x: Any) -> Any:
    y = x**3
    y[0].mul_(x[1])
    y.t()[1] = x[:, 0]
    return y


def moved_within_itself(t: Any, x: Any) -> Any:
    y = x**2
    y.copy_(y)
    y.copy_(y.flip(0))
    return y


@pytest.mark.parametrize(
    "function",
    [activated_in_place, filled_by_columns, written_through_a_view, moved_within_itself],
)
def test_second_derivatives_pass_through_in_place_writes(function: Any) -> None:
    def program(t: Any) -> Any:
        x = t.tensor([[0.5, -1.5], [2.0, 3.0]], requires_grad=True)
        (first,) = t.autograd.grad(function(t, x).pow(2).sum(), x, create_graph=True)
        (second,) = t.autograd.grad(first.pow(2).sum(), x)
        return [first, second]

    same(program)


def test_a_function_names_the_node_of_its_results() -> None:
    for t in (torch, oarlock.torch):
        assert "grad_fn=<CubeBackward>" in repr(cube(t).apply(leaf(t, 1.0), 2.0))


INTEGERS = {
    "long": lambda t, x: x.long(),
    "bool": lambda t, x: x.bool(),
    "type": lambda t, x: x.type(t.IntTensor),
    "copy_": lambda t, x: t.zeros(3, dtype=t.int64).copy_(x),
    "topk": lambda t, x: x.topk(2).indices,
    "sort": lambda t, x: x.sort().indices,
    "argsort": lambda t, x: x.argsort(),
    "kthvalue": lambda t, x: x.kthvalue(2).indices,
    "mode": lambda t, x: x.mode().indices,
    "cummax": lambda t, x: x.cummax(0).indices,
}


@pytest.mark.parametrize("name", INTEGERS)
def test_no_gradient_flows_through_integers(name: str) -> None:
    def program(t: Any) -> Any:
        x = leaf(t, 1.5, 2.5, -3.0)
        made = INTEGERS[name](t, x)
        assert made.grad_fn is None
        assert not made.float().requires_grad
        (x.sum() + made.float().sum()).backward()
        return x.grad

    same(program)


def test_no_gradient_flows_through_what_is_written_into_integers() -> None:
    def program(t: Any) -> Any:
        x, places = leaf(t, 1.5, 2.5), t.zeros(3, dtype=t.int64)
        places[:2] = x
        (x.sum() + places.float().sum()).backward()
        return [x.grad, places]

    same(program)


@pytest.mark.parametrize(
    "function",
    [
        lambda t, x: t.nn.functional.mse_loss(x, x * x),
        lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([1, 0])),
        lambda t, x: t.nn.functional.cross_entropy(
            x, t.tensor([1, 0]), label_smoothing=0.1, weight=t.tensor([0.5, 2.0])
        ),
        lambda t, x: t.nn.functional.binary_cross_entropy_with_logits(x, t.full((2, 2), 0.3)),
        lambda t, x: t.nn.functional.max_pool2d((x * x)[None, None], 2),
        lambda t, x: t.nn.functional.gelu(x).softmax(-1),
        lambda t, x: (1 / x).cumsum(0),
    ],
)
def test_second_derivatives_of_what_losses_are_made_of(function: Any) -> None:
    def program(t: Any) -> Any:
        x = t.tensor([[0.5, -1.5], [2.0, 3.0]], requires_grad=True)
        (first,) = t.autograd.grad(function(t, x).pow(2).sum(), x, create_graph=True)
        return [first, *t.autograd.grad(first.pow(2).sum(), x)]

    expected, found = values(program(torch)), values(program(oarlock.torch))
    for a, b in zip(expected, found, strict=True):
        # The gradients of these sum up to 20 terms; float32 rounds each.
        np.testing.assert_allclose(
            b, a, rtol=20 * np.finfo(np.float32).eps, atol=1e-6 * abs(a).max()
        )


def test_what_has_no_second_derivative_says_so() -> None:
    t = oarlock.torch
    x = t.ones(2, 3, requires_grad=True)
    normed = t.nn.functional.layer_norm(x, (3,)).pow(2).sum()
    with pytest.raises(UnsupportedError, match="no second derivative of layer_norm"):
        t.autograd.grad(normed, x, create_graph=True)


def test_a_convolution_of_constant_images_has_no_second_derivative() -> None:
    t = oarlock.torch
    weight = t.ones(1, 1, 2, 2, requires_grad=True)
    loss = t.nn.functional.conv2d(t.ones(1, 1, 3, 3), weight).pow(2).sum()
    with pytest.raises(UnsupportedError, match="convolutions"):
        t.autograd.grad(loss, weight, create_graph=True)


@pytest.mark.parametrize("t", [torch, oarlock.torch], ids=["torch", "oarlock"])
def test_a_volatile_variable_warns(t: Any) -> None:
    with pytest.warns(UserWarning, match="volatile was removed"):
        made = t.autograd.Variable(t.ones(2), volatile=True)
    assert not made.requires_grad


def test_scripted_functions_run_as_they_are() -> None:
    t = oarlock.torch

    @t.jit.script
    def doubled(x: Any) -> Any:
        return x * 2 if not t.jit.is_scripting() else x

    assert doubled(t.ones(2)).tolist() == [2.0, 2.0]
