"""Where a program's rows lie: sequences in dense and packed tensors, and tiles of their rows."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def sequence(bounds, batch, seqlen, PACKED: tl.constexpr):
    """Return a sequence's first row in its tensor and its length.

    A dense tensor's sequences are told apart by the stride of its batch dimension, so each starts
    at row 0. A packed tensor (cu_seqlens) has a batch stride of 0.
    """
    if PACKED:
        start = tl.load(bounds + batch)
        length = tl.load(bounds + batch + 1) - start
    else:
        start = batch * 0
        length = seqlen
    return start, length


@triton.jit
def head_of(tensor, batch, start, head, stride_batch, stride_row, stride_head):
    """Return the address of a sequence's first row of a head, by 64-bit offsets."""
    return (
        tensor
        + batch.to(tl.int64) * stride_batch
        + start.to(tl.int64) * stride_row
        + head.to(tl.int64) * stride_head
    )


@triton.jit
def load_rows(
    base,
    stride,
    first,
    length,
    ROWS: tl.constexpr,
    DIM: tl.constexpr,
    DIMS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    MASKED: tl.constexpr,
):
    """Load ROWS rows from ``first`` on, of the dimensions DIM to DIM + DIMS.

    What is beyond head_dim reads as 0; so does, if MASKED, what is beyond ``length`` rows.
    """
    rows = tl.arange(0, ROWS)
    dims = DIM + tl.arange(0, DIMS)
    # The distance of a tile's rows fits 32 bits (run.py sees to it); that of the tile may not.
    base += tl.cast(first, tl.int64) * stride
    pointers = base + (rows[:, None] * stride + dims[None, :])
    if DIM + DIMS > HEAD_DIM:
        if MASKED:
            inside = (first + rows < length)[:, None] & (dims < HEAD_DIM)[None, :]
        else:
            inside = (dims < HEAD_DIM)[None, :] & (rows >= 0)[:, None]
        return tl.load(pointers, mask=inside, other=0.0)
    if MASKED:
        return tl.load(pointers, mask=(first + rows < length)[:, None], other=0.0)
    return tl.load(pointers)


@triton.jit
def store_rows(
    base,
    stride,
    first,
    length,
    values,
    ROWS: tl.constexpr,
    DIM: tl.constexpr,
    DIMS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
):
    """Store what `load_rows` would load, of a sequence of ``length`` rows."""
    rows = tl.arange(0, ROWS)
    dims = DIM + tl.arange(0, DIMS)
    base += tl.cast(first, tl.int64) * stride
    pointers = base + (rows[:, None] * stride + dims[None, :])
    inside = (first + rows < length)[:, None]
    if DIM + DIMS > HEAD_DIM:
        inside = inside & (dims < HEAD_DIM)[None, :]
    tl.store(pointers, values, mask=inside)
