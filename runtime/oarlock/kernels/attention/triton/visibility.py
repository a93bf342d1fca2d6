"""Which blocks a program visits, which of them need a mask, and the mask.

Row i of a sequence stands at key ``i + offset``, with offset = seqlen_k - seqlen_q, and sees the
keys from ``left`` before to ``right`` after that one (flash_attn/flash_attn_interface.py).
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def keys_of_rows(
    first, last, seqlen_k, left, right, HAS_LEFT: tl.constexpr, HAS_RIGHT: tl.constexpr
):
    """Return the keys some of these rows sees, and those all of them see, as two half-open ranges.

    ``first`` and ``last`` are where the first and the last row stand.
    """
    some_from = 0 * seqlen_k
    some_to = seqlen_k
    all_from = 0 * seqlen_k
    all_to = seqlen_k
    if HAS_LEFT:
        some_from = tl.maximum(0, first - left)
        all_from = tl.maximum(0, last - left)
    if HAS_RIGHT:
        some_to = tl.minimum(seqlen_k, last + right + 1)
        all_to = tl.minimum(seqlen_k, first + right + 1)
    return some_from, some_to, all_from, all_to


@triton.jit
def rows_of_keys(
    first, last, seqlen_q, left, right, HAS_LEFT: tl.constexpr, HAS_RIGHT: tl.constexpr
):
    """Return the rows that see some of these keys, and those that see all, as two ranges.

    ``first`` and ``last`` are the rows that stand at the first and the last key.
    """
    some_from = 0 * seqlen_q
    some_to = seqlen_q
    all_from = 0 * seqlen_q
    all_to = seqlen_q
    if HAS_RIGHT:
        some_from = tl.maximum(0, first - right)
        all_from = tl.maximum(0, last - right)
    if HAS_LEFT:
        some_to = tl.minimum(seqlen_q, last + left + 1)
        all_to = tl.minimum(seqlen_q, first + left + 1)
    return some_from, some_to, all_from, all_to


@triton.jit
def blocks_to_visit(some_from, some_to, all_from, all_to, BLOCK: tl.constexpr):
    """Part the blocks between ``some_from`` and ``some_to`` by whether they need a mask.

    Blocks from ``whole_from`` to ``whole_to`` lie within ``all_from`` to ``all_to``. Of the others,
    ``before`` blocks start at ``start``, and the rest of the ``masked`` ones at ``whole_to``.
    """
    start = some_from // BLOCK * BLOCK
    whole_from = tl.minimum(tl.cdiv(all_from, BLOCK), tl.cdiv(some_to, BLOCK)) * BLOCK
    whole_from = tl.maximum(whole_from, start)
    whole_to = tl.maximum(all_to // BLOCK * BLOCK, whole_from)
    before = (whole_from - start) // BLOCK
    masked = before + tl.cdiv(tl.maximum(0, some_to - whole_to), BLOCK)
    return start, whole_from, whole_to, before, masked


@triton.jit
def masked_block(index, start, whole_to, before, BLOCK: tl.constexpr):
    """Return where the masked block of this index starts."""
    return tl.where(index < before, start + index * BLOCK, whole_to + (index - before) * BLOCK)


@triton.jit
def visible(places, keys, seqlen_k, left, right, HAS_LEFT: tl.constexpr, HAS_RIGHT: tl.constexpr):
    """Return which key is seen from which place, for ``places`` and ``keys`` that broadcast."""
    seen = (keys < seqlen_k) & (places == places)
    if HAS_RIGHT:
        seen = seen & (keys <= places + right)
    if HAS_LEFT:
        seen = seen & (keys >= places - left)
    return seen
