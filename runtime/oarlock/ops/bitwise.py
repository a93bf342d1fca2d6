"""Bits of integers and bools: and, or, xor, not, shifts."""

from __future__ import annotations

from typing import Any

from paddle import _C_ops

from oarlock.ops.elementwise import mismatch
from oarlock.ops.promotion import category, promoted


def _bits(name: str, kernel: Any, input: Any, other: Any) -> Any:
    a, b = promoted(input, other)
    if category(a.dtype) > 1:
        raise RuntimeError(f"\"{name}\" not implemented for 'Float'")
    try:
        return kernel(a, b)
    except ValueError as error:
        raise mismatch(a, b, error) from None


def bitwise_and(input: Any, other: Any) -> Any:
    """``input`` & other.

    Raises:
        RuntimeError: floating-point or complex operands; the shapes do not broadcast.
    """
    return _bits("bitwise_and_cpu", _C_ops.bitwise_and, input, other)


def bitwise_or(input: Any, other: Any) -> Any:
    """``input`` | other.

    Raises:
        RuntimeError: floating-point or complex operands; the shapes do not broadcast.
    """
    return _bits("bitwise_or_cpu", _C_ops.bitwise_or, input, other)


def bitwise_xor(input: Any, other: Any) -> Any:
    """``input`` ^ other.

    Raises:
        RuntimeError: floating-point or complex operands; the shapes do not broadcast.
    """
    return _bits("bitwise_xor_cpu", _C_ops.bitwise_xor, input, other)


def bitwise_not(input: Any) -> Any:
    """~input.

    Raises:
        RuntimeError: input is floating-point or complex.
    """
    if category(input.dtype) > 1:
        raise RuntimeError("\"bitwise_not_cpu\" not implemented for 'Float'")
    return _C_ops.bitwise_not(input)


def bitwise_left_shift(input: Any, other: Any) -> Any:
    """``input`` << other; 0 where other is negative or not below the width.

    Raises:
        RuntimeError: floating-point, complex or bool operands; the shapes do not broadcast.
    """
    return _shifted_bits("lshift_cpu", _C_ops.bitwise_left_shift, input, other)


def bitwise_right_shift(input: Any, other: Any) -> Any:
    """``input`` >> other, arithmetic; the sign where other is negative or not below the width.

    Raises:
        RuntimeError: floating-point, complex or bool operands; the shapes do not broadcast.
    """
    return _shifted_bits("rshift_cpu", _C_ops.bitwise_right_shift, input, other)


def _shifted_bits(name: str, kernel: Any, input: Any, other: Any) -> Any:
    a, b = promoted(input, other)
    if category(a.dtype) != 1:
        raise RuntimeError(f'"{name}" not implemented for this dtype')
    try:
        return kernel(a, b, True)
    except ValueError as error:
        raise mismatch(a, b, error) from None
