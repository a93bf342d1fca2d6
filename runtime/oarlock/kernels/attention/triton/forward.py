"""The forward pass: output and logsumexp of a block of rows, in one walk over the keys they see.

The online softmax is that of FlashAttention-2 (arXiv:2307.08691, algorithm 1), in units of log2.
"""

from __future__ import annotations

import triton
import triton.language as tl

from oarlock.kernels.attention.triton.arithmetic import LN_2, LOG2_E, narrow, product
from oarlock.kernels.attention.triton.dropout import kept, read_seed
from oarlock.kernels.attention.triton.scores import biased, capped
from oarlock.kernels.attention.triton.tensors import head_of, load_rows, sequence, store_rows
from oarlock.kernels.attention.triton.visibility import (
    blocks_to_visit,
    keys_of_rows,
    masked_block,
    visible,
)


@triton.jit
def _add_block(
    low,
    high,
    top,
    total,
    q_low,
    q_high,
    k_head,
    v_head,
    stride_kn,
    stride_vn,
    start,
    seqlen_k,
    rows,
    offset,
    left,
    right,
    scale,
    softcap,
    slope,
    sequence_head,
    threshold,
    seed,
    HAS_LEFT: tl.constexpr,
    HAS_RIGHT: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_SLOPES: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
    SCALE_LAST: tl.constexpr,
    KEYS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    MASKED: tl.constexpr,
):
    """Add a block of keys to the sums of `forward`: weighted values, row maxima, row totals."""
    keys = start + tl.arange(0, KEYS)
    k = load_rows(k_head, stride_kn, start, seqlen_k, KEYS, 0, LOW, HEAD_DIM, MASKED)
    s = product(q_low, tl.trans(k))
    if HIGH > 0:
        k = load_rows(k_head, stride_kn, start, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, MASKED)
        s += product(q_high, tl.trans(k))

    if HAS_SOFTCAP:
        s, _ = capped(s, scale, softcap)
    elif not SCALE_LAST:
        s = s * (scale * LOG2_E)
    if HAS_SLOPES:
        s = biased(s, (rows + offset)[:, None], keys[None, :], slope, CAUSAL)
    if MASKED:
        seen = visible(
            (rows + offset)[:, None], keys[None, :], seqlen_k, left, right, HAS_LEFT, HAS_RIGHT
        )
        s = tl.where(seen, s, float("-inf"))

    factor = 1.0
    if SCALE_LAST:
        # A positive scale keeps the order, so maxima are found first: the scale then joins the
        # subtraction, as one multiply-add.
        factor = scale * LOG2_E
    new_top = tl.maximum(top, tl.max(s, 1) * factor)
    base = new_top
    if MASKED:
        # A row may not have seen a key yet.
        base = tl.where(new_top == float("-inf"), 0.0, new_top)
    p = tl.exp2(s * factor - base[:, None])
    fade = tl.exp2(top - base)
    total = total * fade + tl.sum(p, 1)
    if HAS_DROPOUT:
        p = tl.where(kept(seed, sequence_head, rows[:, None], keys[None, :], threshold), p, 0.0)

    v = load_rows(v_head, stride_vn, start, seqlen_k, KEYS, 0, LOW, HEAD_DIM, MASKED)
    p = narrow(p, v.dtype)
    low = low * fade[:, None] + product(p, v)
    if HIGH > 0:
        v = load_rows(v_head, stride_vn, start, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, MASKED)
        high = high * fade[:, None] + product(p, v)
    return low, high, new_top, total


@triton.jit(
    do_not_specialize=[
        "heads",
        "kv_heads",
        "seqlen_q",
        "seqlen_k",
        "row_blocks",
        "stride_lb",
        "stride_lh",
        "stride_sb",
        "left",
        "right",
        "threshold",
        "seed",
    ]
)
def forward(
    q,
    k,
    v,
    out,
    lse,
    slopes,
    bounds_q,
    bounds_k,
    stride_qb,
    stride_qm,
    stride_qh,
    stride_kb,
    stride_kn,
    stride_kh,
    stride_vb,
    stride_vn,
    stride_vh,
    stride_ob,
    stride_om,
    stride_oh,
    stride_lb,
    stride_lh,
    stride_sb,
    heads,
    kv_heads,
    seqlen_q,
    seqlen_k,
    row_blocks,
    left,
    right,
    scale,
    softcap,
    dropout_p,
    threshold,
    seed,
    PACKED: tl.constexpr,
    HAS_LEFT: tl.constexpr,
    HAS_RIGHT: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_SLOPES: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
    SEED_IN_MEMORY: tl.constexpr,
    SCALE_LAST: tl.constexpr,
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
):
    """Write the output and logsumexp of ROWS rows of one head.

    The grid is row_blocks * heads * batch. head_dim is parted into LOW dimensions and HIGH further
    ones (0 for none), both powers of two: 192 is 128 and 64, not 256.
    """
    program = tl.program_id(0)
    block = program % row_blocks
    if HAS_RIGHT:
        # The last rows see the most keys: they go first, so that no long program is left last.
        block = row_blocks - 1 - block
    head = (program // row_blocks) % heads
    batch = program // row_blocks // heads
    start_q, seqlen_q = sequence(bounds_q, batch, seqlen_q, PACKED)
    first = block * ROWS
    if first >= seqlen_q:
        return
    start_k, seqlen_k = sequence(bounds_k, batch, seqlen_k, PACKED)
    offset = seqlen_k - seqlen_q
    rows = first + tl.arange(0, ROWS)

    kv_head = head // (heads // kv_heads)
    q_head = head_of(q, batch, start_q, head, stride_qb, stride_qm, stride_qh)
    k_head = head_of(k, batch, start_k, kv_head, stride_kb, stride_kn, stride_kh)
    v_head = head_of(v, batch, start_k, kv_head, stride_vb, stride_vn, stride_vh)
    q_low = load_rows(q_head, stride_qm, first, seqlen_q, ROWS, 0, LOW, HEAD_DIM, True)
    q_high = q_low
    high = tl.zeros((ROWS, 16), tl.float32)
    if HIGH > 0:
        q_high = load_rows(q_head, stride_qm, first, seqlen_q, ROWS, LOW, HIGH, HEAD_DIM, True)
        high = tl.zeros((ROWS, HIGH), tl.float32)
    slope = 0.0
    if HAS_SLOPES:
        slope = tl.load(slopes + batch * stride_sb + head)
    sequence_head = batch * heads + head
    if HAS_DROPOUT:
        seed = read_seed(seed, SEED_IN_MEMORY)

    low = tl.zeros((ROWS, LOW), tl.float32)
    top = tl.full((ROWS,), float("-inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    last = tl.minimum(first + ROWS, seqlen_q) - 1
    some_from, some_to, all_from, all_to = keys_of_rows(
        first + offset, last + offset, seqlen_k, left, right, HAS_LEFT, HAS_RIGHT
    )
    start, whole_from, whole_to, before, masked = blocks_to_visit(
        some_from, some_to, all_from, all_to, KEYS
    )
    for key in range(whole_from, whole_to, KEYS):
        low, high, top, total = _add_block(
            low,
            high,
            top,
            total,
            q_low,
            q_high,
            k_head,
            v_head,
            stride_kn,
            stride_vn,
            key,
            seqlen_k,
            rows,
            offset,
            left,
            right,
            scale,
            softcap,
            slope,
            sequence_head,
            threshold,
            seed,
            HAS_LEFT,
            HAS_RIGHT,
            CAUSAL,
            HAS_SOFTCAP,
            HAS_SLOPES,
            HAS_DROPOUT,
            SCALE_LAST,
            KEYS,
            LOW,
            HIGH,
            HEAD_DIM,
            False,
        )
    for index in range(masked):
        low, high, top, total = _add_block(
            low,
            high,
            top,
            total,
            q_low,
            q_high,
            k_head,
            v_head,
            stride_kn,
            stride_vn,
            masked_block(index, start, whole_to, before, KEYS),
            seqlen_k,
            rows,
            offset,
            left,
            right,
            scale,
            softcap,
            slope,
            sequence_head,
            threshold,
            seed,
            HAS_LEFT,
            HAS_RIGHT,
            CAUSAL,
            HAS_SOFTCAP,
            HAS_SLOPES,
            HAS_DROPOUT,
            SCALE_LAST,
            KEYS,
            LOW,
            HIGH,
            HEAD_DIM,
            True,
        )

    # Rows that saw nothing: output 0, logsumexp +inf, as flash_attn.
    empty = total == 0.0
    total = tl.where(empty, 1.0, total)
    share = 1.0 / (total * (1.0 - dropout_p))
    out_head = head_of(out, batch, start_q, head, stride_ob, stride_om, stride_oh)
    dtype = out.dtype.element_ty
    values = narrow(low * share[:, None], dtype)
    store_rows(out_head, stride_om, first, seqlen_q, values, ROWS, 0, LOW, HEAD_DIM)
    if HIGH > 0:
        values = narrow(high * share[:, None], dtype)
        store_rows(out_head, stride_om, first, seqlen_q, values, ROWS, LOW, HIGH, HEAD_DIM)
    logsumexp = tl.where(empty, float("inf"), (top + tl.log2(total)) * LN_2)
    lse_head = head_of(lse, batch, start_q, head, stride_lb, 1, stride_lh)
    tl.store(lse_head + rows, logsumexp, mask=rows < seqlen_q)


@triton.jit(
    do_not_specialize=[
        "heads",
        "kv_heads",
        "seqlen_q",
        "seqlen_k",
        "row_blocks",
        "stride_lb",
        "stride_lh",
        "stride_sb",
        "left",
        "right",
        "threshold",
        "seed",
    ]
)
def signed_probabilities(
    q,
    k,
    lse,
    probabilities,
    slopes,
    bounds_q,
    bounds_k,
    stride_qb,
    stride_qm,
    stride_qh,
    stride_kb,
    stride_kn,
    stride_kh,
    stride_lb,
    stride_lh,
    stride_sb,
    stride_pb,
    stride_ph,
    stride_pm,
    heads,
    kv_heads,
    seqlen_q,
    seqlen_k,
    row_blocks,
    left,
    right,
    scale,
    softcap,
    threshold,
    seed,
    PACKED: tl.constexpr,
    HAS_LEFT: tl.constexpr,
    HAS_RIGHT: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_SLOPES: tl.constexpr,
    SEED_IN_MEMORY: tl.constexpr,
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
):
    """Write a block of S_dmask: probabilities before dropout, negative where dropped, else 0.

    The grid is (row_blocks * heads * batch, key blocks), and ``probabilities`` is a whole number of
    blocks in both lengths.
    """
    program = tl.program_id(0)
    first = (program % row_blocks) * ROWS
    head = (program // row_blocks) % heads
    batch = program // row_blocks // heads
    start_q, seqlen_q = sequence(bounds_q, batch, seqlen_q, PACKED)
    start_k, seqlen_k = sequence(bounds_k, batch, seqlen_k, PACKED)
    start = tl.program_id(1) * KEYS
    rows = first + tl.arange(0, ROWS)
    keys = start + tl.arange(0, KEYS)
    places = rows + seqlen_k - seqlen_q

    kv_head = head // (heads // kv_heads)
    q_head = head_of(q, batch, start_q, head, stride_qb, stride_qm, stride_qh)
    k_head = head_of(k, batch, start_k, kv_head, stride_kb, stride_kn, stride_kh)
    a = load_rows(q_head, stride_qm, first, seqlen_q, ROWS, 0, LOW, HEAD_DIM, True)
    b = load_rows(k_head, stride_kn, start, seqlen_k, KEYS, 0, LOW, HEAD_DIM, True)
    s = product(a, tl.trans(b))
    if HIGH > 0:
        a = load_rows(q_head, stride_qm, first, seqlen_q, ROWS, LOW, HIGH, HEAD_DIM, True)
        b = load_rows(k_head, stride_kn, start, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, True)
        s += product(a, tl.trans(b))
    if HAS_SOFTCAP:
        s, _ = capped(s, scale, softcap)
    else:
        s = s * (scale * LOG2_E)
    if HAS_SLOPES:
        slope = tl.load(slopes + batch * stride_sb + head)
        s = biased(s, places[:, None], keys[None, :], slope, CAUSAL)
    seen = visible(places[:, None], keys[None, :], seqlen_k, left, right, HAS_LEFT, HAS_RIGHT)
    seen = seen & (rows < seqlen_q)[:, None]
    lse_head = head_of(lse, batch, start_q, head, stride_lb, 1, stride_lh)
    logsumexp = tl.load(lse_head + rows, mask=rows < seqlen_q, other=float("inf"))
    p = tl.exp2(s - (logsumexp * LOG2_E)[:, None])
    seed = read_seed(seed, SEED_IN_MEMORY)
    keep = kept(seed, batch * heads + head, rows[:, None], keys[None, :], threshold)
    # Multiplied, so that a dropped 0 is -0.0.
    p = tl.where(seen, p * tl.where(keep, 1.0, -1.0), 0.0)
    target = head_of(probabilities, batch, start, head, stride_pb, 1, stride_ph)
    target += tl.cast(first, tl.int64) * stride_pm
    pointers = target + (tl.arange(0, ROWS)[:, None] * stride_pm + tl.arange(0, KEYS)[None, :])
    tl.store(pointers, narrow(p, probabilities.dtype.element_ty))
