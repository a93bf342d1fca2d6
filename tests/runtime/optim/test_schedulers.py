"""Every schedule against torch's: the very same floats, warnings, and state that crosses."""

import warnings
from importlib import import_module
from types import SimpleNamespace

import pytest

HOMES = {
    "base": ["LRScheduler"],
    "by_function": ["LambdaLR", "MultiplicativeLR"],
    "decay": ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR"],
    "cosine": ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"],
    "composed": ["SequentialLR", "ChainedScheduler"],
    "plateau": ["ReduceLROnPlateau"],
    "cyclic": ["CyclicLR", "OneCycleLR"],
}
schedulers = SimpleNamespace(
    **{
        name: getattr(import_module(f"oarlock.optim.lr_scheduler.{home}"), name)
        for home, names in HOMES.items()
        for name in names
    }
)


class Halving:
    def __init__(self):
        self.calls = 0

    def __call__(self, epoch):
        self.calls += 1
        return 0.5**self.calls


CASES = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (e + 1), lambda e: 0.9**e]),
    "lambda object": lambda s, o: s.LambdaLR(o, Halving()),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.97),
    "step": lambda s, o: s.StepLR(o, step_size=3, gamma=0.3),
    "multistep": lambda s, o: s.MultiStepLR(o, milestones=[2, 5, 5, 9], gamma=0.3),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.3, total_iters=4),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.7, total_iters=7),
    "exponential": lambda s, o: s.ExponentialLR(o, gamma=0.83),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=9, power=1.7),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=5, eta_min=1e-3),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2, eta_min=1e-3),
    "restarts alike": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=3, step_size_down=5),
    "cyclic halved": lambda s, o: s.CyclicLR(
        o, [0.01, 0.02], 0.1, step_size_up=2, mode="triangular2", base_momentum=[0.7, 0.6]
    ),
    "cyclic powers": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=2, mode="exp_range", gamma=0.9, cycle_momentum=False
    ),
    "cyclic function": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=2, scale_fn=lambda x: 1 / (5**x), scale_mode="iterations"
    ),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=[0.1, 0.3], total_steps=24),
    "one cycle, three phases": lambda s, o: s.OneCycleLR(
        o,
        max_lr=0.1,
        epochs=4,
        steps_per_epoch=6,
        three_phase=True,
        anneal_strategy="linear",
        pct_start=0.4,
    ),
    "sequential": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, 0.1, total_iters=3), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 6)],
        milestones=[4, 9],
    ),
    "chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, total_iters=4), s.ExponentialLR(o, 0.9)]
    ),
    "nested": lambda s, o: s.SequentialLR(
        o,
        [
            s.SequentialLR(o, [s.ConstantLR(o, 0.5), s.ExponentialLR(o, 0.9)], [2]),
            s.StepLR(o, 2),
        ],
        milestones=[5],
    ),
}
every_case = pytest.mark.parametrize("case", CASES)
optimizers = pytest.mark.parametrize("optimizer", ["SGD", "Adam"])


def made(side, optimizer):
    params = [{"params": [side.parameter(1.0)]}, {"params": [side.parameter(2.0)], "lr": 0.37}]
    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    return getattr(side.optim, optimizer)(params, lr=0.123, **options)


def snapshot(scheduler, optimizer):
    keys = ("lr", "momentum", "betas", "initial_lr", "max_momentum", "min_lr")
    groups = [{k: g[k] for k in keys if k in g} for g in optimizer.param_groups]
    return groups, scheduler.get_last_lr(), getattr(scheduler, "last_epoch", None)


def trace(side, home, case, optimizer, steps=range(20)):
    own = made(side, optimizer)
    scheduler = CASES[case](home, own)
    found = [snapshot(scheduler, own)]
    for _ in steps:
        own.step()
        scheduler.step()
        found.append(snapshot(scheduler, own))
    return found, scheduler, own


@optimizers
@every_case
def test_the_same_rates(case, optimizer, torch_side, oarlock_side):
    theirs, other, _ = trace(torch_side, torch_side.lr_scheduler, case, optimizer)
    ours, one, _ = trace(oarlock_side, schedulers, case, optimizer)
    assert ours == theirs
    assert one.state_dict().keys() == other.state_dict().keys()


def comparable(state):
    """A scheduler's state, with functions and objects left to their owners."""
    if isinstance(state, dict):
        return {k: comparable(v) for k, v in state.items() if k not in ("_scale_fn_ref",)}
    if isinstance(state, list):
        return [comparable(v) for v in state]
    return state


@every_case
def test_state_crosses(case, torch_side, oarlock_side):
    whole, _, _ = trace(torch_side, torch_side.lr_scheduler, case, "SGD")
    _, scheduler, optimizer = trace(torch_side, torch_side.lr_scheduler, case, "SGD", range(7))
    taken = made(oarlock_side, "SGD")
    after = CASES[case](schedulers, taken)
    after.load_state_dict(scheduler.state_dict())
    taken.load_state_dict(optimizer.state_dict())
    assert comparable(after.state_dict()) == comparable(scheduler.state_dict())
    found = []
    for _ in range(13):
        taken.step()
        after.step()
        found.append(snapshot(after, taken))
    assert found == whole[8:]
    again = made(torch_side, "SGD")
    back = CASES[case](torch_side.lr_scheduler, again)
    back.load_state_dict(after.state_dict())
    assert back.get_last_lr() == after.get_last_lr()


@pytest.mark.parametrize(
    "case",
    [
        *("lambda", "step", "multistep", "constant", "linear", "exponential", "polynomial"),
        *("cosine", "restarts", "restarts alike", "cyclic"),
    ],
)
def test_steps_to_a_given_epoch(case, torch_side, oarlock_side):
    def jump(side, home):
        own = made(side, "SGD")
        scheduler = CASES[case](home, own)
        found = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for epoch in (0, 3, 11, 2, 7, 20):
                own.step()
                scheduler.step(epoch)
                found.append(snapshot(scheduler, own))
        return found, [str(w.message) for w in caught]

    assert jump(oarlock_side, schedulers) == jump(torch_side, torch_side.lr_scheduler)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau(mode, threshold_mode, torch_side, oarlock_side):
    metrics = [1.0, 0.9, 0.95, 0.95, 0.95, 0.8, 0.81, 1.2, 1.3, 1.3, 1.31, 1.2, 1.2, 1.2, 1.2, 1.2]

    def watch(side, home):
        own = made(side, "SGD")
        scheduler = home.ReduceLROnPlateau(
            own,
            mode=mode,
            factor=0.3,
            patience=1,
            threshold=0.02,
            threshold_mode=threshold_mode,
            cooldown=1,
            min_lr=[0.01, 0.001],
        )
        found = []
        for metric in metrics:
            scheduler.step(metric)
            found.append((snapshot(scheduler, own), scheduler.num_bad_epochs, scheduler.best))
        return found, scheduler.state_dict()

    assert watch(oarlock_side, schedulers) == watch(torch_side, torch_side.lr_scheduler)


def test_a_metric_may_be_a_tensor(oarlock_side):
    own = made(oarlock_side, "SGD")
    scheduler = schedulers.ReduceLROnPlateau(own, patience=0)
    scheduler.step(oarlock_side.tensor(1.0))
    scheduler.step(oarlock_side.tensor(2.0))
    assert scheduler.get_last_lr() == [0.123 * 0.1, 0.37 * 0.1]


ERRORS = [
    lambda s, o: s.LambdaLR(o, [lambda e: 1.0]),
    lambda s, o: s.MultiplicativeLR(o, 0.5),
    lambda s, o: s.ConstantLR(o, factor=1.5),
    lambda s, o: s.LinearLR(o, start_factor=0),
    lambda s, o: s.LinearLR(o, end_factor=-1),
    lambda s, o: s.StepLR(object(), 3),
    lambda s, o: s.StepLR(o, 3, last_epoch=4),
    lambda s, o: s.SequentialLR(o, [s.StepLR(o, 3)], milestones=[3]),
    lambda s, o: s.SequentialLR(o, [], milestones=[]),
    lambda s, o: s.ChainedScheduler([]),
    lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
    lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    lambda s, o: s.ReduceLROnPlateau(o, mode="best"),
    lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="both"),
    lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1, 2, 3]),
    lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"),
    lambda s, o: s.CyclicLR(o, [0.1], 0.2),
    lambda s, o: s.OneCycleLR(o, 0.1),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=0),
    lambda s, o: s.OneCycleLR(o, 0.1, epochs=2, steps_per_epoch=1.5),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=10, pct_start=1),
    lambda s, o: s.OneCycleLR(o, 0.1, total_steps=10, anneal_strategy="sin"),
    lambda s, o: (
        [s.OneCycleLR(o, 0.1, total_steps=2).step() for _ in range(3)]
        and [step() for step in [s.OneCycleLR(o, 0.1, total_steps=1).step] * 3]
    ),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=0),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=2, T_mult=0.5),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=2).step(-1),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
@pytest.mark.filterwarnings("ignore:Detected call")
def test_the_same_errors(number, torch_side, oarlock_side):
    def failure(side, home):
        try:
            ERRORS[number](home, made(side, "SGD"))
        except Exception as error:
            return type(error), str(error)
        return None

    expected = failure(torch_side, torch_side.lr_scheduler)
    assert expected is not None
    assert failure(oarlock_side, schedulers) == expected


def test_warns_of_the_order_of_calls(torch_side, oarlock_side):
    def said(side, home):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scheduler = home.StepLR(made(side, "SGD"), 3)
            scheduler.step()
            scheduler.get_lr()
            own = made(side, "SGD")
            scheduler = home.StepLR(own, 3)
            own.step = lambda: None
            scheduler.step()
        return [str(w.message) for w in caught]

    ours = said(oarlock_side, schedulers)
    assert ours == said(torch_side, torch_side.lr_scheduler)
    assert len(ours) == 3


def test_a_rate_that_is_a_tensor_keeps_its_identity(oarlock_side):
    rate = oarlock_side.tensor(0.5)
    own = oarlock_side.optim.SGD([oarlock_side.parameter(1.0)], lr=rate)
    scheduler = schedulers.ExponentialLR(own, 0.5)
    own.step()
    scheduler.step()
    assert own.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25
    assert scheduler.get_last_lr()[0] is not rate
