"""DataLoader in one process against the real torch: batches, orders, options and errors."""

from importlib import import_module

import pytest


def passes(loader, count=2):
    return [list(loader) for _ in range(count)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 4},
        {"batch_size": 4, "drop_last": True},
        {"batch_size": None},
        {"batch_size": 3, "shuffle": True},
        {"batch_size": None, "shuffle": True},
        {"batch_size": 4, "sampler": [3, 1, 4, 1, 5]},
        {"batch_sampler": [[1, 2], [3], [4, 5, 6]]},
        {"batch_size": 5, "collate_fn": list},
        {"batch_size": 5, "pin_memory": True},
        {"pin_memory": True, "pin_memory_device": "cuda"},
        {"timeout": 2},
    ],
    ids=str,
)
def test_map_dataset(same, options):
    def program(torch, data):
        dataset = data.TensorDataset(torch.arange(20).reshape(10, 2), torch.arange(10) * 0.5)
        loader = data.DataLoader(dataset, **options)
        return len(loader), passes(loader), loader.batch_size, loader.drop_last

    same(program)


def test_generator_of_its_own(same):
    def program(torch, data):
        generator = torch.Generator().manual_seed(11)
        loader = data.DataLoader(range(10), batch_size=3, shuffle=True, generator=generator)
        return passes(loader), torch.rand(2, generator=generator)

    same(program)


def test_draws_between_the_start_of_a_pass_and_its_first_batch(same):
    def program(torch, data):
        batches = iter(data.DataLoader(range(10), batch_size=3, shuffle=True))
        between = torch.rand(1)
        return len(batches), between, next(batches), torch.rand(1), list(batches)

    same(program)


def test_a_sampler_that_draws_when_it_starts(same):
    def program(torch, data):
        class Sampler(data.Sampler):
            def __iter__(self):
                return iter(torch.randperm(6).tolist())

            def __len__(self):
                return 6

        return passes(data.DataLoader(range(6), sampler=Sampler()))

    same(program)


@pytest.mark.parametrize(
    "options", [{"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}]
)
@pytest.mark.parametrize("told", [10, 2])
def test_iterable_dataset(same, options, told):
    def program(torch, data):
        class Stream(data.IterableDataset):
            def __iter__(self):
                yield from torch.arange(10)

            def __len__(self):
                return told

            def __str__(self):
                return "a stream"

        loader = data.DataLoader(Stream(), **options)
        return list(loader), len(loader), passes(loader)

    _, warned, _ = same(program)
    assert bool(warned) == (told == 2)


def test_samples_asked_for_together(same):
    def program(_, data):
        class Together:
            def __len__(self):
                return 5

            def __getitems__(self, indices):
                return [sum(indices)]

        return passes(data.DataLoader(Together(), batch_size=2))

    same(program)


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"num_workers": 1, "prefetch_factor": -1},
        {"persistent_workers": True},
        {"sampler": [1], "shuffle": True},
        {"batch_sampler": [[1]], "batch_size": 2},
        {"batch_sampler": [[1]], "drop_last": True},
        {"batch_size": None, "drop_last": True},
        {"batch_size": 0},
        {"batch_size": 2.0},
        {"multiprocessing_context": "fork"},
        {"num_workers": 1, "multiprocessing_context": "threads"},
    ],
    ids=str,
)
def test_refused_options(raises, options):
    raises(ValueError, lambda _, data: data.DataLoader(range(3), **options))


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}])
def test_refused_for_iterable_datasets(raises, options):
    raises(ValueError, lambda _, data: data.DataLoader(data.ChainDataset([]), **options))


def test_refused_otherwise(raises):
    raises(
        TypeError,
        lambda _, data: data.DataLoader(range(3), num_workers=1, multiprocessing_context=3),
    )
    raises(ValueError, lambda _, data: data.DataLoader([], shuffle=True))


@pytest.mark.parametrize(
    "name",
    ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"],
)
def test_fixed_attributes(raises, name):
    raises(ValueError, lambda _, data: setattr(data.DataLoader(range(3)), name, None))


def test_other_attributes(same):
    def program(_, data):
        loader = data.DataLoader(range(3))
        loader.collate_fn = tuple
        return list(loader), loader.num_workers, loader.prefetch_factor, loader.in_order

    same(program)


def test_errors_come_as_they_are(raises):
    raises(
        ZeroDivisionError, lambda _, data: list(data.DataLoader([1], collate_fn=lambda _: 1 / 0))
    )
    raises(IndexError, lambda _, data: list(data.DataLoader([1], sampler=[3])))


def test_names_in_torchs_modules():
    from oarlock.torch.utils import data
    from oarlock.torch.utils.data import dataloader, dataset, distributed, sampler

    assert dataloader.DataLoader is data.DataLoader
    assert dataset.Dataset is data.Dataset
    assert sampler.Sampler is data.Sampler
    assert distributed.DistributedSampler is data.DistributedSampler
    for part, name in (("collate", "default_collate"), ("worker", "get_worker_info")):
        module = import_module(f"oarlock.torch.utils.data._utils.{part}")
        assert getattr(module, name) is getattr(data, name)


def test_training_gives_torchs_losses():
    def losses(side, workers):
        torch, nn, data = (import_module(f"{side}{part}") for part in ("", ".nn", ".utils.data"))
        torch.manual_seed(5)
        inputs = torch.randn(40, 8)
        dataset = data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
        model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        found = []
        for _ in range(3):
            for x, y in data.DataLoader(dataset, batch_size=8, shuffle=True, num_workers=workers):
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                found.append(loss.item())
        return found

    expected = losses("torch", 0)
    # 15 steps of float32 arithmetic in another order.
    assert losses("oarlock.torch", 0) == pytest.approx(expected, rel=1e-4)
    assert losses("oarlock.torch", 2) == pytest.approx(expected, rel=1e-4)
