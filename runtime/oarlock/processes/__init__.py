"""torch.multiprocessing: Python's multiprocessing, spawn, and sharing strategies.

Tensors that are sent between processes are copied: Paddle can't move a tensor's storage into shared
memory.
"""

import multiprocessing as _standard
from multiprocessing import *  # noqa: F403
from multiprocessing import reducer as reducer
from multiprocessing.connection import Connection as Connection

from oarlock.processes.sharing import (
    get_all_sharing_strategies as get_all_sharing_strategies,
)
from oarlock.processes.sharing import get_sharing_strategy as get_sharing_strategy
from oarlock.processes.sharing import set_sharing_strategy as set_sharing_strategy
from oarlock.processes.spawn import ProcessContext as ProcessContext
from oarlock.processes.spawn import ProcessExitedException as ProcessExitedException
from oarlock.processes.spawn import ProcessRaisedException as ProcessRaisedException
from oarlock.processes.spawn import spawn as spawn
from oarlock.processes.spawn import start_processes as start_processes

__all__ = [
    *_standard.__all__,
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
]
