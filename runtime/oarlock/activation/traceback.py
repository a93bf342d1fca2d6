"""The traceback of a failure under ``oarlock run``: the user's lines, then the route, then the page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from traceback import StackSummary, TracebackException
from types import CodeType, FrameType, TracebackType
from typing import Any

import oarlock
from oarlock import catalog

# The function whose callees are the user's; the frames down to it start the process.
START: CodeType | None = None
_OURS = os.path.dirname(oarlock.__file__) + os.sep


def show(kind: type[BaseException], error: BaseException, start: TracebackType | None) -> None:
    """Print an uncaught exception; Python's exit code stays what it is.

    Frames inside Oarlock and Paddle are left out, unless ``OARLOCK_TRACEBACK=full``.
    """
    print(described(kind, error, start), end="", file=sys.stderr)


def described(kind: type[BaseException], error: BaseException, start: TracebackType | None) -> str:
    """What `show` prints."""
    trace = start
    while trace and trace.tb_frame.f_code is not START:
        trace = trace.tb_next
    trace = trace.tb_next if trace else start
    while trace and _starts(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    summary = TracebackException(kind, error, trace)
    full = os.environ.get("OARLOCK_TRACEBACK") == "full"
    hidden = 0 if full else sum(_hide(part) for part in _chain(summary))
    parts = ["".join(summary.format())]
    if explanation := _explanation(trace):
        parts.append(f"\n{explanation}\n")
    if hidden:
        frames = f"{hidden} frames" if hidden > 1 else "1 frame"
        parts.append(
            f"\n({frames} inside Oarlock and Paddle left out; OARLOCK_TRACEBACK=full shows all.)\n"
        )
    return "".join(parts)


def _chain(summary: TracebackException | None) -> Iterator[TracebackException]:
    """An exception, what caused it, and the members of a group."""
    if summary is not None:
        yield summary
        members = getattr(summary, "exceptions", None) or ()
        for part in (summary.__cause__, summary.__context__, *members):
            yield from _chain(part)


def _hide(summary: TracebackException) -> int:
    """Take inner frames out; return how many of them are neither runpy's nor the runner's."""
    frames = list(summary.stack)
    shown = [frame for frame in frames if not _is_inner(frame.filename)]
    hidden = sum(_is_inner(frame.filename) and not _starts(frame.filename) for frame in frames)
    summary.stack = StackSummary.from_list(shown)
    return hidden


def _starts(file: str) -> bool:
    return file.startswith(os.path.dirname(__file__)) or _is_runpy(file)


def _is_runpy(file: str) -> bool:
    return file == "<frozen runpy>" or file.endswith(f"{os.sep}runpy.py")


def _is_inner(file: str) -> bool:
    paddle = getattr(sys.modules.get("paddle"), "__file__", None)
    inside = (_OURS, os.path.dirname(paddle) + os.sep) if paddle else (_OURS,)
    return file.startswith(inside) or _is_runpy(file)


def _explanation(trace: TracebackType | None) -> str | None:
    """The route of the call that failed, in words: the one that the last user's line made."""
    inner: list[FrameType] = []
    while trace:
        frame = trace.tb_frame
        if _is_inner(frame.f_code.co_filename):
            inner.append(frame)
        else:
            inner.clear()
        trace = trace.tb_next
    for frame in inner:
        api = _api(frame)
        if api is not None:
            return _route(api, frame)
    return None


def _api(frame: FrameType) -> str | None:
    """The torch-side name of a function that a frame runs, or of the class whose method it is."""
    module = frame.f_globals.get("__name__")
    name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
    names = [name, name.partition(".")[0]]
    if "self" in frame.f_locals:
        names.append(type(frame.f_locals["self"]).__qualname__)
    return next(filter(None, (catalog.api_at(f"{module}:{name}") for name in names)), None)


def _route(api: str, frame: FrameType) -> str:
    from oarlock.errors import link
    from oarlock.explanation import explain

    code, values = frame.f_code, frame.f_locals
    names = code.co_varnames
    plain, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    args: list[Any] = [values.get(name) for name in names[:plain]]
    kwargs: dict[str, Any] = {name: values.get(name) for name in names[plain:named]}
    if code.co_flags & 0x04:  # *args
        args += values.get(names[named], ())
        named += 1
    if code.co_flags & 0x08:  # **kwargs
        kwargs |= values.get(names[named], {})
    try:
        return str(explain(api, *args, **kwargs))
    except Exception:
        # The call failed before it had arguments to be explained with: the page remains.
        return f"{api}\n  {link(api)}"
