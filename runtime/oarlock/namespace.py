"""Torch-side namespaces whose names load on first use and whose missing names say so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from opcode import opmap
from types import FrameType
from typing import Any

from oarlock import reexports
from oarlock.errors import OarlockError, UnmappedError, UnmappedImportError
from oarlock.loading import load_module

NO_PADDLE = (
    "Oarlock needs PaddlePaddle, and neither paddlepaddle nor paddlepaddle-gpu is installed. "
    "On a CPU: pip install paddlepaddle==3.3.1. On a GPU: https://www.paddlepaddle.org.cn/install/quick"
)


def namespace(
    torch_name: str, homes: Mapping[str, str], scope: dict[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a generated namespace module.

    Args:
        torch_name: the namespace's name on the torch side, for example ``"flash_attn"``.
        homes: each public name to where it is defined: ``module:name``, or a module.
        scope: the module's globals, where loaded names are kept.

    The ``__getattr__`` raises UnmappedError for a name without a record (UnmappedImportError for
    ``from namespace import name``, which would hide an AttributeError's message), and ImportError
    with the install command where Paddle is missing.
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            if name == "__version__" and "." not in torch_name:
                from oarlock.torch_version import version

                return version(torch_name)
            if name.startswith("__"):
                raise AttributeError(name)
            if (found := reexports.find(f"{torch_name}.{name}")) is not None:
                return found
            try:
                return getattr(reexports.home(torch_name), name)
            except AttributeError:
                raise unmapped(torch_name, name, sys._getframe(1)) from None
        path, _, attribute = home.partition(":")
        try:
            module = load_module(path)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "paddle":
                raise ImportError(NO_PADDLE, name="paddle") from None
            raise
        value = getattr(module, attribute) if attribute else module
        scope[name] = value
        return value

    def names() -> list[str]:
        shared = reexports.home(torch_name)
        return sorted({*scope, *homes, *(dir(shared) if shared else ())})

    return load, names


def unmapped(torch_name: str, name: str, caller: FrameType) -> OarlockError:
    """The error for a name without a record, in the kind that its caller shows to the user.

    Args:
        torch_name: the namespace.
        name: the name that it has not.
        caller: the frame that asks for the name; ``from … import …`` there would hide the message
            of an AttributeError.
    """
    code = caller.f_code.co_code
    error = UnmappedImportError if code[caller.f_lasti] == opmap["IMPORT_FROM"] else UnmappedError
    return error(
        api=f"{torch_name}.{name}",
        reason="Oarlock has no record of this API yet",
        advice="The index lists what is mapped",
    )
