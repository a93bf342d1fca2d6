"""Introspection: what the installed frameworks accept, as a signature lock."""

from oarlock_generator.introspect.from_flash_attn import lock_flash_attn
from oarlock_generator.introspect.from_paddle import lock_paddle
from oarlock_generator.introspect.from_torch import lock_torch
from oarlock_generator.introspect.lockfile import (
    PYTHON,
    check_lock,
    differences,
    installed_locks,
    write_lock,
    write_locks,
)

__all__ = [
    "PYTHON",
    "check_lock",
    "differences",
    "installed_locks",
    "lock_flash_attn",
    "lock_paddle",
    "lock_torch",
    "write_lock",
    "write_locks",
]
