"""What runs in a loader's worker process."""

from __future__ import annotations

import os
import random
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from oarlock.data.channel import Sender, pack
from oarlock.data.fetch import Fetcher

# Seconds between looks at whether the main process is still there.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Of the worker process that asks: its number, of how many, its seed and copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of a loader's worker process; None in the main process."""
    return _info


@dataclass(frozen=True)
class Ended:
    """A worker's iterable dataset has no more samples."""


@dataclass(frozen=True)
class Resume:
    """Start the dataset anew: a persistent worker's next epoch. It is answered by itself."""


class _Plain(str):
    """A text that a KeyError shows as it is, with its line breaks."""

    def __repr__(self) -> str:
        return str(self)


class Failure:
    """An error in a worker, raised again in the main process under its own type."""

    def __init__(self, error: BaseException, worker: int) -> None:
        self.kind: type[BaseException] = type(error)
        self.text = (
            f"Caught {self.kind.__name__} in DataLoader worker process {worker}.\n"
            f"Original {''.join(traceback.format_exception(error))}"
        )

    def reraise(self) -> None:
        """Raise it, with the worker's traceback as its message."""
        message = _Plain(self.text) if self.kind is KeyError else self.text
        if getattr(self.kind, "message", None):
            raise self.kind(message=message)  # pyright: ignore[reportCallIssue]
        try:
            error = self.kind(message)
        except Exception:
            # Its constructor wants other arguments.
            raise RuntimeError(message) from None
        raise error

    def packed(self, place: Any) -> list[Any]:
        """It, ready to be sent; as a RuntimeError where its type can't be."""
        try:
            return pack((place, self))
        except Exception:
            self.kind = RuntimeError
            return pack((place, self))


class _Worker:
    """Serves one task after another."""

    def __init__(self, number: int, init: Any, setting: tuple[Any, ...]) -> None:
        self.number, self.setting = number, setting
        self.fetcher: Fetcher | None = None
        self.failure: Failure | None = None
        self.ended = False
        self._start(init)

    def _start(self, init: Any = None) -> None:
        self.ended, self.failure = False, None
        try:
            if init is not None:
                init(self.number)
            self.fetcher = Fetcher(*self.setting)
        except Exception as error:
            # Raised in place of the first batch.
            self.failure = Failure(error, self.number)

    def answer(self, task: Any) -> list[Any] | None:
        """The packed answer to a task; None where the dataset has ended and that was said."""
        if isinstance(task, Resume):
            self._start()
            return pack((task, None))
        if self.ended:
            return None
        place, keys = task
        if self.failure is not None:
            failure, self.failure = self.failure, None
            return failure.packed(place)
        try:
            assert self.fetcher is not None
            return pack((place, self.fetcher.fetch(keys)))
        except StopIteration as error:
            if self.fetcher is None or self.fetcher.iterator is None:
                return Failure(error, self.number).packed(place)
            self.ended = True
            return pack((place, Ended()))
        except Exception as error:
            return Failure(error, self.number).packed(place)


def run(
    number: int,
    count: int,
    base_seed: int,
    init: Any,
    setting: tuple[Any, ...],
    tasks: Connection,
    results: Connection,
    stop: Any,
) -> None:
    """Serve tasks until None comes or the main process is gone.

    Args:
        number: the worker's, from 0.
        count: the number of workers.
        base_seed: the loader's seed; the worker's own is this plus its number.
        init: the user's ``worker_init_fn`` or None.
        setting: the arguments of `Fetcher`.
        tasks: gives (place, keys), `Resume` or None.
        results: takes (place, batch, `Ended` or `Failure`), or (`Resume`, None).
        stop: its ``value`` is true once nobody wants results any more.
    """
    global _info
    try:
        parent = os.getppid()
        seed = base_seed + number
        _prepare(seed, numpy_seed(base_seed, number))
        _info = WorkerInfo(number, count, seed, setting[0])
        worker = _Worker(number, init, setting)
        sender = Sender(results)
        while not stop.value:
            if not tasks.poll(PATIENCE):
                if os.getppid() != parent:
                    return
                continue
            task = tasks.recv()
            if task is None:
                break
            if not stop.value and (answer := worker.answer(task)) is not None:
                sender.put(answer)
        sender.finish(stop)
    except (KeyboardInterrupt, EOFError):
        # The main process raises the first too, and has gone where the second is raised.
        return


def _prepare(seed: int, for_numpy: list[int]) -> None:
    """Seed all generators, and keep Paddle to this process's part of the machine."""
    import paddle

    import oarlock.torch as torch

    # A forked process can't use its parent's GPU.
    paddle.device.set_device("cpu")
    random.seed(seed)
    torch.manual_seed(seed)
    np.random.seed(for_numpy)


def numpy_seed(base_seed: int, worker: int) -> list[int]:
    """The four words that a worker seeds numpy's global generator with.

    They are numpy's own mixing of the two numbers (numpy.random.SeedSequence, whose pool of four
    32-bit words torch fills in this order).
    """
    entropy = [worker, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return [int(word) for word in np.random.SeedSequence(entropy).generate_state(4)]
