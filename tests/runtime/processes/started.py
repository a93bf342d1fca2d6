"""What the processes that a test starts do."""

import os
import signal


def write(rank, folder, value):
    """Say which process this is, and what it got."""
    (folder / f"{rank}.txt").write_text(str(value))


def fail(rank, folder, value):
    """Raise in the second process."""
    if rank == 1:
        raise KeyError("rank one")


def leave(rank, folder, value):
    """End with an exit code."""
    os._exit(3)


def die(rank, folder, value):
    """End by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)
