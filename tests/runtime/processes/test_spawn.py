"""torch.multiprocessing beside torch's: processes, their errors, and names of Python's module."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import started
import torch.multiprocessing as torch_processes

import oarlock.torch.multiprocessing as processes


def test_each_process_gets_its_index(tmp_path: Path) -> None:
    # Processes that are forked need not import anything again.
    processes.start_processes(started.write, (tmp_path, "x"), nprocs=2, start_method="fork")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.txt", "1.txt"]
    assert (tmp_path / "1.txt").read_text() == "x"


@pytest.mark.parametrize("way", ["fail", "leave", "die"])
def test_errors(way: str, tmp_path: Path) -> None:
    def said(module: Any) -> Any:
        context = module.start_processes(
            getattr(started, way), (tmp_path, 0), nprocs=2, join=False, start_method="fork"
        )
        error: Any = None
        while error is None:
            try:
                assert not context.join()
            except Exception as raised:
                error = raised
        text = str(error).strip().splitlines()
        words = (text[0], text[-1]) if way == "fail" else str(error)[len("process 0") :]
        return type(error).__name__, words, getattr(error, "exit_code", None)

    assert said(processes) == said(torch_processes)


def test_spawn(tmp_path: Path) -> None:
    context = processes.spawn(started.write, (tmp_path, 5), nprocs=1, join=False)
    assert context is not None
    assert len(context.pids()) == 1
    while not context.join(timeout=60):
        pass
    assert (tmp_path / "0.txt").read_text() == "5"


def test_names_of_multiprocessing() -> None:
    for name in ("Process", "Queue", "Pool", "get_context", "cpu_count", "Lock", "Manager"):
        assert getattr(processes, name) == getattr(multiprocessing, name)


def test_sharing_strategies() -> None:
    before = processes.get_sharing_strategy()
    assert before == torch_processes.get_sharing_strategy()
    assert processes.get_all_sharing_strategies() == torch_processes.get_all_sharing_strategies()
    processes.set_sharing_strategy("file_system")
    assert processes.get_sharing_strategy() == "file_system"
    processes.set_sharing_strategy(before)
    with pytest.raises(AssertionError, match="invalid sharing strategy"):
        processes.set_sharing_strategy("memory")
