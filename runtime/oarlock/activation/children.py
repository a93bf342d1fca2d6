"""Processes that multiprocessing starts afresh are activated as their parent is.

A forked process inherits everything. One that is spawned, or comes from a fork server, runs the
main script again under another name, and must be activated before that: what its parent sends
first is read before the script, and reading this part of it activates.
"""

from __future__ import annotations

from multiprocessing import spawn
from typing import Any


class _Activation:
    """Activates Oarlock where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        from oarlock.activation.switch import activate

        return activate, ()


_preparation = spawn.get_preparation_data


def _with_activation(name: str) -> dict[str, Any]:
    return {**_preparation(name), "oarlock": _Activation()}


def install() -> None:
    """Send the activation to children from now on."""
    global _preparation
    _preparation, spawn.get_preparation_data = spawn.get_preparation_data, _with_activation


def remove() -> None:
    """Send it no more."""
    if spawn.get_preparation_data is _with_activation:
        spawn.get_preparation_data = _preparation
