"""What the tests of optimizers share: the same parameters and gradients under torch and Oarlock."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
import torch

from oarlock.nn.parameter import Parameter
from oarlock.tensor import wrap

# A scalar, small ones, one larger than a pass of the arithmetic, and ones beside it.
SHAPES = [(), (5,), (3, 4), (2, 1, 3), (300, 250), (40, 30)]
NAMES = (
    *("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta"),
    *("ASGD", "Rprop", "LBFGS", "Adafactor", "Muon"),
)


class Torch:
    optim = torch.optim
    lr_scheduler = torch.optim.lr_scheduler
    tensor = staticmethod(torch.tensor)

    @staticmethod
    def parameter(value):
        return torch.nn.Parameter(torch.tensor(value))


class Oarlock:
    optim = SimpleNamespace(
        **{name: getattr(import_module(f"oarlock.optim.{name.lower()}"), name) for name in NAMES}
    )

    @staticmethod
    def tensor(value):
        return wrap(paddle.to_tensor(value))

    @staticmethod
    def parameter(value):
        return Parameter(wrap(paddle.to_tensor(value)))


class Run:
    """One optimizer over parameters of all shapes, with gradients drawn from a seed."""

    def __init__(self, side, name, dtype="float32", shapes=SHAPES, groups=None, **options):
        self.side, self.dtype, self.shapes = side, dtype, shapes
        self.params = [side.parameter(value) for value in self.draw(0)]
        given = self.params
        if groups is not None:
            half = len(self.params) // 2
            given = [{"params": self.params[:half]}, {"params": self.params[half:], **groups}]
        options = {
            k: side.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()
        }
        self.optimizer = getattr(side.optim, name)(given, **options)

    def draw(self, seed):
        rng = np.random.default_rng(seed)
        dtype = np.dtype(self.dtype)
        drawn = [rng.normal(size=(*shape, 2)) for shape in self.shapes]
        if dtype.kind == "c":
            return [np.asarray(x[..., 0] + 1j * x[..., 1], dtype) for x in drawn]
        return [np.asarray(x[..., 0], dtype) for x in drawn]

    def steps(self, first, last, skip=()):
        for step in range(first, last):
            for i, (p, grad) in enumerate(zip(self.params, self.draw(step + 1), strict=True)):
                skipped = i in skip and step % 3 == 1
                p.grad = None if skipped else self.side.tensor(grad)
            self.optimizer.step()
        return self

    def values(self):
        return [p.detach().numpy() for p in self.params]

    def state(self):
        """The optimizer's state as numbers, by parameter and entry."""
        found = {}
        for i, p in enumerate(self.params):
            for name, value in self.optimizer.state[p].items():
                found[i, name] = np.asarray(
                    value.detach().numpy() if hasattr(value, "detach") else value
                )
        return found


@pytest.fixture(scope="session")
def run():
    return Run


@pytest.fixture(scope="session")
def torch_side():
    return Torch


@pytest.fixture(scope="session")
def oarlock_side():
    return Oarlock
