"""``oarlock run``: a script or a module, as Python runs it, with Oarlock activated."""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
import warnings
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any, NoReturn

from oarlock.activation import traceback
from oarlock.activation.switch import activate

USAGE = """\
usage: oarlock run [-h] script [argument ...]
       oarlock run [-h] -m module [argument ...]

Run a Python script or module written for PyTorch on PaddlePaddle: `import torch` and
`import flash_attn` give Oarlock's modules. Everything else is as with `python`.
"""
# Python's own exit code where it can't open a script, and for wrong usage.
_WRONG_USAGE = 2


def main(arguments: list[str]) -> None:
    """Run what the arguments after ``oarlock run`` say.

    Raises:
        SystemExit: on ``-h``, wrong usage, a file that can't be opened, or from the script.
        Exception: what the script raises; `oarlock.activation.traceback` then prints it.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else _WRONG_USAGE)
    first, rest = arguments[0], arguments[1:]
    if first.startswith("-m"):
        # As python's own, -m takes its module from the same word or the next.
        module, rest = (first[2:], rest) if first[2:] else (rest[0] if rest else "", rest[1:])
        if not module:
            _wrong("argument expected for -m")
        _prepare(os.getcwd(), ["-m", *rest])
        _execute(runpy.run_module, module, run_name="__main__", alter_sys=True)
    elif first.startswith("-"):
        _wrong(f"unknown option {first}; options of the script go after its name")
    else:
        _run_path(first, rest)


def _run_path(path: str, arguments: list[str]) -> None:
    if os.path.isdir(path) or path.endswith((".pyc", ".zip", ".pyz")):
        _prepare(None, [path, *arguments])
        _execute(runpy.run_path, path, run_name="__main__")
        return
    file = os.path.abspath(path)
    try:
        with io.open_code(file) as opened:
            source = opened.read()
    except OSError as error:
        _wrong(f"can't open file {path!r}: {error.strerror}")
    _prepare(os.path.dirname(os.path.realpath(file)), [path, *arguments])
    _execute(_run_source, source, file)


def _run_source(source: bytes, file: str) -> None:
    # A module of its own that stays in sys.modules, so that pickling, threads and exit handlers
    # find the script's names until the process ends.
    module = ModuleType("__main__")
    scope: dict[str, Any] = {
        "__builtins__": builtins,
        "__cached__": None,
        "__file__": file,
        "__loader__": SourceFileLoader("__main__", file),
        "__package__": None,
    }
    vars(module).update(scope)
    sys.modules["__main__"] = module
    exec(compile(source, file, "exec", dont_inherit=True), vars(module))


def _prepare(folder: str | None, argv: list[str]) -> None:
    sys.argv[:] = argv
    if folder is not None and not getattr(sys.flags, "safe_path", False):
        # In place of the folder of the oarlock command, or of python -m oarlock.
        sys.path[0] = folder
    # Paddle says so at every import, and it concerns building extensions only.
    warnings.filterwarnings("ignore", message="No ccache found")
    activate()
    sys.excepthook = traceback.show


def _execute(function: Any, *args: Any, **kwargs: Any) -> None:
    """Call what runs the user's code; tracebacks are shown from here on."""
    function(*args, **kwargs)


traceback.START = _execute.__code__


def _wrong(message: str) -> NoReturn:
    print(f"oarlock run: {message}", file=sys.stderr)
    sys.exit(_WRONG_USAGE)
