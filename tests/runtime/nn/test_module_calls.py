"""functional_call, fused normalisation, skip_init and layouts of weights, against torch's."""

import pytest
import torch.nn.utils.stateless  # noqa: F401
from torch_and_oarlock import same_on_both


def tied(side):
    class Tied(side.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = side.nn.Parameter(side.ones(()))
            self.b = self.a
            self.register_buffer("count", side.zeros(()))

        def forward(self, x, scale=1.0):
            self.count = self.count + 1
            return (x + self.a + self.b * 10) * scale

    return Tied()


CALLS = {
    "one": lambda side, call, m, t: call(m, {"a": t}, side.ones(())),
    "kwargs": lambda side, call, m, t: call(m, {"a": t}, (side.ones(()),), {"scale": 2.0}),
    "tied": lambda side, call, m, t: call(m, {"b": t}, side.ones(())),
    "untied": lambda side, call, m, t: call(m, {"a": t}, side.ones(()), tie_weights=False),
    "same": lambda side, call, m, t: call(m, {"a": t, "b": t}, side.ones(())),
    "two": lambda side, call, m, t: call(m, {"a": t, "b": t + 1}, side.ones(())),
    "missing": lambda side, call, m, t: call(m, {"a": t}, side.ones(()), strict=True),
    "unexpected": lambda side, call, m, t: call(
        m, {"a": t, "count": t, "c": t}, side.ones(()), strict=True
    ),
    "no_tensor": lambda side, call, m, t: call(m, {"a": 1.0}, side.ones(())),
    "no_dict": lambda side, call, m, t: call(m, "a", side.ones(())),
    "dicts": lambda side, call, m, t: call(m, ({"a": t}, {"count": t}), side.ones(())),
    "dicts_with_one_name": lambda side, call, m, t: call(m, ({"a": t}, {"a": t}), side.ones(())),
}


@pytest.mark.parametrize("case", CALLS)
@same_on_both
def test_functional_call(side, case):
    module = tied(side)
    t = side.tensor(3.0, requires_grad=True)
    before = module.a
    y = CALLS[case](side, side.func.functional_call, module, t)
    y.backward()
    return y, t.grad, module.a is before, before.grad, dict(module.state_dict())


@same_on_both
def test_what_forward_assigns_comes_back(side):
    given = {"count": side.tensor(5.0)}
    side.func.functional_call(tied(side), given, side.ones(()))
    return given


@same_on_both
def test_deprecated_name(side):
    return side.nn.utils.stateless.functional_call(
        side.nn.Linear(3, 2), {"bias": side.ones(2)}, side.ones(3)
    )


@same_on_both
def test_parametrized(side):
    layer = side.nn.utils.parametrizations.weight_norm(side.nn.Linear(3, 2))
    given = {"parametrizations.weight.original0": side.tensor([[2.0], [3.0]])}
    return side.func.functional_call(layer, given, side.ones(1, 3))


CONVOLUTIONS = {
    "conv": (lambda nn: nn.Conv2d(3, 4, 2, bias=False), False),
    "conv_bias": (lambda nn: nn.Conv2d(3, 4, 2), False),
    "transposed": (lambda nn: nn.ConvTranspose2d(3, 4, 2), True),
}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
@same_on_both
def test_fused_convolution(side, kind, affine):
    make, transpose = CONVOLUTIONS[kind]
    conv, norm = make(side.nn), side.nn.BatchNorm2d(4, affine=affine)
    norm.running_mean.uniform_()
    norm.running_var.uniform_()
    fused = side.nn.utils.fuse_conv_bn_eval(conv.eval(), norm.eval(), transpose)
    return fused(side.randn(2, 3, 5, 5)), dict(fused.state_dict()), repr(fused)


@same_on_both
def test_fused_linear(side):
    layer, norm = side.nn.Linear(3, 4, bias=False), side.nn.BatchNorm1d(4)
    norm.running_mean.uniform_()
    fused = side.nn.utils.fuse_linear_bn_eval(layer.eval(), norm.eval())
    return fused(side.randn(2, 3)), dict(fused.state_dict())


@pytest.mark.parametrize("features", [3, 4])
@same_on_both
def test_what_cannot_be_fused(side, features):
    norm = side.nn.BatchNorm1d(features).train(features == 4)
    side.nn.utils.fuse_linear_bn_eval(side.nn.Linear(3, 4).eval(), norm)


@same_on_both
def test_skip_init_draws_nothing(side):
    layer = side.nn.utils.skip_init(side.nn.Linear, 3, out_features=2)
    return side.rand(3), list(layer.state_dict()), layer.weight.shape


@pytest.mark.parametrize("given", ["Tanh", "Tensor"])
@same_on_both
def test_what_cannot_be_skipped(side, given):
    kind = side.nn.Tanh if given == "Tanh" else side.Tensor
    try:
        side.nn.utils.skip_init(kind)
    except RuntimeError as error:
        return str(error).partition(";")[0]


@same_on_both
def test_memory_format(side):
    conv = side.nn.Sequential(side.nn.Conv2d(3, 4, 2))
    same = side.nn.utils.convert_conv2d_weight_memory_format(conv, side.channels_last)
    return same is conv, conv(side.randn(1, 3, 4, 4))
