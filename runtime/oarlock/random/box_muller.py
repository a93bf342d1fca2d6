"""Normal numbers from uniform ones, sixteen at a time as torch computes them on a CPU."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

import numpy as np

from oarlock.random.rounding import multiply_add

_F = np.float32
_TWO_PI = _F(2 * np.pi)

# Coefficients of logf, sinf and cosf in the Cephes library (S. L. Moshier), highest power first.
_LOG = tuple(
    map(
        _F,
        (
            7.0376836292e-2,
            -1.1514610310e-1,
            1.1676998740e-1,
            -1.2420140846e-1,
            1.4249322787e-1,
            -1.6668057665e-1,
            2.0000714765e-1,
            -2.4999993993e-1,
            3.3333331174e-1,
        ),
    )
)
_LN2_LOW, _LN2_HIGH = _F(-2.12194440e-4), _F(0.693359375)
_SIN = tuple(map(_F, (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)))
_COS = tuple(map(_F, (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)))
_QUARTER_PI = tuple(map(_F, (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)))
_BLOCK = 1 << 11  # rows of 16 worked on at once, so that the temporaries stay in the cache


def sixteens(uniform: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Return normal numbers for uniform ones in [0, 1), by the method of Box and Muller (1958).

    Args:
        uniform: float32 or float64 of shape (16 n,): in each sixteen the first eight give radii, the others angles.
        mean, std: of the result.

    In float32 logarithm, sine and cosine are Cephes' polynomials with every operation rounded, as in torch's AVX2
    code, and the results are its bits. In float64 they are numpy's, within a few units in the last place.
    """
    rows = uniform.reshape(-1, 16)
    result = np.empty_like(rows)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        first = (1 - block[:, :8]).ravel()
        second = block[:, 8:].ravel()
        if uniform.dtype == np.float32:
            radius = np.sqrt(_F(-2) * _log(first))
            sine, cosine = _sine_and_cosine(_TWO_PI * second)
        else:
            radius = np.sqrt(-2 * np.log(first))
            angle = (2 * np.pi) * second
            sine, cosine = np.sin(angle), np.cos(angle)
        out = result[start : start + _BLOCK]
        out[:, :8] = multiply_add(radius * cosine, std, mean).reshape(-1, 8)
        out[:, 8:] = multiply_add(radius * sine, std, mean).reshape(-1, 8)
    return result.reshape(-1)


def _fused(x: np.ndarray, factor: np.ndarray, addend: np.ndarray | np.float32) -> np.ndarray:
    """``x * factor + addend`` of float32 numbers, rounded once but for one in 2**29 that is rounded onto a tie."""
    wide = np.multiply(x, factor, dtype=np.float64)
    wide += addend
    return wide.astype(np.float32)


def _polynomial(coefficients: tuple[np.float32, ...], x: np.ndarray) -> np.ndarray:
    wide = x.astype(np.float64)
    y = np.full(x.shape, coefficients[0])
    step = np.empty_like(wide)
    for coefficient in coefficients[1:]:
        np.multiply(wide, y, out=step)
        step += coefficient
        y[...] = step
    return y


def _log(x: np.ndarray) -> np.ndarray:
    """Cephes' logf of normal positive float32 numbers."""
    bits = x.view(np.int32)
    exponent = (bits >> 23) - 126
    mantissa = ((bits & 0x007FFFFF) | 0x3F000000).view(np.float32)
    small = mantissa < _F(0.707106781186547524)
    e = (exponent - small).astype(np.float32)
    x = (mantissa - _F(1)) + np.where(small, mantissa, _F(0))
    square = x * x
    y = _polynomial(_LOG, x)
    y *= x
    y = _fused(y, square, e * _LN2_LOW)
    # The remaining products are exact, so it makes no difference whether they are fused.
    y -= square * _F(0.5)
    y += x
    y += e * _LN2_HIGH
    return y


def _sine_and_cosine(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cephes' sinf and cosf of float32 numbers in [0, 2 pi]."""
    octant = ((x * _F(1.27323954473516)).astype(np.int32) + 1) & ~1
    y = octant.astype(np.float32)
    for part in _QUARTER_PI:
        x = _fused(y, -part, x)
    square = x * x
    cosine = _polynomial(_COS, square)
    cosine *= square
    cosine = _fused(cosine, square, square * _F(-0.5))
    cosine += _F(1)
    sine = _polynomial(_SIN, square)
    sine *= square
    sine = _fused(sine, x, x)
    swapped = (octant & 2) != 0
    sines = np.where(swapped, cosine, sine)
    cosines = np.where(swapped, sine, cosine)
    np.negative(sines, out=sines, where=(octant & 4) != 0)
    np.negative(cosines, out=cosines, where=((octant - 2) & 4) == 0)
    return sines, cosines
