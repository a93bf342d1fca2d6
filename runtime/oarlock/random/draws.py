"""One draw for each distribution, as torch's CPU kernels make it from the generator's words.

Each function returns a numpy array of ``shape``; bfloat16 values are held in float32. The element order is that of
memory. Where a bit can differ from torch's, the docstring says so.
"""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from collections.abc import Sequence
from math import ceil, cos, log1p, pi, prod, sin, sqrt

import numpy as np

from oarlock.errors import UnsupportedError
from oarlock.random.box_muller import sixteens
from oarlock.random.engine import Engine
from oarlock.random.generator import Generator
from oarlock.random.rounding import multiply_add, narrow

Shape = Sequence[int]
HALVES = ("float16", "bfloat16")
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
_LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38}


def largest(dtype: str) -> float:
    """The largest finite number of a floating-point dtype."""
    return _LARGEST.get(dtype) or float(np.finfo(dtype).max)


def floats(engine: Engine, count: int) -> np.ndarray:
    """Multiples of 2**-24 in [0, 1), from one word each."""
    values = (engine.words(count) & np.uint32(0xFFFFFF)).astype(np.float32)
    values *= np.float32(2**-24)
    return values


def doubles(engine: Engine, count: int) -> np.ndarray:
    """Multiples of 2**-53 in [0, 1), from two words each."""
    values = (engine.long_words(count) & np.uint64(2**53 - 1)).astype(np.float64)
    values *= 2.0**-53
    return values


def uniform(
    shape: Shape, dtype: str, generator: Generator, low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """Uniform numbers in [low, high), torch's bits: float32 and half types have 24 random bits, float64 has 53."""
    count = prod(shape)
    with generator.lock:
        if dtype == "float64":
            values = doubles(generator.engine, count)
        else:
            values = floats(generator.engine, count)
    if low == 0.0 and high == 1.0 and dtype not in HALVES:
        return values.reshape(shape)
    kind = values.dtype.type
    values = narrow(multiply_add(values, float(kind(high) - kind(low)), low), dtype)
    # Rounding may have reached the upper bound, which is excluded.
    low_end, high_end = (narrow(np.asarray(x, np.float64), dtype) for x in (low, high))
    values[values == high_end] = low_end
    return values.reshape(shape)


def normal(
    shape: Shape,
    dtype: str,
    generator: Generator,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    contiguous: bool = True,
) -> np.ndarray:
    """Normal numbers.

    Sixteen and more are made sixteen at a time; in float32 and the half types they are the bits of torch's AVX2 code,
    in float64 they may differ in the last places. Fewer, or those of a tensor that is not contiguous, are made two at
    a time in float64, the second of a pair being kept for the next draw.

    Args:
        contiguous: whether the tensor that they are for is contiguous.
    """
    count = prod(shape)
    with generator.lock:
        if count < 16 or not contiguous:
            values = pairs(generator.engine, count)
            values = values * std + mean
            return narrow(values, dtype).reshape(shape)
        wide = dtype == "float64"
        draw = doubles if wide else floats
        # Half types draw their sixteens one after the other, the others all numbers first.
        first = count - count % 16 if dtype in HALVES else count
        body = draw(generator.engine, first)
        tail = draw(generator.engine, 16) if count % 16 else None
    whole = count - count % 16
    values = np.empty(count, body.dtype)
    values[:whole] = sixteens(body[:whole], mean, std)
    if tail is not None:
        # The last sixteen are made anew, overlapping the ones before.
        values[count - 16 :] = sixteens(tail, mean, std)
    return narrow(values, dtype).reshape(shape)


def pairs(engine: Engine, count: int) -> np.ndarray:
    """Standard normal float64 numbers, each pair (cosine, sine) from two uniform ones."""
    values = np.empty(count)
    start = 0
    if count and engine.spare_normal is not None:
        values[0], engine.spare_normal, start = engine.spare_normal, None, 1
    rest = count - start
    if rest == 0:
        return values
    pairs = (rest + 1) // 2
    u = doubles(engine, 2 * pairs)
    made = np.empty(2 * pairs)
    if pairs <= 16:
        # The C library's functions, as torch calls them; numpy's may differ in the last bit.
        for i in range(pairs):
            radius, angle = sqrt(-2 * log1p(-u[2 * i + 1])), 2 * pi * u[2 * i]
            made[2 * i], made[2 * i + 1] = radius * cos(angle), radius * sin(angle)
    else:
        radius, angle = np.sqrt(-2 * np.log1p(-u[1::2])), 2 * pi * u[::2]
        made[::2], made[1::2] = radius * np.cos(angle), radius * np.sin(angle)
    values[start:] = made[:rest]
    if rest % 2:
        engine.spare_normal = float(made[-1])
    return values


def integers(shape: Shape, dtype: str, generator: Generator, low: int, high: int) -> np.ndarray:
    """Integers in [low, high), torch's bits; a range from 2**28 on takes two words a number."""
    count, span = prod(shape), high - low
    with generator.lock:
        if span >= 1 << 28:
            words = generator.engine.long_words(count)
            if span < 1 << 64:
                words %= np.uint64(span)
                words += np.uint64(low % 2**64)
            values = words.view(np.int64)
        else:
            values = (generator.engine.words(count) % np.uint32(span)).astype(np.int64)
            values += low
    return _from_int64(values, dtype).reshape(shape)


def any_integers(shape: Shape, dtype: str, generator: Generator) -> np.ndarray:
    """The integers that ``random_()`` without bounds gives a dtype, torch's bits: all that it can hold from 0 on.

    For a floating-point dtype these are the integers up to 2**(its digits), each of which it holds exactly.
    """
    count = prod(shape)
    with generator.lock:
        if dtype in ("int64", "float64"):
            values = generator.engine.long_words(count)
        else:
            values = generator.engine.words(count).astype(np.uint64)
    if dtype == "bool":
        return (values & np.uint64(1)).astype(bool).reshape(shape)
    if dtype in _DIGITS:
        values %= np.uint64((1 << _DIGITS[dtype]) + 1)
    else:
        values %= np.uint64(int(np.iinfo(dtype).max) + 1)
    return _from_int64(values.view(np.int64), dtype).reshape(shape)


def _from_int64(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype in HALVES:
        return narrow(values.astype(np.float32), dtype)
    return values.astype(dtype, copy=False)


def permutation(count: int, dtype: str, generator: Generator) -> np.ndarray:
    """A permutation of 0 … count - 1, torch's bits: a Fisher-Yates shuffle from the front.

    Raises:
        UnsupportedError: there are 2**32 / 20 numbers or more, which torch shuffles by another method.
    """
    if count >= 0xFFFFFFFF // 20:
        raise UnsupportedError(
            api="torch.randperm",
            parameter="n",
            given=str(count),
            accepted=f"less than {0xFFFFFFFF // 20}",
            advice="Shuffle in parts",
        )
    if count < 2:
        return _from_int64(np.arange(count), dtype)
    with generator.lock:
        words = generator.engine.words(count - 1)
    here = np.arange(count, dtype=np.int64)
    target = here.copy()
    target[:-1] += words % np.arange(count, 1, -1, dtype=np.uint32)
    return _from_int64(_swapped(here, target), dtype)


def _swapped(here: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The result of swapping positions i and target[i] >= i of 0, 1, 2, … for all i in turn.

    What position i holds at its own turn is what position k held at its turn, where k is the last k < i with
    target[k] = i; without such a k it is still i. These chains are followed all at once, halving their lengths.
    """
    count = len(here)
    order = np.sort((target << 32) | here)
    at, turn = order >> 32, order & 0xFFFFFFFF
    repeated = at[1:] == at[:-1]
    # The swap before with the same target, -1 where there is none.
    before = np.full(count, -1, np.int64)
    before[turn[1:][repeated]] = turn[:-1][repeated]
    # The last swap with target i, unless it is turn i's own.
    source = here.copy()
    last = np.append(~repeated, True)
    source[at[last]] = turn[last]
    own = source == here
    source[own] = np.where(target[own] == here[own], before[own], -1)
    source = np.where(source < 0, here, source)
    while True:
        further = source[source]
        if np.array_equal(further, source):
            break
        source = further
    return np.where(before >= 0, source[before], np.where(target == here, source, target))


def bernoulli(shape: Shape, generator: Generator, p: float) -> np.ndarray:
    """True with probability ``p``, as bool, torch's bits wherever torch draws by its own generator.

    torch leaves this draw to MKL where the processor is Intel's, with other bits.
    """
    # A number m * 2**-53 is below p where m is below the limit; its upper 21 bits nearly always tell.
    limit = ceil(p * 2.0**53)
    with generator.lock:
        words = generator.engine.words(2 * prod(shape))
    upper = words[::2] & np.uint32((1 << 21) - 1)
    found = upper < (limit >> 32)
    tied = np.flatnonzero(upper == limit >> 32)
    found[tied] = words[2 * tied + 1] < (limit & 0xFFFFFFFF)
    return found.reshape(shape)


def bernoulli_each(p: np.ndarray, generator: Generator) -> np.ndarray:
    """True with the probability that each element of ``p`` states, as bool of its shape, torch's bits.

    Args:
        p: float64 draws two words an element, float32 (which half types are held in) one.
    """
    draw = doubles if p.dtype == np.float64 else floats
    with generator.lock:
        return draw(generator.engine, p.size).reshape(p.shape) < p


def exponential(shape: Shape, dtype: str, generator: Generator, rate: float = 1.0) -> np.ndarray:
    """Exponential numbers of a rate, made in float64; the last bit of a float64 may differ from torch's.

    torch leaves this draw to MKL where the processor is Intel's, with other bits.
    """
    with generator.lock:
        u = doubles(generator.engine, prod(shape))
    return narrow((-1.0 / rate) * np.log1p(-u), dtype).reshape(shape)


def geometric(shape: Shape, dtype: str, generator: Generator, p: float) -> np.ndarray:
    """The number of trials up to the first success, made in float64."""
    with generator.lock:
        u = doubles(generator.engine, prod(shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.ceil(np.log(u) / log1p(-p))
        return narrow(values, dtype).reshape(shape)


def cauchy(
    shape: Shape, dtype: str, generator: Generator, median: float = 0.0, sigma: float = 1.0
) -> np.ndarray:
    """Cauchy numbers, made in float64; the last bits of a float64 may differ from torch's."""
    with generator.lock:
        u = doubles(generator.engine, prod(shape))
    return narrow(median + sigma * np.tan(pi * (u - 0.5)), dtype).reshape(shape)


def log_normal(
    shape: Shape, dtype: str, generator: Generator, mean: float = 1.0, std: float = 2.0
) -> np.ndarray:
    """Numbers whose logarithm is normal, made two at a time in float64; a float64's last bits may differ."""
    with generator.lock:
        values = pairs(generator.engine, prod(shape))
    with np.errstate(over="ignore"):
        return narrow(np.exp(values * std + mean), dtype).reshape(shape)
