"""torch.nn.utils.prune against torch's: masks, draws, keys, gradients, several methods, errors."""

import pytest
import torch.nn.utils.prune  # noqa: F401
from torch_and_oarlock import same_on_both

ONCE = {
    "identity": lambda p, m: p.identity(m, "weight"),
    "random": lambda p, m: p.random_unstructured(m, "weight", 0.3),
    "random_none": lambda p, m: p.random_unstructured(m, "weight", 0),
    "l1": lambda p, m: p.l1_unstructured(m, "weight", 0.4),
    "l1_count": lambda p, m: p.l1_unstructured(m, "bias", 2),
    "channels_by_chance": lambda p, m: p.random_structured(m, "weight", 2, dim=1),
    "channels": lambda p, m: p.ln_structured(m, "weight", 0.5, n=2, dim=0),
    "channels_infinity": lambda p, m: p.ln_structured(m, "weight", 1, n=float("-inf"), dim=-1),
}


def facts(module, x):
    y = module(x)
    (y * y).sum().backward()
    grads = {name: p.grad for name, p in module.named_parameters()}
    return y, grads, dict(module.state_dict()), repr(module)


@pytest.mark.parametrize("way", ONCE)
@same_on_both
def test_once(side, way):
    module = side.nn.Linear(6, 4)
    ONCE[way](side.nn.utils.prune, module)
    found = facts(module, side.randn(3, 6))
    return found, side.nn.utils.prune.is_pruned(side.nn.Sequential(module))


@pytest.mark.parametrize("first", ["l1", "channels"])
@pytest.mark.parametrize("second", ["random", "l1", "channels", "channels_by_chance"])
@same_on_both
def test_twice(side, first, second):
    prune = side.nn.utils.prune
    module = side.nn.Linear(6, 4)
    ONCE[first](prune, module)
    ONCE[second](prune, module)
    hook = next(iter(module._forward_pre_hooks.values()))
    return (
        facts(module, side.randn(3, 6)),
        type(hook).__name__,
        [type(one).__name__ for one in hook],
    )


@same_on_both
def test_scores(side):
    module = side.nn.Linear(6, 4)
    scores = side.rand(4, 6)
    side.nn.utils.prune.l1_unstructured(module, "weight", 7, importance_scores=scores)
    return facts(module, side.randn(3, 6))


@same_on_both
def test_mask_of_ones_own(side):
    module = side.nn.Linear(3, 2)
    side.nn.utils.prune.custom_from_mask(module, "bias", side.tensor([0, 1]))
    return facts(module, side.randn(3, 3))


@same_on_both
def test_globally(side):
    prune = side.nn.utils.prune
    model = side.nn.Sequential(side.nn.Linear(6, 4), side.nn.Tanh(), side.nn.Linear(4, 2))
    pairs = [(model[0], "weight"), (model[2], "weight")]
    prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=9)
    prune.global_unstructured(pairs, pruning_method=prune.RandomUnstructured, amount=0.2)
    return facts(model, side.randn(3, 6))


@same_on_both
def test_remove(side):
    prune = side.nn.utils.prune
    module = side.nn.Linear(6, 4)
    weight = module.weight
    prune.l1_unstructured(module, "weight", 0.5)
    prune.remove(module, "weight")
    return dict(module.state_dict()), module.weight is weight, prune.is_pruned(module)


@same_on_both
def test_a_method_of_ones_own(side):
    prune = side.nn.utils.prune

    class Negative(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t, default_mask):
            mask = default_mask.clone()
            mask[t < 0] = 0
            return mask

    module = side.nn.Linear(6, 4)
    prune.l1_unstructured(module, "weight", 4)
    Negative.apply(module, "weight")
    return facts(module, side.randn(3, 6)), Negative().prune(side.randn(5))


FAULTS = {
    "too_much": lambda p, m: p.l1_unstructured(m, "bias", 9),
    "fraction": lambda p, m: p.l1_unstructured(m, "bias", 1.5),
    "negative": lambda p, m: p.random_unstructured(m, "bias", -1),
    "no_number": lambda p, m: p.random_unstructured(m, "bias", "half"),
    "vector": lambda p, m: p.ln_structured(m, "bias", 1, n=1, dim=0),
    "dim": lambda p, m: p.random_structured(m, "weight", 1, dim=2),
    "not_pruned": lambda p, m: p.remove(m, "weight"),
    "scores": lambda p, m: p.global_unstructured(
        [(m, "weight")], pruning_method=p.L1Unstructured, importance_scores=1, amount=1
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@same_on_both
def test_faults(side, fault):
    return FAULTS[fault](side.nn.utils.prune, side.nn.Linear(6, 4))


@same_on_both
def test_structured_globally(side):
    prune, module = side.nn.utils.prune, side.nn.Linear(6, 4)
    try:
        prune.global_unstructured([(module, "weight")], prune.RandomStructured, amount=1)
    except TypeError as error:
        return str(error).partition("Found")[0]


@pytest.mark.parametrize("fault", ["too_much", "vector"])
@same_on_both
def test_a_fault_leaves_the_module_as_it_was(side, fault):
    module = side.nn.Linear(6, 4)
    try:
        FAULTS[fault](side.nn.utils.prune, module)
    except ValueError as error:
        return str(error), dict(module.state_dict())
