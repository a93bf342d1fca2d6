"""How batches cross from a worker process: pickles in a pipe, large arrays beside them, not copied."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import queue
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

# Bytes from which an array is not copied into the pickle.
LARGE = 1 << 16
# Bytes that a pipe holds, where the system lets it be set: its default makes a large array cross in
# thousands of system calls.
PIPE = 1 << 20
_ON_FILES = os.name == "posix"


def pack(value: Any) -> list[Any]:
    """The pickle of a value, preceded by the sizes of its large arrays and followed by these."""
    large: list[Any] = []

    def kept_in(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < LARGE:
            return True
        large.append(view)
        return False

    pickled = io.BytesIO()
    ForkingPickler(pickled, 5, True, kept_in).dump(value)
    return [pickle.dumps([view.nbytes for view in large]), pickled.getbuffer(), *large]


def send(connection: Connection, packed: list[Any]) -> None:
    """Write what `pack` made."""
    sizes, pickled, *large = packed
    connection.send_bytes(sizes)
    connection.send_bytes(pickled)
    for view in large:
        _write(connection, view)


def receive(connection: Connection) -> Any:
    """Read a value that `send` wrote; EOFError or OSError where the writer went away before."""
    sizes = pickle.loads(connection.recv_bytes())
    pickled = connection.recv_bytes()
    return pickle.loads(pickled, buffers=[_read(connection, size) for size in sizes])


def _write(connection: Connection, view: memoryview) -> None:
    if not _ON_FILES:
        connection.send_bytes(view)
        return
    while view:
        view = view[os.write(connection.fileno(), view) :]


def _read(connection: Connection, size: int) -> np.ndarray:
    array = np.empty(size, np.uint8)
    # Memory that is not cleared first, as a bytearray's is.
    view = array.data
    if not _ON_FILES:
        connection.recv_bytes_into(view)
        return array
    while view:
        count = os.readv(connection.fileno(), [view])
        if not count:
            raise EOFError
        view = view[count:]
    return array


def pipe(context: Any) -> tuple[Connection, Connection]:
    """The reading and the writing end of a pipe with room for a few batches' keys."""
    reader, writer = context.Pipe(duplex=False)
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, PIPE)
    return reader, writer


class Sender:
    """Sends in a thread of its own, so that a worker goes on while the pipe is full."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def put(self, packed: list[Any]) -> None:
        """Send what `pack` made when its turn comes."""
        self._waiting.put(packed)

    def finish(self, stop: Any) -> None:
        """Wait until all is sent, or nobody wants it any more."""
        self._waiting.put(None)
        while self._thread.is_alive() and not stop.value:
            self._thread.join(0.05)

    def _serve(self) -> None:
        # The main process may have gone.
        with contextlib.suppress(OSError):
            while (packed := self._waiting.get()) is not None:
                send(self._connection, packed)
