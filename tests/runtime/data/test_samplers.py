"""Samplers of torch.utils.data against the real torch: the same order from the same seed."""

import pytest


def epochs(sampler):
    return len(sampler), list(sampler), list(sampler)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_samples": 27},
        {"replacement": True},
        {"replacement": True, "num_samples": 70},
        {"replacement": True, "num_samples": 64},
    ],
)
@pytest.mark.parametrize("own", [False, True], ids=["default", "own generator"])
def test_random_sampler(same, options, own):
    def program(torch, data):
        generator = torch.Generator().manual_seed(9) if own else None
        found = epochs(data.RandomSampler(range(10), generator=generator, **options))
        return found, torch.rand(2, generator=generator)

    same(program)


@pytest.mark.parametrize("replacement", [True, False])
def test_weighted_sampler(same, replacement):
    weights = [0.1, 0.9, 0.4, 0.7, 3.0, 0.6]
    same(lambda _, data: epochs(data.WeightedRandomSampler(weights, 5, replacement)))


def test_other_samplers(same):
    def program(_, data):
        return (
            epochs(data.SequentialSampler("abc")),
            epochs(data.SubsetRandomSampler([5, 3, 8, 1])),
            epochs(data.BatchSampler(range(10), 3, False)),
            epochs(data.BatchSampler(range(10), 3, True)),
            epochs(data.BatchSampler(data.RandomSampler(range(7)), 7, True)),
        )

    same(program)


@pytest.mark.parametrize("count", [3, 10, 11])
@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_distributed_sampler(same, count, drop_last, shuffle):
    def program(_, data):
        found = []
        for rank in range(4):
            sampler = data.DistributedSampler(
                range(count), 4, rank, shuffle=shuffle, seed=5, drop_last=drop_last
            )
            found.append(epochs(sampler))
            sampler.set_epoch(2)
            found.append(epochs(sampler))
        return found

    same(program)


def test_distributed_sampler_without_a_group():
    from oarlock.errors import UnsupportedError
    from oarlock.torch.utils.data import DistributedSampler

    with pytest.raises(UnsupportedError, match="num_replicas"):
        DistributedSampler(range(3))


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (ValueError, lambda data: data.RandomSampler([])),
        (ValueError, lambda data: data.RandomSampler([1], num_samples=-1)),
        (TypeError, lambda data: data.RandomSampler([1], replacement=1)),
        (ValueError, lambda data: data.WeightedRandomSampler([[1.0]], 2)),
        (ValueError, lambda data: data.WeightedRandomSampler([1.0], True)),
        (ValueError, lambda data: data.WeightedRandomSampler([1.0], 1, 0)),
        (ValueError, lambda data: data.BatchSampler([1], 0, False)),
        (ValueError, lambda data: data.BatchSampler([1], 2, 0)),
        (ValueError, lambda data: data.DistributedSampler([1], 2, 2)),
        (NotImplementedError, lambda data: list(data.Sampler())),
    ],
)
def test_refusals(raises, kind, make):
    raises(kind, lambda _, data: make(data))
