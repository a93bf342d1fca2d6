"""From products of queries and keys to scores: scale, softcap and ALiBi, in units of log2.

Scores are multiplied by log2(e), so that the softmax is made of exp2, one instruction on a GPU.
"""

from __future__ import annotations

import triton
import triton.language as tl

from oarlock.kernels.attention.triton.arithmetic import LOG2_E, reciprocal


@triton.jit
def capped(products, scale, softcap):
    """Return softcap * tanh(scale * products / softcap) / ln 2, and its factor in the derivative.

    With e = exp(2 x) and r = 1 / (e + 1), tanh(x) = 1 - 2 r and its derivative is 4 r (1 - r),
    which keeps its accuracy where tanh is close to 1. Where e overflows, r is 0 as it should be.
    """
    r = reciprocal(tl.exp2(products * (2.0 * LOG2_E * scale / softcap)) + 1.0)
    bound = softcap * LOG2_E
    return bound - (2.0 * bound) * r, 4.0 * r * (1.0 - r)


@triton.jit
def biased(scores, places, keys, slope, CAUSAL: tl.constexpr):
    """Subtract slope * |place - key| / ln 2 from scores; if CAUSAL, no key seen is after its place."""
    distance = (places - keys).to(tl.float32)
    if not CAUSAL:
        distance = tl.abs(distance)
    return scores - (slope * LOG2_E) * distance
