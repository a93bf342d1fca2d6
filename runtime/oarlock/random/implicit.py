"""Derivatives of gamma and Dirichlet numbers by their parameters, with torch's approximations.

A number x with distribution function F(x; a) has the implicit derivative dx/da = -(dF/da) / (dF/dx), of which torch
computes the approximations of M. Jankowiak and F. Obermeyer (2018), arXiv:1806.01851. Their fitted coefficients, and
the bounds between them, are those of ATen/native/Distributions.h.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Surface = tuple[tuple[tuple[float, ...], ...], ...]

# Of exp(p / q) with p, q of degree 2 in log(x / a), 3 in log(a): rows by the power of the first, p's columns first.
_GAMMA = (
    (0.16009398, -0.094634809, 0.025146376, -0.0030648343, 1, 0.32668115, 0.10406089, 0.0014179084),
    (
        *(0.53487893, 0.1298071, 0.065735949, -0.0015649758),
        *(0.16639465, 0.020070113, -0.0035938915, -0.00058392623),
    ),
    (
        *(0.040121004, -0.0065914022, -0.0026286047, -0.0013441777),
        *(0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-07),
    ),
)

# Of p / q by the powers of log x, of log(a / x) and, in a row, of log(total) - log(a / x).
_DIRICHLET_P = (
    (
        (1.003668233, -0.01061107488, -0.0657888334, 0.01201642863),
        (0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033),
        (-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013),
    ),
    (
        (0.221950385, -0.3187676331, 0.01799915743, 0.01074823814),
        (-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057),
        (0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05),
    ),
    (
        (-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565),
        (0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181),
        (0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05),
    ),
)
_DIRICHLET_Q = (
    (
        (1, -0.02924021934, -0.04438342661, 0.007285809825),
        (0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521),
        (-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149),
    ),
    (
        (0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273),
        (0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956),
        (-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05),
    ),
    (
        (0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05),
        (0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05),
        (-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06),
    ),
)

# Bernoulli numbers B(2n) / 2n of digamma's asymptotic series, the highest first; the last ones are Cephes'.
_DIGAMMA = (1 / 12, -0.021092796092796094, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)


def digamma(x: Array) -> Array:
    """The logarithmic derivative of the gamma function for positive numbers, in their dtype."""
    # As in torch, the steps are of that dtype and only their sum is of float64.
    one, x = x.dtype.type(1), x.copy()
    result = np.zeros(x.shape, np.float64)
    while (small := x < 10).any():
        result[small] -= one / x[small]
        x[small] += one
    square = 1 / (x * x).astype(np.float64)
    series = np.zeros_like(square)
    for coefficient in _DIGAMMA:
        series = series * square + coefficient
    return (result + np.log(x) - x.dtype.type(0.5) / x - square * series).astype(x.dtype)


def gamma_slope(alpha: Array, x: Array) -> Array:
    """dx/dalpha of numbers x drawn from Gamma(alpha, 1); arrays of one shape and dtype, whose dtype it has."""
    a, y = alpha.ravel().astype(np.float64), x.ravel().astype(np.float64)
    small = y < np.float32(0.8)
    large = ~small & (a > 8)
    near = large & (np.float32(0.9) * a <= y) & (y <= np.float32(1.1) * a)
    cases = (
        (small, _gamma_small),
        (near, _gamma_near_mean),
        (large & ~near, _gamma_large),
        (~small & ~large, _gamma_fitted),
    )
    return _by_case(cases, a, y).astype(alpha.dtype).reshape(alpha.shape)


def dirichlet_slope(x: Array, alpha: Array, total: Array) -> Array:
    """dx/dalpha / (1 - x) of numbers x drawn from Beta(alpha, total - alpha); shapes and dtypes as in `gamma_slope`."""
    shape = x.shape
    x, alpha, total = x.ravel(), alpha.ravel(), total.ravel()
    beta, spread = total - alpha, total * x * (1 - x)
    low = (x <= 0.5) & (spread < 2.5)
    high = ~low & (x >= 0.5) & (spread < 0.75)
    rest = ~low & ~high
    middle = rest & (alpha > 6) & (beta > 6)
    cases = (
        (low, _beta_low),
        (high, _beta_high),
        (middle, _beta_middle),
        (rest & ~middle, _beta_fitted),
    )
    return _by_case(cases, x, alpha, total).reshape(shape)


def _by_case(cases: tuple[tuple[Array, Callable[..., Array]], ...], *arrays: Array) -> Array:
    result = np.empty_like(arrays[0])
    with np.errstate(all="ignore"):
        for chosen, function in cases:
            if chosen.any():
                result[chosen] = function(*(array[chosen] for array in arrays))
    return result


def _gamma_small(a: Array, x: Array) -> Array:
    # The power series of the incomplete gamma function (DLMF 8.7.1), and its derivative by a.
    term, shifted = np.ones_like(x), a.copy()
    first, second = 1 / shifted, 1 / (shifted * shifted)
    for n in range(1, 6):
        term *= -x / n
        shifted += 1
        first += term / shifted
        second += term / (shifted * shifted)
    power = x**a
    slope = (np.log(x) - digamma(a)) * (power * first) - power * second
    return _without_nan(-slope / (x ** (a - 1) * np.exp(-x)))


def _gamma_near_mean(a: Array, x: Array) -> Array:
    square = a * a
    first = 1 + 24 * a * (1 + 12 * a)
    second = 1440 * square + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)
    return first * second / (1244160 * square * square)


def _gamma_large(a: Array, x: Array) -> Array:
    # The saddle point expansion of S. O. Rice.
    root, log_ratio = np.sqrt(8 * a), np.log(x / a)
    far = (x - a - a * log_ratio) ** -1.5
    bracket = root / (a - x) + np.where(x < a, -far, far)
    inner = log_ratio * bracket - np.sqrt(2 / a) * (a + x) / ((a - x) * (a - x))
    stirling = 1 + 1 / (12 * a) * (1 + 1 / (24 * a))
    return -stirling * x * inner / root


def _gamma_fitted(a: Array, x: Array) -> Array:
    u, v = np.log(x / a), np.log(a)
    row = [c0 + u * (c1 + u * c2) for c0, c1, c2 in zip(*_GAMMA, strict=True)]
    return np.exp(_cubic(row[:4], v) / _cubic(row[4:], v))


def _cubic(coefficients: list[Array] | tuple[float, ...], x: Array) -> Array:
    c0, c1, c2, c3 = coefficients
    return c0 + x * (c1 + x * (c2 + x * c3))


def _beta_low(x: Array, a: Array, total: Array) -> Array:
    b = total - a
    factor = digamma(a) - digamma(a + b) - np.log(x)
    term = np.ones_like(x)
    series = term / a * (factor + 1 / a)
    for n in range(1, 11):
        term *= (n - b) * x / n
        shifted = a + n
        series += term / shifted * (factor + 1 / shifted)
    return _without_nan(x * (1 - x) ** -b * series)


def _beta_high(x: Array, b: Array, total: Array) -> Array:
    # The derivative of 1 - x by its second parameter, with the sign turned.
    x, a = 1 - x, total - b
    factor = digamma(a + b) - digamma(b)
    term, product, slope = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    series = factor / a
    for n in range(1, 9):
        term *= -x / n
        slope = slope * (b - n) + product
        product = product * (b - n)
        series += term / (a + n) * (slope + factor * product)
    return _without_nan((1 - x) ** (1 - b) * series)


def _without_nan(x: Array) -> Array:
    return np.where(np.isnan(x), np.zeros_like(x), x)


def _beta_middle(x: Array, a: Array, total: Array) -> Array:
    kind = x.dtype
    x, a, total = (array.astype(np.float64) for array in (x, a, total))
    b = total - a
    mean, deviation = a / total, np.sqrt(a * b / (total + 1)) / total
    near = (mean - 0.1 * deviation <= x) & (x <= mean + 0.1 * deviation)
    return np.where(near, _beta_near_mean(x, a, b), _beta_saddle(x, a, b)).astype(kind)


def _beta_near_mean(x: Array, a: Array, b: Array) -> Array:
    # The limit of the saddle point expansion, which is singular at the mean.
    total, square = a + b, b * b
    quartic = 8 * (1 - x) * (135 * b - 11)
    cubic = (453 + 1620 * b * (1 - x) - 455 * x) * b + a * quartic
    quadratic = 3 * (59 + 180 * b - 90 * x) * square + a * cubic
    linear = (43 + 20 * (16 + 27 * b) * x) * square * b + a * quadratic
    poly = 47 * x * square * square + a * linear
    scale = (1 + 12 * a) * (1 + 12 * b) / (total * total)
    return scale / (1 - x) * poly / (12960 * a * a * a * square * (1 + 12 * total))


def _beta_saddle(x: Array, a: Array, b: Array) -> Array:
    # The saddle point expansion of S. O. Rice.
    total = a + b
    offset = a * (x - 1) + b * x
    numerator = 2 * (a * a) * (x - 1) + a * b * (x - 1) - x * (b * b)
    direct = numerator / (np.sqrt(2 * a / b) * total**1.5 * offset * offset)
    half_log = 0.5 * np.log(a / (total * x))
    pole = np.sqrt(8 * a * b / total) / offset
    divergence = b * np.log(b / (total * (1 - x))) + a * np.log(a / (total * x))
    far = divergence**-1.5
    bracket = pole + np.where(x < a / total, far, -far)
    stirling = _stirling(a) * _stirling(b) / _stirling(total)
    return stirling * -x / np.sqrt(2 * a * b / total) * (direct + half_log * bracket)


def _stirling(a: Array) -> Array:
    return 1 + 1 / (12 * a) + 1 / (288 * a * a)


def _beta_fitted(x: Array, a: Array, total: Array) -> Array:
    kind, slope = x.dtype, digamma(total) - digamma(a)
    x, a, total = (array.astype(np.float64) for array in (x, a, total))
    log_x = np.log(x)
    ratio = np.log(a) - log_x
    rest = np.log(total) - ratio
    p, q = (_surface(table, log_x, ratio, rest) for table in (_DIRICHLET_P, _DIRICHLET_Q))
    return (p / q * (x * slope / (total - a))).astype(kind)


def _surface(table: Surface, u: Array, v: Array, w: Array) -> Array:
    total = np.zeros_like(u)
    for i, rows in enumerate(table):
        for j, row in enumerate(rows):
            total += u**i * v**j * _cubic(row, w)
    return total
