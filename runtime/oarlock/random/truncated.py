"""Normal numbers within bounds, by rejection as torch.nn.init.trunc_normal_ does it."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf, sqrt

import numpy as np

from oarlock.random import draws
from oarlock.random.generator import Generator
from oarlock.random.rounding import narrow


def truncated_normal(
    shape: Sequence[int],
    dtype: str,
    generator: Generator,
    mean: float,
    std: float,
    low: float,
    high: float,
    *,
    contiguous: bool = True,
) -> np.ndarray:
    """Normal numbers from ``low`` to ``high``, torch's bits (a float64's last places may differ).

    Where more than three tenths of the distribution lie inside, those outside are drawn again; otherwise uniform
    numbers are kept with the probability that the density states.
    """
    inside = _below((high - mean) / std) - _below((low - mean) / std)
    if inside > 0.3:
        lowest, highest = (float(narrow(np.asarray(x, np.float64), dtype)) for x in (low, high))

        def drawn() -> np.ndarray:
            return draws.normal(shape, dtype, generator, mean, std, contiguous=contiguous)

        values = drawn()
        while (outside := (values < lowest) | (values > highest)).any():
            values = np.where(outside, drawn(), values)
        return values
    mode = max(low, min(mean, high))
    peak = -0.5 * ((mode - mean) / std) ** 2
    values = draws.uniform(shape, dtype, generator, low, high)
    pending = _rejected(values, dtype, generator, mean, std, peak)
    while pending.any():
        candidates = draws.uniform(shape, dtype, generator, low, high)
        values = np.where(pending, candidates, values)
        pending &= _rejected(candidates, dtype, generator, mean, std, peak)
    return values


def _below(x: float) -> float:
    return (1.0 + erf(x / sqrt(2.0))) / 2.0


def _rejected(
    candidates: np.ndarray,
    dtype: str,
    generator: Generator,
    mean: float,
    std: float,
    peak: float,
) -> np.ndarray:
    """Whether each candidate's density, relative to the highest, is below a uniform number; every step rounded."""
    wide = np.float64 if dtype == "float64" else np.float32

    def rounded(x: np.ndarray) -> np.ndarray:
        return narrow(x, dtype).astype(wide, copy=False)

    x = rounded(candidates.astype(wide) - wide(mean))
    x = rounded(x / wide(std))
    x = rounded(x * x)
    x = rounded(x * wide(-0.5))
    x = rounded(x - wide(peak))
    level = draws.uniform(candidates.shape, dtype, generator).astype(wide)
    with np.errstate(divide="ignore"):
        return rounded(np.log(level)) > x
