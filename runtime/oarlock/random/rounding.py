"""Roundings that numpy lacks: bfloat16, and a product and sum rounded once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

# Bits that a float64 has more than a float32, and their value half way between two float32 numbers.
_EXTRA = np.uint64((1 << 29) - 1)
_HALF_WAY = np.uint64(1 << 28)


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Round float32 numbers to the nearest bfloat16, ties to even, and return them as float32."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(
        0xFFFF0000
    )
    # numpy makes an array without dimensions one of one dimension where it is to be contiguous.
    return np.where(np.isnan(values), values, rounded.view(np.float32).reshape(values.shape))


def narrow(values: np.ndarray, dtype: str) -> np.ndarray:
    """Convert numbers to ``dtype`` as a C++ cast does: half types by way of float32, bfloat16 held in float32."""
    if dtype == "bfloat16":
        return to_bfloat16(values.astype(np.float32, copy=False))
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False).astype(np.float16)
    return values.astype(dtype, copy=False)


def multiply_add(x: np.ndarray, factor: float, addend: float | np.ndarray) -> np.ndarray:
    """Return ``x * factor + addend`` rounded once, as a fused multiply-add does.

    Args:
        x: float32 or float64.
        factor: a number of its dtype.
        addend: a number of its dtype; for float64 an array may be given.

    For float32 the result is exact. For float64 product and sum are carried with their rounding errors (Dekker 1971,
    Knuth TAOCP 4.2.2), which leaves the last bit to doubt only where the exact result lies next to a tie.
    """
    if x.dtype == np.float64:
        return _multiply_add_double(x, float(factor), np.asarray(addend, np.float64))
    factor, addend = np.float64(np.float32(factor)), np.float64(np.float32(addend))
    wide = x.astype(np.float64)
    wide *= factor
    wide += addend
    result = wide.astype(np.float32)
    tied = np.flatnonzero((wide.view(np.uint64) & _EXTRA) == _HALF_WAY)
    for i in tied:
        # About one number in 2**29: the sum was rounded onto a tie, so the side it came from decides.
        exact = Fraction(float(x[i])) * Fraction(float(factor)) + Fraction(float(addend))
        error = exact - Fraction(float(wide[i]))
        if error:
            result[i] = np.float32(np.nextafter(wide[i], np.inf if error > 0 else -np.inf))
    return result


def _multiply_add_double(x: np.ndarray, factor: float, addend: np.ndarray) -> np.ndarray:
    if factor == 1.0 or not addend.any():
        return x * factor + addend
    product = x * factor
    scale = 134217729.0  # 2**27 + 1 splits a float64 into two halves of 26 bits
    x_high = x * scale - (x * scale - x)
    factor_high = factor * scale - (factor * scale - factor)
    x_low, factor_low = x - x_high, factor - factor_high
    product_error = (
        (x_high * factor_high - product) + x_high * factor_low + x_low * factor_high
    ) + x_low * factor_low
    total = product + addend
    back = total - product
    total_error = (product - (total - back)) + (addend - back)
    return total + (total_error + product_error)
