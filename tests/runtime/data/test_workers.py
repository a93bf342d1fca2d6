"""DataLoader with worker processes against the real torch: batches, seeds, errors, and their end."""

import gc
import multiprocessing
import os
import pickle
import random
import signal
import time
from typing import Any

import numpy as np
import pytest

from oarlock.data.worker import numpy_seed
from oarlock.torch.utils.data import DataLoader


class Ints:
    """A dataset without a base class, which a spawned process can import."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index) -> Any:
        if index >= self.count:
            raise IndexError(index)
        return index, np.full(2, index)


class Sleepy(Ints):
    def __getitem__(self, index):
        time.sleep(1)


class Mortal(Ints):
    def __getitem__(self, index):
        if index == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return index


@pytest.fixture(autouse=True)
def nothing_left():
    before = multiprocessing.active_children()
    yield
    gc.collect()
    assert [worker for worker in multiprocessing.active_children() if worker not in before] == []


def test_seeds_and_information(same):
    def program(torch, data):
        class Draws:
            def __len__(self):
                return 13

            def __getitem__(self, index):
                info = data.get_worker_info()
                return (
                    (index, info.id, info.num_workers, info.seed, len(info.dataset)),
                    (torch.rand(1), random.random(), np.random.rand(), torch.initial_seed()),
                )

        loader = data.DataLoader(Draws(), batch_size=3, shuffle=True, num_workers=2)
        return [list(loader) for _ in range(2)], data.get_worker_info()

    same(program)


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**40 + 17, 2**63 - 1])
def test_numpys_seed(seed):
    from torch.utils.data._utils.worker import _generate_state

    assert [numpy_seed(seed, n) for n in range(3)] == [_generate_state(seed, n) for n in range(3)]


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("batch_size", [2, None])
def test_iterable_dataset_shared_among_workers(same, persistent, batch_size):
    def program(torch, data):
        class Stream(data.IterableDataset):
            def __iter__(self):
                info = data.get_worker_info()
                # Worker 1 ends long before worker 0.
                yield from range(info.id * 100, info.id * 100 + (9, 2)[info.id])

        loader = data.DataLoader(
            Stream(), batch_size=batch_size, num_workers=2, persistent_workers=persistent
        )
        return [list(loader) for _ in range(2)]

    same(program)


def test_persistent_workers_keep_their_dataset(same):
    def program(torch, data):
        class Counts:
            asked = 0

            def __len__(self):
                return 4

            def __getitem__(self, index):
                self.asked += 1
                return self.asked, torch.rand(1)

        loader = data.DataLoader(Counts(), num_workers=1, persistent_workers=True)
        partly = next(iter(loader))
        return partly, [one[0] for one in loader][-1] > 4, iter(loader) is iter(loader)

    same(program)


def test_worker_init_fn(same):
    def program(torch, data):
        def start(number):
            data.get_worker_info().dataset.count = 100 + number

        class Counted(Ints):
            def __getitem__(self, index):
                return self.count

        return list(
            data.DataLoader(Counted(4), num_workers=2, worker_init_fn=start, prefetch_factor=1)
        )

    same(program)


class DifficultError(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("k"), DifficultError(1, 2)], ids=repr)
def test_errors_in_workers(error):
    # The types and messages are torch's, whose own workers take five seconds to end after an error.
    def fail(_):
        raise error

    kind = RuntimeError if isinstance(error, DifficultError) else type(error)
    first = f"Caught {type(error).__name__} in DataLoader worker process 0.\nOriginal Traceback"
    with pytest.raises(kind) as caught:
        list(DataLoader(Ints(3), num_workers=1, collate_fn=fail))
    assert str(caught.value).startswith(first)


def test_an_error_has_the_workers_traceback():
    with pytest.raises(IndexError, match=r"(?s)Original Traceback.*raise IndexError\(index\)"):
        list(DataLoader(Ints(3), sampler=[7], num_workers=1))


def test_a_failing_start_is_raised_at_the_first_batch():
    batches = iter(DataLoader(Ints(4), num_workers=1, worker_init_fn=lambda _: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        next(batches)


def test_batches_go_on_after_an_error():
    loader = DataLoader([1, 2], sampler=[0, 5, 1], num_workers=1, collate_fn=lambda batch: batch)
    batches = iter(loader)
    assert next(batches) == [1]
    with pytest.raises(IndexError):
        next(batches)
    assert list(batches) == [[2]]


def test_what_cannot_be_sent_is_an_error():
    with pytest.raises(Exception, match=r"(?i)pickle"):
        list(DataLoader([1], num_workers=1, collate_fn=lambda _: lambda: None))

    class LocalError(Exception):
        pass

    def fail(_):
        raise LocalError("here")

    with pytest.raises(RuntimeError, match="Caught LocalError in DataLoader worker process 0"):
        list(DataLoader([1], num_workers=1, collate_fn=fail))


def test_history_is_not_lost_silently():
    from oarlock import torch

    dataset = [torch.ones(2, requires_grad=True) * 2]
    with pytest.raises(RuntimeError, match=r"detach\(\)"):
        list(DataLoader(dataset, num_workers=1))


def test_timeout():
    with pytest.raises(RuntimeError, match=r"^DataLoader timed out after 0\.2 seconds$"):
        next(iter(DataLoader(Sleepy(1), num_workers=1, timeout=0.2)))


def test_a_killed_worker_is_noticed_at_once():
    batches = iter(DataLoader(Mortal(9), num_workers=2))
    seen: list[int] = []
    with pytest.raises(
        RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly"
    ):
        seen.extend(batch.item() for batch in batches)
    # How many came before depends on which of the two workers was faster.
    assert seen == [0, 1, 2, 3, 4][: len(seen)]


def test_workers_end_with_their_iterator():
    before = multiprocessing.active_children()
    batches = iter(DataLoader(Ints(1000), num_workers=2))
    next(batches)
    workers = [worker for worker in multiprocessing.active_children() if worker not in before]
    assert len(workers) == 2
    del batches
    gc.collect()
    assert not any(worker.is_alive() for worker in workers)


def test_workers_end_while_another_loaders_run():
    before = len(multiprocessing.active_children())
    one, two = (iter(DataLoader(Ints(50), num_workers=1)) for _ in range(2))
    next(one)
    next(two)
    start = time.monotonic()
    del one
    gc.collect()
    assert len(multiprocessing.active_children()) == before + 1
    # Less than what force is used after.
    assert time.monotonic() - start < 4
    assert len(list(two)) == 49


@pytest.mark.parametrize("count", [1, 100_000])
def test_large_and_many(same, count):
    def program(torch, data):
        class Rows:
            def __len__(self):
                return 5

            def __getitem__(self, index):
                return {"x": torch.full((count,), float(index)), "n": np.arange(count) + index}

        return [
            (batch["x"].sum(), batch["n"].sum(1), list(batch["x"].shape))
            for batch in data.DataLoader(Rows(), batch_size=2, num_workers=2)
        ]

    same(program)


def test_what_came_can_be_written_to():
    (x,) = DataLoader([np.zeros(100_000)], num_workers=1)
    x += 1
    assert x.sum().item() == 100_000


def test_half_precision_and_flags(same):
    def program(torch, data):
        dataset = data.TensorDataset(
            torch.arange(6).to(torch.bfloat16), torch.arange(6) > 2, torch.zeros(6, 0)
        )
        return list(data.DataLoader(dataset, batch_size=4, num_workers=1))

    same(program)


def test_as_they_come():
    loader = DataLoader(Ints(20), batch_size=None, num_workers=2, in_order=False)
    assert sorted(index for index, _ in loader) == list(range(20))


def test_slow_worker_out_of_order():
    class Slow(Ints):
        def __getitem__(self, index):
            if index == 0:
                time.sleep(0.5)
            return index

    loader = DataLoader(Slow(6), batch_size=None, num_workers=2, in_order=False)
    assert next(iter(loader)) != 0
    assert sorted(loader) == list(range(6))


def test_spawned_workers():
    loader = DataLoader(Ints(5), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    assert [index.tolist() for index, _ in loader] == [[0, 1], [2, 3], [4]]


def test_no_batches_ahead_is_refused():
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(DataLoader(Ints(2), num_workers=1, prefetch_factor=0))


def test_iterators_are_not_pickled():
    with pytest.raises(NotImplementedError):
        pickle.dumps(iter(DataLoader(Ints(2))))


def test_more_workers_than_processors():
    count = len(os.sched_getaffinity(0))
    with pytest.warns(UserWarning, match=f"create {count + 1} worker processes in total. Our sugg"):
        DataLoader(Ints(2), num_workers=count + 1)
