"""Draws whose numbers depend on one another: multinomial, Poisson, binomial and gamma numbers."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from collections.abc import Iterator
from math import ceil, exp, fabs, floor, lgamma, log, log1p, sqrt

import numpy as np

from oarlock.random.draws import doubles, exponential, pairs
from oarlock.random.engine import Engine
from oarlock.random.generator import Generator
from oarlock.random.rounding import narrow


def multinomial(
    weights: np.ndarray, dtype: str, generator: Generator, count: int, replacement: bool
) -> np.ndarray:
    """Indices drawn by weight, int64 of shape (…, count), torch's choices.

    Args:
        weights: of one or two dimensions, not negative, each row with a sum above 0; half types are held in float32.
        dtype: the name of the weights' dtype.
        count: how many indices a row; without replacement at most the number of weights.
    """
    if replacement:
        # Summed one after the other, in the weights' own precision.
        sums = np.cumsum(weights, axis=-1, dtype=weights.dtype)
        sums /= sums[..., -1:]
        sums[..., -1] = 1
        rows = sums.reshape(-1, sums.shape[-1]).astype(np.float64)
        with generator.lock:
            u = doubles(generator.engine, len(rows) * count).reshape(len(rows), count)
        found = np.stack([np.searchsorted(row, x) for row, x in zip(rows, u, strict=True)])
        return found.reshape(*weights.shape[:-1], count).astype(np.int64)
    noise = exponential(weights.shape, dtype, generator)
    with np.errstate(divide="ignore", invalid="ignore"):
        keys = narrow(weights / noise, dtype)
    if count == 1:
        return keys.argmax(-1)[..., None]
    return np.argsort(-keys, axis=-1, kind="stable")[..., :count]


class _Reader:
    """Uniform and normal float64 numbers one by one, with the generator left where the last one was."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.start = engine.state()
        self.used = 0
        self.uniforms = self._all()

    def _all(self) -> Iterator[float]:
        while True:
            for x in doubles(self.engine, 4096).tolist():
                self.used += 1
                yield x

    def uniform(self) -> float:
        return next(self.uniforms)

    def finish(self) -> None:
        self.engine.restore(self.start)
        self.engine.words(2 * self.used)


class _NormalReader:
    """As `_Reader`, a number at a time from the engine itself: normal ones keep a spare there."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def uniform(self) -> float:
        return float(doubles(self.engine, 1)[0])

    def normal(self) -> float:
        return float(pairs(self.engine, 1)[0])


def poisson(rates: np.ndarray, dtype: str, generator: Generator) -> np.ndarray:
    """Poisson numbers of the rates' shape, torch's; one after the other, since each takes as many words as it needs.

    From a rate of 10 on by the transformed rejection of W. Hörmann (1993), below by multiplying uniform numbers.
    """
    with generator.lock:
        reader = _Reader(generator.engine)
        values = [_poisson(rate, reader) for rate in rates.astype(np.float64).ravel().tolist()]
        reader.finish()
    return narrow(np.array(values, np.float64), dtype).reshape(rates.shape)


def _poisson(rate: float, reader: _Reader) -> int:
    if rate == 0:
        return 0
    if rate < 10:
        limit, product, count = exp(-rate), 1.0, 0
        while True:
            product *= reader.uniform()
            if product <= limit:
                return count
            count += 1
    root, log_rate = sqrt(rate), log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    bound = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = reader.uniform() - 0.5
        v = reader.uniform()
        us = 0.5 - fabs(u)
        k = floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= bound:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = (log(v) if v else -np.inf) + log(inverse_alpha) - log(a / (us * us) + b)
        if left <= -rate + k * log_rate - lgamma(k + 1.0):
            return k


def binomial(counts: np.ndarray, p: np.ndarray, dtype: str, generator: Generator) -> np.ndarray:
    """Binomial numbers for arrays of one shape, torch's in float64 and all but always in float32.

    By the transformed rejection of W. Hörmann (1993) where ten successes or more are expected, else by adding up
    geometric numbers.
    """
    with generator.lock:
        reader = _Reader(generator.engine)
        pairs = zip(counts.ravel().tolist(), p.ravel().tolist(), strict=True)
        values = [_binomial(n, q, reader) for n, q in pairs]
        reader.finish()
    return narrow(np.array(values, np.float64), dtype).reshape(counts.shape)


def _binomial(count: float, p: float, reader: _Reader) -> float:
    if count <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return count
    if p != p:
        return p
    rare = p if p <= 0.5 else 1.0 - p
    method = _binomial_rejection if count * rare >= 10 else _binomial_inversion
    found = method(count, rare, reader)
    return found if p <= 0.5 else count - found


def _binomial_inversion(count: float, p: float, reader: _Reader) -> float:
    log_q, trials, successes = log1p(-p), 0.0, 0.0
    while True:
        u = reader.uniform()
        trials += ceil(log(u) / log_q) if u else np.inf
        if trials > count:
            return successes
        successes += 1


_STIRLING = (
    *(0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509),
    *(0.0166446911898211, 0.0138761288230707, 0.0118967099458917, 0.0104112652619720),
    *(0.00925546218271273, 0.00833056343336287),
)


def _stirling_tail(k: float) -> float:
    if k < len(_STIRLING):
        return _STIRLING[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _binomial_rejection(count: float, p: float, reader: _Reader) -> float:
    deviation = sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = count * p + 0.5
    bound = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    m = floor((count + 1) * p)
    while True:
        u = reader.uniform() - 0.5
        v = reader.uniform()
        us = 0.5 - fabs(u)
        k = floor((2 * a / us + b) * u + c) if us else -1
        if k < 0 or k > count:
            continue
        if us >= 0.07 and v <= bound:
            return float(k)
        v = log(v * alpha / (a / (us * us) + b)) if v else -np.inf
        upper = (
            (m + 0.5) * log((m + 1) / (odds * (count - m + 1)))
            + (count + 1) * log((count - m + 1) / (count - k + 1))
            + (k + 0.5) * log(odds * (count - k + 1) / (k + 1))
            + _stirling_tail(m)
            + _stirling_tail(count - m)
            - _stirling_tail(k)
            - _stirling_tail(count - k)
        )
        if v <= upper:
            return float(k)


def gamma(shapes: np.ndarray, dtype: str, generator: Generator) -> np.ndarray:
    """Gamma numbers of scale 1 for an array of shape parameters, torch's to the last places of the dtype.

    By the acceptance of G. Marsaglia and W. W. Tsang (2000).
    """
    tiny = float(np.finfo(np.float64 if dtype == "float64" else np.float32).tiny)
    with generator.lock:
        reader = _NormalReader(generator.engine)
        kind = np.float64 if dtype == "float64" else np.float32
        values = [max(tiny, _gamma(kind(a), reader)) for a in shapes.ravel().tolist()]
    return narrow(np.array(values, np.float64), dtype).reshape(shapes.shape)


def _gamma(alpha: np.floating, reader: _NormalReader) -> float:
    # Up to d torch computes in the dtype of alpha, with a third rounded to float32.
    kind, scale = type(alpha), 1.0
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = (1 - reader.uniform()) ** float(kind(1) / alpha)
        alpha = kind(alpha + kind(1))
    d = float(alpha - kind(np.float32(1) / np.float32(3)))
    c = 1 / sqrt(9 * d)
    while True:
        while True:
            x = reader.normal()
            y = 1 + c * x
            if y > 0:
                break
        v = y * y * y
        u = 1 - reader.uniform()
        square = x * x
        if u < 1 - float(np.float32(0.0331)) * square * square:
            return scale * d * v
        if log(u) < 0.5 * square + d * (1 - v + log(v)):
            return scale * d * v
