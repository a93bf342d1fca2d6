"""torch.multiprocessing.spawn: processes that run one function, and whose errors come back."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any


class ProcessException(Exception):  # noqa: N818 - torch's name
    """A process that failed.

    Args:
        msg: what happened.
        error_index: which process it was.
        error_pid: its process id.
    """

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.error_pid = msg, error_index, error_pid

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.msg, self.error_index, self.error_pid)


class ProcessRaisedException(ProcessException):
    """A process whose function raised an error."""


class ProcessExitedException(ProcessException):
    """A process that a signal or an exit code ended.

    Args:
        msg: what happened.
        error_index: which process it was.
        error_pid: its process id.
        exit_code: its exit code, negative for a signal.
        signal_name: the signal's name, "SIGKILL" for example.
    """

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        exit_code: int,
        signal_name: str | None = None,
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> tuple[Any, ...]:
        given = (self.msg, self.error_index, self.error_pid, self.exit_code, self.signal_name)
        return type(self), given


def _run(fn: Callable[..., Any], index: int, args: tuple[Any, ...], report: str) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        Path(report).write_bytes(pickle.dumps(traceback.format_exc()))
        sys.exit(1)


class ProcessContext:
    """Processes that were started together.

    Args:
        processes: in the order of their indices.
        error_files: where each leaves its traceback.
    """

    def __init__(self, processes: Sequence[Any], error_files: Sequence[str]) -> None:
        self.processes, self.error_files = list(processes), list(error_files)
        self.sentinels = {process.sentinel: n for n, process in enumerate(self.processes)}

    def pids(self) -> list[int]:
        """The processes' ids."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for a process to end, and return whether all have ended.

        Args:
            timeout: seconds to wait at most.
            grace_period: seconds that the others get when one has failed, before they are ended.

        Raises:
            ProcessRaisedException: a process raised an error; its traceback is in the message.
            ProcessExitedException: a process was ended otherwise.
        """
        if not self.sentinels:
            return True
        failed = None
        for sentinel in wait(list(self.sentinels), timeout=timeout):
            index = self.sentinels.pop(sentinel)  # type: ignore[arg-type]
            process = self.processes[index]
            process.join()
            if process.exitcode != 0:
                failed = index
                break
        if failed is None:
            return not self.sentinels
        if grace_period is not None:
            self._wait(grace_period)
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        self._wait(30 if grace_period is None else grace_period)
        for process in self.processes:
            if process.is_alive():
                process.kill()
            process.join()
        raise self._error(failed)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.0, end - time.monotonic()))

    def _error(self, index: int) -> ProcessException:
        process, report = self.processes[index], Path(self.error_files[index])
        if report.exists():
            text = pickle.loads(report.read_bytes())
            report.unlink()
            message = f"\n\n-- Process {index} terminated with the following error:\n{text}"
            return ProcessRaisedException(message, index, process.pid)
        code = process.exitcode
        if code >= 0:
            message = f"process {index} terminated with exit code {code}"
            return ProcessExitedException(message, index, process.pid, code)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"<Unknown signal {-code}>"
        message = f"process {index} terminated with signal {name}"
        return ProcessExitedException(message, index, process.pid, code, name)


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(index, *args)`` in several processes.

    Args:
        fn: a function of a module, so that it can be pickled; its tensors are copied.
        args: what it gets after its index.
        nprocs: how many processes.
        join: whether to wait for all of them; else a `ProcessContext` is returned.
        daemon: whether they end with this process.
        start_method: "spawn", "fork" or "forkserver".

    Raises:
        ProcessRaisedException, ProcessExitedException: a process failed; the others are ended.
    """
    context = multiprocessing.get_context(start_method)
    folder = tempfile.mkdtemp(prefix="oarlock-processes-")
    reports = [str(Path(folder) / f"{n}.pickle") for n in range(nprocs)]
    processes = []
    for n, report in enumerate(reports):
        process = context.Process(  # type: ignore[attr-defined]
            target=_run, args=(fn, n, args, report), daemon=daemon
        )
        process.start()
        processes.append(process)
    found = ProcessContext(processes, reports)
    if not join:
        return found
    while not found.join():
        pass
    Path(folder).rmdir()
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """`start_processes` by "spawn"; another ``start_method`` is a FutureWarning."""
    if start_method != "spawn":
        warnings.warn(
            f"This method only supports start_method=spawn (got: {start_method}).\n"
            "To use a different start_method use torch.multiprocessing.start_processes(...)",
            FutureWarning,
            stacklevel=2,
        )
    return start_processes(fn, args, nprocs, join, daemon)
