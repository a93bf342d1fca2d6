"""Which probabilities are dropped: Philox random bits of a seed and a position."""

from __future__ import annotations

import triton
import triton.language as tl

# Philox 4x32 passes every test of BigCrush from seven rounds on (Salmon et al., "Parallel random
# numbers: as easy as 1, 2, 3", 2011); the usual ten are a margin.
ROUNDS: tl.constexpr = tl.constexpr(7)


@triton.jit
def read_seed(seed, SEED_IN_MEMORY: tl.constexpr):
    """Return the seed, from memory if a captured CUDA graph is to draw anew at each replay."""
    if SEED_IN_MEMORY:
        seed = tl.load(seed)
    return seed


@triton.jit
def kept(seed, sequence_head, rows, keys, threshold):
    """Return which positions are kept: those whose 31 random bits reach the threshold.

    A position is (batch * heads + head, row, key) within its sequence, 32 bits each, so forward and
    backward draw the same bits however they part the matrix, at any sequence length.
    """
    zero = rows * 0 + keys * 0
    bits, _, _, _ = tl.philox(
        seed,
        (zero + keys).to(tl.uint32),
        (zero + rows).to(tl.uint32),
        (zero + sequence_head).to(tl.uint32),
        zero.to(tl.uint32),
        n_rounds=ROUNDS,
    )
    return (bits >> 1).to(tl.int32) >= threshold
