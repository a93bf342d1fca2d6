"""The pass over a loader whose batches come from worker processes."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import pickle
import time
import warnings
import weakref
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from oarlock.data.channel import pipe, receive
from oarlock.data.iteration import BaseIterator
from oarlock.data.worker import PATIENCE, Ended, Failure, Resume, run

if TYPE_CHECKING:
    from oarlock.data.loader import DataLoader


class Worker:
    """A worker process as the main process sees it."""

    def __init__(self, context: Any, arguments: tuple[Any, ...], stop: Any) -> None:
        its_tasks, self.tasks = pipe(context)
        self.results, its_results = pipe(context)
        self.active = True
        self.waiting = 0
        """How many tasks it was given whose results were not returned."""
        self.process = context.Process(
            target=run, args=(*arguments, its_tasks, its_results, stop), daemon=True
        )
        try:
            self.process.start()
        except (TypeError, AttributeError, pickle.PicklingError):
            warnings.warn(
                "Got pickle error when attempting to start a worker Process. "
                "This might be because the worker Process arguments are not picklable. "
                "Python 3.14+ changed the multiprocessing start method in non-Mac POSIX platforms "
                "to 'forkserver', which requires the worker Process arguments to be picklable. "
                "You can also try multiprocessing.set_start_method('fork').",
                stacklevel=5,
            )
            self.close()
            raise
        finally:
            # Its ends: while this process holds them too, the worker's end is not seen.
            its_tasks.close()
            its_results.close()

    def give(self, task: Any) -> None:
        """Send it a task. That it died meanwhile is told when its results are asked for."""
        with contextlib.suppress(BrokenPipeError):
            self.tasks.send(task)

    def dismiss(self) -> None:
        """Send it away without waiting: where the pipe is full, it looks at ``stop`` next."""
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.set_blocking(self.tasks.fileno(), False)
            self.tasks.send(None)

    def close(self) -> None:
        """Close this process's ends of the pipes."""
        self.tasks.close()
        self.results.close()


def end(workers: list[Worker], stop: Any, owner: int) -> None:
    """Make all workers end, by force where they do not, and wait for them."""
    if os.getpid() != owner:
        # A process forked from the one that the workers are of.
        return
    stop.value = True
    for worker in workers:
        worker.dismiss()
    deadline = time.monotonic() + PATIENCE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.terminate()
            worker.process.join(PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.close()
    workers.clear()


class MultiProcessIterator(BaseIterator):
    """Gives tasks to workers ahead of their use, and their results in order."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        factor = loader.prefetch_factor
        if not factor or factor < 0:
            raise AssertionError(
                "prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter"
            )
        self._ahead = factor * self._num_workers
        self._in_order = loader.in_order
        self._timeout = loader.timeout
        self._persistent = loader.persistent_workers
        context = loader.multiprocessing_context or multiprocessing.get_context()
        self._stop = context.RawValue("b", False)
        self._workers: list[Worker] = []
        self._end = weakref.finalize(self, end, self._workers, self._stop, os.getpid())
        try:
            for number in range(self._num_workers):
                arguments = (
                    number,
                    self._num_workers,
                    self._base_seed,
                    loader.worker_init_fn,
                    self._setting,
                )
                self._workers.append(Worker(context, arguments, self._stop))
        except BaseException:
            self._end()
            raise
        self._begin()

    def _reset(self, loader: DataLoader[Any]) -> None:
        super()._reset(loader)
        for worker in self._workers:
            worker.active = True
            worker.give(Resume())
        # What was under way of the last epoch comes before a worker's answer.
        answers = 0
        while answers < len(self._workers):
            _, place, _ = self._receive()
            answers += isinstance(place, Resume)
        self._begin()

    def _begin(self) -> None:
        self._sent = 0
        self._due = 0
        self._owners: dict[int, Worker] = {}
        self._early: dict[int, Any] = {}
        self._turns = itertools.cycle(self._workers)
        for worker in self._workers:
            worker.waiting = 0
        for _ in range(self._ahead):
            self._assign()

    def _assign(self) -> None:
        """Give the next task to the worker whose turn it is."""
        try:
            keys = next(self._keys)
        except StopIteration:
            return
        active = sum(worker.active for worker in self._workers)
        for worker in itertools.islice(self._turns, len(self._workers)):
            if worker.active and (self._in_order or worker.waiting < self._ahead // active):
                worker.give((self._sent, keys))
                worker.waiting += 1
                self._owners[self._sent] = worker
                self._sent += 1
                return

    def _next_data(self) -> Any:
        while self._skip_to_due():
            if self._due in self._early:
                return self._return(self._due, self._early.pop(self._due))
            worker, place, data = self._receive()
            if isinstance(data, Ended):
                worker.active = False
                if not self._persistent:
                    worker.dismiss()
                self._assign()
            elif place == self._due or not self._in_order:
                return self._return(place, data)
            else:
                self._early[place] = data
        if not self._persistent:
            self._end()
        raise StopIteration

    def _skip_to_due(self) -> bool:
        """Pass over what was returned or will never come; whether there is more."""
        while self._due < self._sent:
            worker = self._owners.get(self._due)
            if worker is not None and (worker.active or self._due in self._early):
                return True
            self._owners.pop(self._due, None)
            self._due += 1
        return False

    def _return(self, place: int, data: Any) -> Any:
        self._owners.pop(place).waiting -= 1
        self._assign()
        if isinstance(data, Failure):
            data.reraise()
        return data

    def _receive(self) -> tuple[Worker, Any, Any]:
        """The next result of any worker, with the worker.

        Raises:
            RuntimeError: none came in time, or a worker died.
        """
        workers: dict[Connection | int, Worker] = {
            end: worker
            for worker in self._workers
            if worker.active
            for end in (worker.results, worker.process.sentinel)
        }
        ready = wait(list(workers), self._timeout if self._timeout > 0 else None)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        for end in ready:
            if not isinstance(end, int):
                # It may have gone away while it wrote.
                with contextlib.suppress(EOFError, OSError):
                    return workers[end], *receive(end)  # pyright: ignore[reportArgumentType]
        dead = []
        for worker in dict.fromkeys(workers[end] for end in ready):  # pyright: ignore[reportArgumentType]
            worker.process.join(PATIENCE)
            worker.active = False
            dead.append(worker)
        pids = ", ".join(str(worker.process.pid) for worker in dead)
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly")
