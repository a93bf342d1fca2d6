"""Which globals of a checkpoint weights_only=True would refuse, without loading it."""

from __future__ import annotations

import os
import pickletools
from contextlib import nullcontext
from typing import Any

from oarlock.serialization.archive import Archive, from_here, is_zip
from oarlock.serialization.restricted import modern
from oarlock.serialization.safe_globals import Admitted


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The full names of a checkpoint's globals that ``torch.load(weights_only=True)`` refuses.

    Args:
        f: a path or binary file, of the zip format.

    Raises:
        ValueError: it is in the older format.
    """
    is_path = isinstance(f, (str, os.PathLike))
    with open(f, "rb") if is_path else nullcontext(f) as file:
        if not is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        pickled = Archive(from_here(file)).record("data.pkl")
    admitted = Admitted()
    return sorted({name for name in _globals(pickled) if not admitted.admits(name)})


def _globals(pickled: bytes) -> list[str]:
    found: list[str] = []
    # STACK_GLOBAL takes the two strings put last, directly or from the memo.
    texts: list[str] = []
    memo: dict[int, str] = {}
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            found.append(".".join(modern(*str(argument).split(" ", 1))))
        elif opcode.name == "STACK_GLOBAL":
            found.append(".".join(texts[-2:]))
        elif opcode.name.endswith("UNICODE"):
            texts.append(str(argument))
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = texts[-1] if texts else ""
        elif opcode.name.endswith("BINGET") and argument in memo:
            texts.append(memo[argument])
    return found
