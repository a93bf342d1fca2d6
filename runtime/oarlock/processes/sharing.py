"""How torch would share tensors' memory between processes: a setting that is remembered."""

from __future__ import annotations

import sys

_ALL = (
    {"file_system"} if sys.platform in ("darwin", "win32") else {"file_descriptor", "file_system"}
)


class _State:
    strategy = "file_system" if sys.platform in ("darwin", "win32") else "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Remember a strategy; tensors are copied in any case.

    Raises:
        AssertionError: there is no such strategy.
    """
    if new_strategy not in _ALL:
        raise AssertionError(f"invalid sharing strategy {new_strategy!r}, expected one of {_ALL}")
    _State.strategy = new_strategy


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` was last given."""
    return _State.strategy


def get_all_sharing_strategies() -> set[str]:
    """The strategies that torch has on this system."""
    return _ALL
