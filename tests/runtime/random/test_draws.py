"""Draws against real torch from the same seed: bits, and how far the generator has moved."""

import numpy as np
import pytest
import torch

from oarlock.random import draws
from oarlock.random.generator import Generator
from oarlock.random.rounding import multiply_add

SIZES = [0, 1, 2, 7, 15, 16, 17, 31, 32, 100, 623, 625, 1000, 5003]
FLOATS = ["float32", "float64", "float16", "bfloat16"]


class Pair:
    """torch's generator and ours with the same seed."""

    def __init__(self, seed):
        self.torch = torch.Generator().manual_seed(seed)
        self.ours = Generator().manual_seed(seed)

    def assert_same_state(self):
        np.testing.assert_array_equal(
            self.ours.engine.state(), self.torch.get_state().numpy(), "state"
        )


def expected(tensor):
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()


def compare(seed, ours, theirs, *, ulps=0):
    pair = Pair(seed)
    for _ in range(2):
        got, want = ours(pair.ours), expected(theirs(pair.torch))
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        if ulps and got.dtype == np.float64:
            np.testing.assert_array_max_ulp(got, want, ulps)
        else:
            np.testing.assert_array_equal(got, want)
    if ulps == 0:
        pair.assert_same_state()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform(size, dtype):
    kind = getattr(torch, dtype)
    compare(
        size,
        lambda g: draws.uniform((size,), dtype, g),
        lambda g: torch.empty(size, dtype=kind).uniform_(generator=g),
    )
    compare(
        size,
        lambda g: draws.uniform((size,), dtype, g, -0.3, 0.7123),
        lambda g: torch.empty(size, dtype=kind).uniform_(-0.3, 0.7123, generator=g),
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_normal(size, dtype):
    kind = getattr(torch, dtype)
    compare(
        size,
        lambda g: draws.normal((size,), dtype, g),
        lambda g: torch.empty(size, dtype=kind).normal_(generator=g),
        ulps=16 if dtype == "float64" else 0,
    )
    if dtype != "float64":
        compare(
            size,
            lambda g: draws.normal((size,), dtype, g, -0.4, 1.7),
            lambda g: torch.empty(size, dtype=kind).normal_(-0.4, 1.7, generator=g),
        )


def test_a_million_normal_numbers_have_torch_s_bits():
    compare(
        11,
        lambda g: draws.normal((1000, 1001), "float32", g, 0.3, 0.02),
        lambda g: torch.empty(1000, 1001).normal_(0.3, 0.02, generator=g),
    )


def test_normal_of_tensors_that_are_not_contiguous():
    compare(
        5,
        lambda g: draws.normal((10, 13), "float32", g, contiguous=False),
        lambda g: torch.empty(13, 10).t().normal_(generator=g).t().contiguous().view(10, 13),
    )


def test_the_second_of_a_pair_is_kept_for_the_next_draw():
    pair = Pair(3)
    for size in (1, 3, 40, 2, 5, 1, 1):
        got = draws.normal((size,), "float32", pair.ours)
        np.testing.assert_array_equal(got, torch.randn(size, generator=pair.torch).numpy())
        pair.assert_same_state()


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 1),
        (0, 10),
        (-5, 127),
        (0, 2**28 - 1),
        (0, 2**28),
        (-(2**31), 2**31 - 1),
        (0, 2**32),
        (-(2**63), 2**63 - 1),
        (-7, 2**63 - 1),
    ],
)
# torch says so where a float64 can't hold the bounds themselves.
@pytest.mark.filterwarnings("ignore:.*out of bounds:UserWarning")
def test_integers(low, high):
    for dtype in ("int64", "float64", "int32", "int8", "uint8"):
        if dtype.endswith(("t32", "t8")):
            info = np.iinfo(dtype)
            if low < info.min or high - 1 > info.max:
                continue
        kind = getattr(torch, dtype)
        compare(
            2,
            lambda g, d=dtype: draws.integers((100,), d, g, low, high),
            lambda g, k=kind: torch.randint(low, high, (100,), generator=g, dtype=k),
        )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", *FLOATS])
def test_integers_without_bounds(dtype):
    compare(
        2,
        lambda g: draws.any_integers((500,), dtype, g),
        lambda g: torch.empty(500, dtype=getattr(torch, dtype)).random_(generator=g),
    )


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 624, 1000, 60000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_permutation(count, seed):
    compare(
        seed,
        lambda g: draws.permutation(count, "int64", g),
        lambda g: torch.randperm(count, generator=g),
    )


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_bernoulli(p):
    compare(
        2,
        lambda g: draws.bernoulli((77,), g, p),
        lambda g: torch.empty(77, dtype=torch.bool).bernoulli_(p, generator=g),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bernoulli_with_a_probability_each(dtype):
    p = np.random.default_rng(1).random((7, 11)).astype(dtype)
    compare(
        2,
        lambda g: draws.bernoulli_each(p, g),
        lambda g: torch.bernoulli(torch.from_numpy(p), generator=g).bool(),
    )


@pytest.mark.parametrize("size", [1, 9, 100, 3001])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("name", "method", "arguments"),
    [
        ("exponential", "exponential_", (1.7,)),
        ("geometric", "geometric_", (0.3,)),
        ("cauchy", "cauchy_", (0.5, 2.0)),
        ("log_normal", "log_normal_", (0.5, 0.75)),
    ],
)
def test_the_others(name, method, arguments, dtype, size):
    compare(
        size,
        lambda g: getattr(draws, name)((size,), dtype, g, *arguments),
        lambda g: getattr(torch.empty(size, dtype=getattr(torch, dtype)), method)(
            *arguments, generator=g
        ),
        ulps=16,
    )


def test_multiply_add_rounds_once():
    # The exact product and sum lies just above half way between two float32 numbers.
    x = np.array([1 + 2**-23], np.float32)
    factor, addend = 2**-24 * (1 + 2**-23), 1.0
    assert multiply_add(x, factor, addend)[0] == np.float32(1 + 2**-23)
