"""torch.nn.utils.parametrize and parametrizations against torch's: keys, values, gradients, errors."""

import copy
import pickle

import pytest
import torch.nn.utils.parametrizations
import torch.nn.utils.parametrize  # noqa: F401
from torch_and_oarlock import same_on_both


def symmetric(side, inverse=False):
    class Symmetric(side.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

        if inverse:

            def right_inverse(self, x):
                return x.triu()

    return Symmetric()


def rank_one(side):
    class RankOne(side.nn.Module):
        def forward(self, x, y):
            return x.unsqueeze(-1) @ y.unsqueeze(-2)

        def right_inverse(self, z):
            return z[:, 0].clone(), z[0].clone()

    return RankOne()


def trained(side, layer, x):
    """The output, gradients and state after a step."""
    optimizer = side.optim.SGD(layer.parameters(), lr=0.1)
    y = layer(x)
    (y * y).sum().backward()
    grads = {name: p.grad for name, p in layer.named_parameters()}
    optimizer.step()
    return y, grads, layer(x), dict(layer.state_dict()), repr(layer)


@same_on_both
def test_register(side):
    p = side.nn.utils.parametrize
    layer = side.nn.Linear(3, 3)
    original = layer.weight
    p.register_parametrization(layer, "weight", symmetric(side))
    found = trained(side, layer, side.randn(2, 3))
    return (
        found,
        layer.parametrizations.weight.original is original,
        p.is_parametrized(layer),
        p.is_parametrized(layer, "bias"),
        p.type_before_parametrizations(layer).__name__,
        isinstance(layer, side.nn.Linear),
    )


@pytest.mark.parametrize("leave", [True, False])
@same_on_both
def test_remove(side, leave):
    p = side.nn.utils.parametrize
    layer = side.nn.Linear(3, 3)
    p.register_parametrization(layer, "weight", symmetric(side))
    p.register_parametrization(layer, "bias", side.nn.Tanh())
    optimizer = side.optim.SGD(layer.parameters(), lr=0.1)
    p.remove_parametrizations(layer, "weight", leave_parametrized=leave)
    between = type(layer).__name__
    p.remove_parametrizations(layer, "bias", leave_parametrized=leave)
    y = layer(side.randn(2, 3))
    y.sum().backward()
    optimizer.step()
    return (
        between,
        type(layer).__name__,
        dict(layer.state_dict()),
        hasattr(layer, "parametrizations"),
    )


@same_on_both
def test_assigning(side):
    p = side.nn.utils.parametrize
    layer = side.nn.Linear(3, 3)
    p.register_parametrization(layer, "weight", symmetric(side, inverse=True))
    layer.weight = symmetric(side)(side.randn(3, 3))
    return layer.weight, dict(layer.state_dict())


@same_on_both
def test_assigning_without_inverse(side):
    layer = side.nn.Linear(3, 3)
    side.nn.utils.parametrize.register_parametrization(layer, "weight", symmetric(side))
    layer.weight = side.randn(3, 3)


@same_on_both
def test_several_originals(side):
    p = side.nn.utils.parametrize
    layer = side.nn.Linear(4, 3)
    p.register_parametrization(layer, "weight", rank_one(side))
    found = trained(side, layer, side.randn(2, 4))
    layer.weight = side.ones(3, 4)
    assigned = dict(layer.state_dict())
    p.remove_parametrizations(layer, "weight")
    return found, assigned, dict(layer.state_dict())


@same_on_both
def test_several_originals_have_no_one_to_leave(side):
    p = side.nn.utils.parametrize
    layer = p.register_parametrization(side.nn.Linear(4, 3), "weight", rank_one(side))
    p.remove_parametrizations(layer, "weight", leave_parametrized=False)


@same_on_both
def test_one_after_another_and_cached(side):
    p = side.nn.utils.parametrize
    layer = side.nn.Linear(3, 3)
    p.register_parametrization(layer, "weight", symmetric(side))
    p.register_parametrization(layer, "weight", side.nn.Sigmoid())
    with p.cached():
        with p.cached():
            inside = layer.weight is layer.weight
        still = layer.weight is layer.weight
    return layer.weight, inside, still, layer.weight is layer.weight, repr(layer)


@same_on_both
def test_buffers(side):
    p = side.nn.utils.parametrize
    norm = side.nn.BatchNorm1d(3)
    p.register_parametrization(norm, "running_mean", side.nn.Tanh())
    return dict(norm.state_dict()), norm.running_mean


@same_on_both
def test_transfer(side):
    p = side.nn.utils.parametrize
    source, target = side.nn.Linear(3, 3), side.nn.Linear(3, 3)
    p.register_parametrization(source, "weight", symmetric(side))
    p.transfer_parametrizations_and_params(source, target)
    return dict(target.state_dict()), target.weight


@same_on_both
def test_copies(side):
    p = side.nn.utils.parametrize
    layer = p.register_parametrization(side.nn.Linear(3, 3), "weight", side.nn.Tanh())
    other = copy.deepcopy(layer)
    with side.no_grad():
        other.parametrizations.weight.original.fill_(2.0)
    return layer.weight, other.weight, type(other) is type(layer)


@same_on_both
def test_pickling(side):
    p = side.nn.utils.parametrize
    pickle.dumps(p.register_parametrization(side.nn.Linear(3, 3), "weight", side.nn.Tanh()))


FAULTS = {
    "name": lambda side, p: p.register_parametrization(
        side.nn.Linear(3, 2), "kernel", side.nn.Tanh()
    ),
    "shape": lambda side, p: p.register_parametrization(
        side.nn.Linear(3, 2), "weight", side.nn.Linear(3, 4)
    ),
    "not_parametrized": lambda side, p: p.remove_parametrizations(side.nn.Linear(3, 2), "weight"),
    "shape_of_second": lambda side, p: p.register_parametrization(
        p.register_parametrization(side.nn.Linear(3, 2), "weight", side.nn.Tanh()),
        "weight",
        side.nn.Linear(3, 4),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@same_on_both
def test_faults(side, fault):
    return FAULTS[fault](side, side.nn.utils.parametrize)


LAYERS = {
    "linear": lambda nn: (nn.Linear(6, 4), (3, 6)),
    "conv": lambda nn: (nn.Conv1d(2, 3, 2), (2, 2, 5)),
    "transposed": lambda nn: (nn.ConvTranspose1d(2, 3, 2), (2, 2, 5)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("dim", [0, 1, None])
@same_on_both
def test_weight_norm(side, layer, dim):
    module, shape = LAYERS[layer](side.nn)
    module = side.nn.utils.parametrizations.weight_norm(module, dim=dim)
    return trained(side, module, side.randn(*shape))


@pytest.mark.filterwarnings("ignore")
@same_on_both
def test_old_checkpoints_of_weight_norm(side):
    old = side.nn.utils.weight_norm(side.nn.Linear(6, 4))
    new = side.nn.utils.parametrizations.weight_norm(side.nn.Linear(6, 4))
    new.load_state_dict(old.state_dict())
    return dict(new.state_dict()), new.weight


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("iterations", [1, 3])
@same_on_both
def test_spectral_norm(side, layer, iterations):
    module, shape = LAYERS[layer](side.nn)
    parametrizations = side.nn.utils.parametrizations
    module = parametrizations.spectral_norm(module, n_power_iterations=iterations)
    x = side.randn(*shape)
    y = module(x) + module(x)
    (y * y).sum().backward()
    grads = [p.grad for p in module.parameters()]
    module.eval()
    return y, grads, dict(module.state_dict()), module.weight, module.weight


@same_on_both
def test_spectral_norm_of_a_vector(side):
    norm = side.nn.utils.parametrizations.spectral_norm(side.nn.LayerNorm(4))
    return norm.weight, dict(norm.state_dict())


@pytest.mark.parametrize("fault", [{"n_power_iterations": 0}, {"dim": 2}, {"name": "kernel"}])
@same_on_both
def test_faults_of_spectral_norm(side, fault):
    side.nn.utils.parametrizations.spectral_norm(side.nn.Linear(3, 2), **fault)


@pytest.mark.parametrize("trivialized", [True, False])
@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
@same_on_both
def test_orthogonal(side, shape, orthogonal_map, trivialized):
    module = side.nn.utils.parametrizations.orthogonal(
        side.nn.Linear(*shape), orthogonal_map=orthogonal_map, use_trivialization=trivialized
    )
    return trained(side, module, side.randn(2, shape[0]))


@same_on_both
def test_orthogonal_weight_is_kept(side):
    layer = side.nn.Linear(4, 4)
    side.nn.init.orthogonal_(layer.weight)
    before = layer.weight.detach().clone()
    side.nn.utils.parametrizations.orthogonal(layer)
    layer.weight = before.flip(0)
    return before, layer.weight


@pytest.mark.parametrize("fault", [{"name": "bias"}, {"orthogonal_map": "qr"}, {"name": "kernel"}])
@same_on_both
def test_faults_of_orthogonal(side, fault):
    side.nn.utils.parametrizations.orthogonal(side.nn.Linear(3, 2), **fault)
