"""Torch-side namespaces whose names load on first use and whose missing names say so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from opcode import opmap
from typing import Any

from oarlock.errors import UnmappedError, UnmappedImportError

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
        homes: each public name to the module that defines it.
        scope: the module's globals, where loaded names are kept.

    The ``__getattr__`` raises UnmappedError for a name without a record (UnmappedImportError for
    ``from namespace import name``, which would hide an AttributeError's message), and ImportError
    with the install command where Paddle is missing.
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            if name.startswith("__"):
                raise AttributeError(name)
            error = UnmappedImportError if _asked_by_import(sys._getframe(1)) else UnmappedError
            raise error(
                api=f"{torch_name}.{name}",
                reason="Oarlock has no record of this API yet",
                advice="The index lists what is mapped",
            )
        try:
            module = import_module(home)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "paddle":
                raise ImportError(NO_PADDLE, name="paddle") from None
            raise
        value = module if home == f"oarlock.{torch_name}.{name}" else getattr(module, name)
        scope[name] = value
        return value

    return load, lambda: sorted({*scope, *homes})


def _asked_by_import(caller: Any) -> bool:
    return caller.f_code.co_code[caller.f_lasti] == opmap["IMPORT_FROM"]
