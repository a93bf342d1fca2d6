"""weight_norm and spectral_norm against torch's: keys, draws, values, gradients, removal."""

import pytest
import torch.nn.utils  # noqa: F401
from torch_and_oarlock import same_on_both

import oarlock.torch
from oarlock.nn.utils import spectral_norm, weight_norm


def home(side, name):
    if side is not oarlock.torch:
        return getattr(side.nn.utils, name)
    return getattr(weight_norm if "weight" in name else spectral_norm, name)


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
    module = home(side, "weight_norm")(module, dim=dim)
    y = module(side.randn(*shape))
    (y * y).sum().backward()
    grads = [p.grad for p in module.parameters()]
    state = dict(module.state_dict())
    home(side, "remove_weight_norm")(module)
    return y, grads, state, list(module.state_dict()), module.weight


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("iterations", [1, 3])
@same_on_both
def test_spectral_norm(side, layer, iterations):
    module, shape = LAYERS[layer](side.nn)
    module = home(side, "spectral_norm")(module, n_power_iterations=iterations)
    x = side.randn(*shape)
    y = module(x) + module(x)
    (y * y).sum().backward()
    grads = [p.grad for p in module.parameters()]
    state = dict(module.state_dict())
    home(side, "remove_spectral_norm")(module)
    return y, grads, state, list(module.state_dict()), module.weight


@pytest.mark.parametrize("name", ["remove_weight_norm", "remove_spectral_norm"])
@same_on_both
def test_nothing_to_remove(side, name):
    home(side, name)(side.nn.Linear(2, 2))
