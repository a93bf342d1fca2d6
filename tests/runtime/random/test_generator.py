"""torch.Generator and the default generator: seeds, states that cross to real torch and back, threads, forks."""

import copy
import pickle
from threading import Thread

import numpy as np
import pytest
import torch

from oarlock import creation
from oarlock.errors import UnsupportedError
from oarlock.random import functions, generator
from oarlock.random.generator import Generator
from oarlock.tensor.core import plain


def numbers(source, count=5):
    return plain(functions.rand(count, generator=source)).numpy()


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 5, 2**63, 2**64 - 1, -1, -(2**63)])
def test_seeds(seed):
    theirs, ours = torch.Generator().manual_seed(seed), Generator().manual_seed(seed)
    assert ours.initial_seed() == theirs.initial_seed()
    np.testing.assert_array_equal(numbers(ours), torch.rand(5, generator=theirs).numpy())


@pytest.mark.parametrize("seed", [True, "3", 1.5])
def test_a_generator_wants_an_int(seed):
    with pytest.raises(RuntimeError, match="manual_seed expected a long"):
        Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_seeds_out_of_range(seed):
    with pytest.raises(ValueError, match="Overflow"):
        generator.manual_seed(seed)


@pytest.mark.parametrize("drawn", [0, 1, 7, 623, 624, 625, 2000])
def test_states_cross_to_torch_and_back(drawn):
    theirs, ours = torch.Generator().manual_seed(9), Generator().manual_seed(9)
    torch.rand(drawn, generator=theirs)
    numbers(ours, drawn)
    functions.randn(3, generator=ours)
    torch.randn(3, generator=theirs)
    state = plain(ours.get_state()).numpy()
    np.testing.assert_array_equal(state, theirs.get_state().numpy())
    fresh = torch.Generator()
    fresh.set_state(torch.from_numpy(state.copy()))
    other = Generator()
    other.set_state(creation.from_numpy(theirs.get_state().numpy()))
    wanted = torch.randn(5, generator=theirs).numpy()
    np.testing.assert_array_equal(torch.randn(5, generator=fresh).numpy(), wanted)
    np.testing.assert_array_equal(plain(functions.randn(5, generator=other)).numpy(), wanted)
    assert other.initial_seed() == 9


def test_states_that_are_none():
    ours = Generator()
    with pytest.raises(TypeError):
        ours.set_state([1])
    with pytest.raises(TypeError, match="ByteTensor"):
        ours.set_state(creation.zeros(5056))
    with pytest.raises(RuntimeError, match="5056"):
        ours.set_state(creation.zeros(3, dtype=ours.get_state().dtype))
    with pytest.raises(RuntimeError, match="Invalid mt19937"):
        ours.set_state(creation.zeros(5056, dtype=ours.get_state().dtype))


def test_offsets_are_for_gpus():
    with pytest.raises(RuntimeError, match="offset"):
        Generator().get_offset()


def test_gpus_without_one():
    with pytest.raises(UnsupportedError, match="CPU build"):
        Generator("cuda")


def test_copies_continue_alike():
    ours = Generator().manual_seed(4)
    numbers(ours, 3)
    others = [ours.clone_state(), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))]
    wanted = numbers(ours)
    for other in others:
        np.testing.assert_array_equal(numbers(other), wanted)


def test_manual_seed_returns_the_default_generator():
    assert generator.manual_seed(3.7) is generator.default_generator
    assert generator.initial_seed() == 3
    first = numbers(None)
    assert generator.seed() != 3
    generator.manual_seed("3")
    np.testing.assert_array_equal(numbers(None), first)


def test_fork_rng_leaves_the_stream():
    generator.manual_seed(1)
    wanted = numbers(None)
    generator.manual_seed(1)
    with generator.fork_rng():
        generator.manual_seed(99)
        numbers(None, 100)
    np.testing.assert_array_equal(numbers(None), wanted)
    with generator.fork_rng(enabled=False):
        numbers(None)
    assert (numbers(None) != wanted).all()


def test_threads_share_a_generator():
    ours = Generator().manual_seed(2)
    found = []
    threads = [Thread(target=lambda: found.append(numbers(ours, 1000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = numbers(Generator().manual_seed(2), 8000)
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.sort(whole))
