"""Running a script under PyTorch in a process that has PyTorch imported already."""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path

# Forked from a server that nothing but torch is imported into: its import takes longer than a script.
READY = multiprocessing.get_context("forkserver")
READY.set_forkserver_preload(["torch", "torch._dynamo"])


def run(script: Path, arguments: list[str], log: Path, timeout: float) -> int | None:
    """Do as ``python script *arguments``, its output into ``log``; return the exit code."""
    process = READY.Process(target=_run, args=(script, arguments, log))
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode


def _run(script: Path, arguments: list[str], log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.argv = [str(script), *arguments]
    sys.modules["torch"].set_num_threads(1)
    runpy.run_path(str(script), run_name="__main__")
