"""checkpoint and checkpoint_sequential."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import oarlock.torch as torch
from oarlock.checkpoint.frame import CHECKS, CheckpointError, Frame
from oarlock.checkpoint.reentrant import (
    CheckpointFunction,
    check_backward_validity,
    detach_variable,
)
from oarlock.errors import UnsupportedError
from oarlock.nn.tensors import Tensor

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]

_debug: bool | None = None
Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


def noop_context_fn() -> Contexts:
    """Return two context managers that do nothing."""
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Override ``debug`` of all checkpoints inside; True is refused where one is reached."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """A block that changes nothing: recomputation always runs to the function's end."""
    yield


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function and keep nothing of it for backward, which runs it again.

    Args:
        function: what to call; it has to do the same when it is called again.
        args: its positional arguments.
        use_reentrant: True keeps the arguments in a Function whose backward runs a backward pass of
            its own; False works by what operations save, with keyword arguments, with gradients of
            what the function closes over, and with ``torch.autograd.grad``. True with a warning
            where left out.
        context_fn: returns context managers around forward and around the recomputation.
        determinism_check: ``"default"`` compares shape, dtype and device of what is saved,
            ``"none"`` nothing.
        debug: refused where True.
        early_stop: accepted; recomputation runs to the function's end, with the same gradients.
        kwargs: ``preserve_rng_state``, whether the same random numbers are drawn again (True); the
            rest goes to the function.

    Returns:
        What the function returns.

    Raises:
        ValueError: what only ``use_reentrant=False`` takes, or an unknown check.
        CheckpointError: in backward, where the function saved something else.
        UnsupportedError: ``debug=True``.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly; "
            "without it True is taken, and use_reentrant=False is recommended.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return CheckpointFunction.apply(function, preserve, *args)
    if debug if _debug is None else _debug:
        raise UnsupportedError(
            api="torch.utils.checkpoint.checkpoint",
            parameter="debug",
            given="True",
            reason="Paddle does not report the operations that are run",
            advice="Leave it out; the gradients are the same",
        )
    if determinism_check not in CHECKS:
        raise ValueError(
            f"determinism_check should be one of {list(CHECKS)}, but got {determinism_check}"
        )
    forward_context, recompute_context = context_fn()
    if not torch.is_grad_enabled():
        return function(*args, **kwargs)
    bound = functools.partial(function, **kwargs) if kwargs else function
    frame = Frame(bound, args, preserve, recompute_context, CHECKS[determinism_check])
    with frame.recording(), forward_context:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Tensor, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Call functions one after the other, in segments of which all but the last are checkpointed.

    Args:
        functions: a Sequential, or a list of modules or functions.
        segments: into how many parts they are divided.
        input: of the first function.
        use_reentrant: as of `checkpoint`.
        kwargs: ``preserve_rng_state`` alone.

    Raises:
        ValueError: another keyword argument.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly; without it True is taken, and use_reentrant=False is recommended.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if isinstance(functions, torch.nn.Sequential) else functions
    size = len(steps) // segments
    end = size * (segments - 1)
    for start in range(0, end, size) if end else ():
        segment = functools.partial(_in_turn, steps[start : start + size])
        input = checkpoint(segment, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _in_turn(steps[end:], input)


def _in_turn(functions: Any, input: Any) -> Any:
    for function in functions:
        input = function(input)
    return input
