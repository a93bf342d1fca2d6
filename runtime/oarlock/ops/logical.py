"""Truth of elements, and the logical connectives."""

from __future__ import annotations

from typing import Any

from paddle import _C_ops

from oarlock.ops.elementwise import mismatch, require_tensors
from oarlock.ops.promotion import BOOL


def truth(x: Any) -> Any:
    """Where x is not zero; nan counts as true."""
    if x.dtype is BOOL:
        return x
    return _C_ops.cast(x.detach(), BOOL)


def _connected(kernel: Any, input: Any, other: Any) -> Any:
    require_tensors("logical", input, other)
    a, b = truth(input), truth(other)
    try:
        return kernel(a, b)
    except ValueError as error:
        raise mismatch(a, b, error) from None


def logical_and(input: Any, other: Any) -> Any:
    """Where both are not zero.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return _connected(_C_ops.logical_and, input, other)


def logical_or(input: Any, other: Any) -> Any:
    """Where one of the two is not zero.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return _connected(_C_ops.logical_or, input, other)


def logical_xor(input: Any, other: Any) -> Any:
    """Where exactly one of the two is not zero.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    return _connected(_C_ops.logical_xor, input, other)


def logical_not(input: Any) -> Any:
    """Where input is zero."""
    return _C_ops.logical_not(truth(input))
