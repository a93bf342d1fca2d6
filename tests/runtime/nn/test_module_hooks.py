"""Hooks of modules held against torch's: forward, backward, registration, and on every module."""

import warnings

import pytest
from torch_and_oarlock import same_on_both


class BoomError(Exception):
    """What a forward raises here."""


def chain(torch):
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))


@same_on_both
def test_forward_hooks_see_and_replace(torch):
    m = chain(torch)
    seen = []
    m[0].register_forward_pre_hook(lambda mod, args: (args[0] * 2,))
    m[0].register_forward_pre_hook(lambda mod, args: args[0] + 1)
    m[0].register_forward_hook(lambda mod, args, out: seen.append((args[0], out)))
    m[0].register_forward_hook(lambda mod, args, out: out * 3)
    first = m[1].register_forward_hook(lambda mod, args, out: seen.append("second"))
    m[1].register_forward_hook(lambda mod, args, out: seen.append("first"), prepend=True)
    seen.append(m(torch.ones(2, 2)))
    first.remove()
    first.remove()
    seen.append(m(torch.ones(2, 2)))
    with m[1].register_forward_pre_hook(lambda mod, args: seen.append("within")):
        m(torch.ones(1, 2))
    m(torch.ones(1, 2))
    return seen


@same_on_both
def test_forward_hooks_with_kwargs(torch):
    class Scaled(torch.nn.Module):
        def forward(self, x, *, scale=1.0):
            return x * scale

    m = Scaled()
    seen = []

    def change(mod, args, kwargs):
        return args, {**kwargs, "scale": kwargs.get("scale", 1.0) + 1}

    def look(mod, args, kwargs, out):
        seen.append((args[0], kwargs, out))
        return out - 1

    m.register_forward_pre_hook(change, with_kwargs=True)
    m.register_forward_hook(look, with_kwargs=True)
    seen.append(m(torch.ones(2), scale=2.0))
    m.register_forward_pre_hook(lambda mod, args, kwargs: 3, with_kwargs=True)
    try:
        m(torch.ones(2))
    except RuntimeError as error:
        seen.append(error)
    return seen


@same_on_both
def test_always_called_hooks(torch):
    class Fails(torch.nn.Module):
        def forward(self, x):
            raise BoomError

    def again(*args):
        raise ValueError("silenced")

    m = Fails()
    seen = []
    m.register_forward_hook(lambda *args: seen.append("never"))
    m.register_forward_hook(lambda *args: seen.append(args[2]), always_call=True)
    m.register_forward_hook(again, always_call=True)
    m.register_forward_hook(
        lambda *args: seen.append(len(args)), always_call=True, with_kwargs=True
    )
    with pytest.raises(BoomError):
        m(torch.ones(1))
    return seen


@same_on_both
def test_full_backward_hooks_get_the_gradients(torch):
    m = chain(torch)
    seen = []
    m[0].register_full_backward_hook(lambda mod, gi, go: seen.append(("last", gi, go)))
    m[2].register_full_backward_hook(lambda mod, gi, go: seen.append(("first", gi, go)))
    m[2].register_full_backward_pre_hook(lambda mod, go: seen.append(("before", go)))
    x = torch.ones(2, 2, requires_grad=True)
    m(x).sum().backward()
    return [*seen, x.grad, *(p.grad for p in m.parameters())]


@same_on_both
def test_full_backward_hooks_replace_gradients(torch):
    m = chain(torch)
    m[0].register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    m[1].register_full_backward_hook(lambda mod, gi, go: gi[0] + 1)
    m[2].register_full_backward_pre_hook(lambda mod, go: (go[0] * 2,))
    x = torch.ones(2, 2, requires_grad=True)
    m(x).sum().backward()
    return [x.grad, *(p.grad for p in m.parameters())]


@same_on_both
def test_full_backward_hooks_with_several_inputs_and_outputs(torch):
    class Two(torch.nn.Module):
        def forward(self, a, n, b):
            return a * n, b + 1, "text"

    m = Two()
    seen = []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((gi, go)))
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    first, second, _ = m(a, 3, b)
    (first * 2).sum().backward()
    first, second, _ = m(a, 3, torch.ones(2))
    (first + second).sum().backward()
    return [*seen, a.grad, b.grad]


@same_on_both
def test_full_backward_hooks_without_gradients_of_inputs(torch):
    m = torch.nn.Linear(2, 1)
    seen = []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((gi, go)))
    m(torch.ones(3, 2)).sum().backward()
    with torch.no_grad():
        m(torch.ones(3, 2))
    return [*seen, m.weight.grad]


@same_on_both
def test_full_backward_hook_with_second_derivatives(torch):
    m = torch.nn.Linear(1, 1)
    seen = []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((gi[0].detach(), go[0].detach())))
    x = torch.ones(1, 1, requires_grad=True)
    (g,) = torch.autograd.grad((m(x) ** 3).sum(), x, create_graph=True)
    g.sum().backward()
    return [seen[0], x.grad, m.weight.grad]


@pytest.mark.parametrize("count", [0, 2])
@same_on_both
def test_wrong_number_of_gradients(torch, count):
    m = torch.nn.Linear(2, 1)
    m.register_full_backward_hook(lambda mod, gi, go: gi * count)
    m(torch.ones(3, 2, requires_grad=True)).sum().backward()


@same_on_both
def test_hooks_on_every_module(torch):
    hooks = torch.nn.modules.module
    m = chain(torch)
    seen = []
    handles = [
        hooks.register_module_forward_pre_hook(lambda mod, a: seen.append(type(mod).__name__)),
        hooks.register_module_forward_hook(lambda mod, a, out: seen.append(tuple(out.shape))),
        hooks.register_module_full_backward_pre_hook(lambda mod, go: seen.append(len(go))),
        hooks.register_module_full_backward_hook(lambda mod, gi, go: seen.append(len(gi))),
    ]
    m(torch.ones(2, 2, requires_grad=True)).sum().backward()
    for handle in handles:
        handle.remove()
    m(torch.ones(2, 2))
    return seen


@same_on_both
def test_hooks_on_registration(torch):
    hooks = torch.nn.modules.module
    seen = []
    handles = [
        hooks.register_module_parameter_registration_hook(lambda m, n, p: seen.append(n)),
        hooks.register_module_buffer_registration_hook(lambda m, n, b: seen.append(n)),
        hooks.register_module_module_registration_hook(lambda m, n, s: seen.append(n)),
    ]
    torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1))
    for handle in handles:
        handle.remove()
    torch.nn.Sequential(torch.nn.Linear(1, 1))
    return seen


@same_on_both
def test_in_place_after_a_backward_hook(torch):
    m = torch.nn.Linear(2, 2)
    m.register_full_backward_hook(lambda mod, gi, go: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = torch.ones(2, 2, requires_grad=True)
        return torch.relu(m(x) + 1).sum().backward() or x.grad
