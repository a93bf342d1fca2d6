"""The backward pass, in three: statistics; dq by rows; dk and dv by keys. No atomics: deterministic.

The formulas are those of FlashAttention-2 (arXiv:2307.08691, algorithm 2). Probabilities are
computed again from the logsumexp, twice, which costs seven products where five would do, and spares
sums in an order that differs from run to run.
"""

from __future__ import annotations

import triton
import triton.language as tl

from oarlock.kernels.attention.triton.arithmetic import LOG2_E, narrow, product
from oarlock.kernels.attention.triton.dropout import kept, read_seed
from oarlock.kernels.attention.triton.scores import biased, capped
from oarlock.kernels.attention.triton.tensors import head_of, load_rows, sequence, store_rows
from oarlock.kernels.attention.triton.visibility import (
    blocks_to_visit,
    keys_of_rows,
    masked_block,
    rows_of_keys,
    visible,
)

# A multiple of every tile's rows: what one block of `statistics` writes.
PADDING: tl.constexpr = tl.constexpr(128)


@triton.jit
def _statistics_of(tensor, batch, start_q, head, stride_wb, stride_wh, PACKED: tl.constexpr):
    """Return where the statistics of a sequence's head lie, whole in blocks of PADDING rows.

    So loads of a block need no mask and are aligned, wherever a packed sequence starts.
    """
    if PACKED:
        start_q = (start_q // PADDING + batch) * PADDING
    return head_of(tensor, batch, start_q, head, stride_wb, 1, stride_wh)


@triton.jit(do_not_specialize=["heads", "seqlen_q", "row_blocks", "stride_lb", "stride_lh"])
def statistics(
    out,
    dout,
    lse,
    logsumexps,
    deltas,
    bounds_q,
    stride_ob,
    stride_om,
    stride_oh,
    stride_gb,
    stride_gm,
    stride_gh,
    stride_lb,
    stride_lh,
    stride_wb,
    stride_wh,
    heads,
    seqlen_q,
    row_blocks,
    PACKED: tl.constexpr,
    ROWS: tl.constexpr,
    DIMS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
):
    """Write, of ROWS rows of one head, lse in units of log2 and delta = sum(dout * out).

    The grid is as in `forward`. Rows past the end of the sequence get +inf and 0, which make their
    probabilities 0.
    """
    program = tl.program_id(0)
    first = (program % row_blocks) * ROWS
    head = (program // row_blocks) % heads
    batch = program // row_blocks // heads
    start_q, seqlen_q = sequence(bounds_q, batch, seqlen_q, PACKED)
    if first >= seqlen_q:
        return
    rows = first + tl.arange(0, ROWS)
    o_head = head_of(out, batch, start_q, head, stride_ob, stride_om, stride_oh)
    g_head = head_of(dout, batch, start_q, head, stride_gb, stride_gm, stride_gh)
    o = load_rows(o_head, stride_om, first, seqlen_q, ROWS, 0, DIMS, HEAD_DIM, True)
    g = load_rows(g_head, stride_gm, first, seqlen_q, ROWS, 0, DIMS, HEAD_DIM, True)
    sums = tl.sum(o.to(tl.float32) * g.to(tl.float32), 1)
    lse_head = head_of(lse, batch, start_q, head, stride_lb, 1, stride_lh)
    logsumexp = tl.load(lse_head + rows, mask=rows < seqlen_q, other=float("inf")) * LOG2_E
    l_head = _statistics_of(logsumexps, batch, start_q, head, stride_wb, stride_wh, PACKED)
    d_head = _statistics_of(deltas, batch, start_q, head, stride_wb, stride_wh, PACKED)
    tl.store(l_head + rows, logsumexp)
    tl.store(d_head + rows, sums)


@triton.jit
def _gradients(
    s,
    dp,
    logsumexp,
    delta,
    rows,
    keys,
    offset,
    seqlen_k,
    left,
    right,
    scale,
    softcap,
    slope,
    sequence_head,
    dropout_p,
    threshold,
    seed,
    HAS_LEFT: tl.constexpr,
    HAS_RIGHT: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_SLOPES: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
    MASKED: tl.constexpr,
):
    """Return the weights of the values without dropout's factor, and the gradients of the products.

    ``s`` and ``dp`` are queries by keys and gradients by values; ``rows``, ``keys``, ``logsumexp``
    (in units of log2) and ``delta`` broadcast to them either way round. The gradients lack the
    factor ``scale``, which belongs to sums over them.
    """
    derivative = 1.0
    if HAS_SOFTCAP:
        s, derivative = capped(s, scale, softcap)
    else:
        s = s * (scale * LOG2_E)
    if HAS_SLOPES:
        s = biased(s, rows + offset, keys, slope, CAUSAL)
    # Rows that see nothing have a logsumexp of +inf, and so probabilities of 0 without a mask.
    p = tl.exp2(s - logsumexp)
    if MASKED:
        seen = visible(rows + offset, keys, seqlen_k, left, right, HAS_LEFT, HAS_RIGHT)
        p = tl.where(seen, p, 0.0)
    weights = p
    if HAS_DROPOUT:
        keep = kept(seed, sequence_head, rows, keys, threshold)
        weights = tl.where(keep, p, 0.0)
        dp = tl.where(keep, dp * (1.0 / (1.0 - dropout_p)), 0.0)
    ds = p * (dp - delta)
    if HAS_SOFTCAP:
        ds = ds * derivative
    return weights, ds


@triton.jit
def _add_keys(
    dq_low,
    dq_high,
    q_low,
    q_high,
    g_low,
    g_high,
    logsumexp,
    delta,
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
    dropout_p,
    threshold,
    seed,
    HAS_LEFT: tl.constexpr,
    HAS_RIGHT: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_SLOPES: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
    KEYS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    MASKED: tl.constexpr,
):
    """Add a block of keys to dq of a block of rows, without the factor ``scale``."""
    keys = start + tl.arange(0, KEYS)
    k_low = load_rows(k_head, stride_kn, start, seqlen_k, KEYS, 0, LOW, HEAD_DIM, MASKED)
    v = load_rows(v_head, stride_vn, start, seqlen_k, KEYS, 0, LOW, HEAD_DIM, MASKED)
    s = product(q_low, tl.trans(k_low))
    dp = product(g_low, tl.trans(v))
    k_high = k_low
    if HIGH > 0:
        k_high = load_rows(k_head, stride_kn, start, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, MASKED)
        v = load_rows(v_head, stride_vn, start, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, MASKED)
        s += product(q_high, tl.trans(k_high))
        dp += product(g_high, tl.trans(v))
    _, ds = _gradients(
        s,
        dp,
        logsumexp[:, None],
        delta[:, None],
        rows[:, None],
        keys[None, :],
        offset,
        seqlen_k,
        left,
        right,
        scale,
        softcap,
        slope,
        sequence_head,
        dropout_p,
        threshold,
        seed,
        HAS_LEFT,
        HAS_RIGHT,
        CAUSAL,
        HAS_SOFTCAP,
        HAS_SLOPES,
        HAS_DROPOUT,
        MASKED,
    )
    ds = narrow(ds, k_low.dtype)
    dq_low += product(ds, k_low)
    if HIGH > 0:
        dq_high += product(ds, k_high)
    return dq_low, dq_high


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
def query_gradient(
    q,
    k,
    v,
    dout,
    logsumexps,
    deltas,
    dq,
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
    stride_gb,
    stride_gm,
    stride_gh,
    stride_db,
    stride_dm,
    stride_dh,
    stride_wb,
    stride_wh,
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
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
):
    """Write dq of ROWS rows of one head, by a walk over the keys they see; grid as in `forward`."""
    program = tl.program_id(0)
    block = program % row_blocks
    if HAS_RIGHT:
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
    g_head = head_of(dout, batch, start_q, head, stride_gb, stride_gm, stride_gh)
    k_head = head_of(k, batch, start_k, kv_head, stride_kb, stride_kn, stride_kh)
    v_head = head_of(v, batch, start_k, kv_head, stride_vb, stride_vn, stride_vh)
    q_low = load_rows(q_head, stride_qm, first, seqlen_q, ROWS, 0, LOW, HEAD_DIM, True)
    g_low = load_rows(g_head, stride_gm, first, seqlen_q, ROWS, 0, LOW, HEAD_DIM, True)
    q_high = q_low
    g_high = g_low
    dq_low = tl.zeros((ROWS, LOW), tl.float32)
    dq_high = tl.zeros((ROWS, 16), tl.float32)
    if HIGH > 0:
        q_high = load_rows(q_head, stride_qm, first, seqlen_q, ROWS, LOW, HIGH, HEAD_DIM, True)
        g_high = load_rows(g_head, stride_gm, first, seqlen_q, ROWS, LOW, HIGH, HEAD_DIM, True)
        dq_high = tl.zeros((ROWS, HIGH), tl.float32)
    l_head = _statistics_of(logsumexps, batch, start_q, head, stride_wb, stride_wh, PACKED)
    d_head = _statistics_of(deltas, batch, start_q, head, stride_wb, stride_wh, PACKED)
    logsumexp = tl.load(l_head + rows)
    delta = tl.load(d_head + rows)
    slope = 0.0
    if HAS_SLOPES:
        slope = tl.load(slopes + batch * stride_sb + head)
    sequence_head = batch * heads + head
    if HAS_DROPOUT:
        seed = read_seed(seed, SEED_IN_MEMORY)

    last = tl.minimum(first + ROWS, seqlen_q) - 1
    some_from, some_to, all_from, all_to = keys_of_rows(
        first + offset, last + offset, seqlen_k, left, right, HAS_LEFT, HAS_RIGHT
    )
    start, whole_from, whole_to, before, masked = blocks_to_visit(
        some_from, some_to, all_from, all_to, KEYS
    )
    for key in range(whole_from, whole_to, KEYS):
        dq_low, dq_high = _add_keys(
            dq_low,
            dq_high,
            q_low,
            q_high,
            g_low,
            g_high,
            logsumexp,
            delta,
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
            dropout_p,
            threshold,
            seed,
            HAS_LEFT,
            HAS_RIGHT,
            CAUSAL,
            HAS_SOFTCAP,
            HAS_SLOPES,
            HAS_DROPOUT,
            KEYS,
            LOW,
            HIGH,
            HEAD_DIM,
            False,
        )
    for index in range(masked):
        dq_low, dq_high = _add_keys(
            dq_low,
            dq_high,
            q_low,
            q_high,
            g_low,
            g_high,
            logsumexp,
            delta,
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
            dropout_p,
            threshold,
            seed,
            HAS_LEFT,
            HAS_RIGHT,
            CAUSAL,
            HAS_SOFTCAP,
            HAS_SLOPES,
            HAS_DROPOUT,
            KEYS,
            LOW,
            HIGH,
            HEAD_DIM,
            True,
        )

    target = head_of(dq, batch, start_q, head, stride_db, stride_dm, stride_dh)
    dtype = dq.dtype.element_ty
    values = narrow(dq_low * scale, dtype)
    store_rows(target, stride_dm, first, seqlen_q, values, ROWS, 0, LOW, HEAD_DIM)
    if HIGH > 0:
        values = narrow(dq_high * scale, dtype)
        store_rows(target, stride_dm, first, seqlen_q, values, ROWS, LOW, HIGH, HEAD_DIM)


@triton.jit
def _add_rows(
    dk_low,
    dk_high,
    dv_low,
    dv_high,
    k_low,
    k_high,
    v_low,
    v_high,
    q_head,
    g_head,
    l_head,
    d_head,
    stride_qm,
    stride_gm,
    start,
    seqlen_q,
    keys,
    offset,
    seqlen_k,
    left,
    right,
    scale,
    softcap,
    slope,
    sequence_head,
    dropout_p,
    threshold,
    seed,
    HAS_LEFT: tl.constexpr,
    HAS_RIGHT: tl.constexpr,
    CAUSAL: tl.constexpr,
    HAS_SOFTCAP: tl.constexpr,
    HAS_SLOPES: tl.constexpr,
    HAS_DROPOUT: tl.constexpr,
    WANTS_DK: tl.constexpr,
    WANTS_DV: tl.constexpr,
    ROWS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    MASKED: tl.constexpr,
):
    """Add a block of rows to dk and dv of a block of keys, without their constant factors.

    Everything is transposed, so that weights and gradients multiply from the left, out of the
    registers they were computed in.
    """
    rows = start + tl.arange(0, ROWS)
    q_low = load_rows(q_head, stride_qm, start, seqlen_q, ROWS, 0, LOW, HEAD_DIM, MASKED)
    g_low = load_rows(g_head, stride_gm, start, seqlen_q, ROWS, 0, LOW, HEAD_DIM, MASKED)
    logsumexp = tl.load(l_head + rows)
    delta = tl.load(d_head + rows)
    s = product(k_low, tl.trans(q_low))
    dp = s
    if WANTS_DK:
        dp = product(v_low, tl.trans(g_low))
    q_high = q_low
    g_high = g_low
    if HIGH > 0:
        q_high = load_rows(q_head, stride_qm, start, seqlen_q, ROWS, LOW, HIGH, HEAD_DIM, MASKED)
        g_high = load_rows(g_head, stride_gm, start, seqlen_q, ROWS, LOW, HIGH, HEAD_DIM, MASKED)
        s += product(k_high, tl.trans(q_high))
        if WANTS_DK:
            dp += product(v_high, tl.trans(g_high))
    weights, ds = _gradients(
        s,
        dp,
        logsumexp[None, :],
        delta[None, :],
        rows[None, :],
        keys[:, None],
        offset,
        seqlen_k,
        left,
        right,
        scale,
        softcap,
        slope,
        sequence_head,
        dropout_p,
        threshold,
        seed,
        HAS_LEFT,
        HAS_RIGHT,
        CAUSAL,
        HAS_SOFTCAP,
        HAS_SLOPES,
        HAS_DROPOUT,
        MASKED,
    )
    if WANTS_DV:
        weights = narrow(weights, g_low.dtype)
        dv_low += product(weights, g_low)
        if HIGH > 0:
            dv_high += product(weights, g_high)
    if WANTS_DK:
        ds = narrow(ds, q_low.dtype)
        dk_low += product(ds, q_low)
        if HIGH > 0:
            dk_high += product(ds, q_high)
    return dk_low, dk_high, dv_low, dv_high


@triton.jit(
    do_not_specialize=[
        "heads",
        "kv_heads",
        "seqlen_q",
        "seqlen_k",
        "key_blocks",
        "stride_lb",
        "stride_lh",
        "stride_sb",
        "left",
        "right",
        "threshold",
        "seed",
    ]
)
def key_value_gradients(
    q,
    k,
    v,
    dout,
    logsumexps,
    deltas,
    dk,
    dv,
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
    stride_gb,
    stride_gm,
    stride_gh,
    stride_dkb,
    stride_dkn,
    stride_dkh,
    stride_dvb,
    stride_dvn,
    stride_dvh,
    stride_wb,
    stride_wh,
    stride_sb,
    heads,
    kv_heads,
    seqlen_q,
    seqlen_k,
    key_blocks,
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
    WANTS_DK: tl.constexpr,
    WANTS_DV: tl.constexpr,
    SEED_IN_MEMORY: tl.constexpr,
    ROWS: tl.constexpr,
    KEYS: tl.constexpr,
    LOW: tl.constexpr,
    HIGH: tl.constexpr,
    HEAD_DIM: tl.constexpr,
):
    """Write dk, dv or both of KEYS keys of one kv head, by a walk over all rows that see them.

    Both at once shares products; one at a time, each fits the registers at any head_dim.

    The grid is key_blocks * kv_heads * batch. The query heads of a kv head are summed here, in
    float32. With a causal mask the first keys are seen by the most rows, and go first as they are.
    """
    program = tl.program_id(0)
    block = program % key_blocks
    kv_head = (program // key_blocks) % kv_heads
    batch = program // key_blocks // kv_heads
    start_k, seqlen_k = sequence(bounds_k, batch, seqlen_k, PACKED)
    first = block * KEYS
    if first >= seqlen_k:
        return
    start_q, seqlen_q = sequence(bounds_q, batch, seqlen_q, PACKED)
    offset = seqlen_k - seqlen_q
    keys = first + tl.arange(0, KEYS)

    k_head = head_of(k, batch, start_k, kv_head, stride_kb, stride_kn, stride_kh)
    v_head = head_of(v, batch, start_k, kv_head, stride_vb, stride_vn, stride_vh)
    k_low = load_rows(k_head, stride_kn, first, seqlen_k, KEYS, 0, LOW, HEAD_DIM, True)
    v_low = load_rows(v_head, stride_vn, first, seqlen_k, KEYS, 0, LOW, HEAD_DIM, True)
    k_high = k_low
    v_high = v_low
    dk_low = tl.zeros((KEYS, LOW), tl.float32)
    dv_low = tl.zeros((KEYS, LOW), tl.float32)
    dk_high = tl.zeros((KEYS, 16), tl.float32)
    dv_high = tl.zeros((KEYS, 16), tl.float32)
    if HIGH > 0:
        k_high = load_rows(k_head, stride_kn, first, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, True)
        v_high = load_rows(v_head, stride_vn, first, seqlen_k, KEYS, LOW, HIGH, HEAD_DIM, True)
        dk_high = tl.zeros((KEYS, HIGH), tl.float32)
        dv_high = tl.zeros((KEYS, HIGH), tl.float32)
    if HAS_DROPOUT:
        seed = read_seed(seed, SEED_IN_MEMORY)

    last = tl.minimum(first + KEYS, seqlen_k) - 1
    some_from, some_to, all_from, all_to = rows_of_keys(
        first - offset, last - offset, seqlen_q, left, right, HAS_LEFT, HAS_RIGHT
    )
    start, whole_from, whole_to, before, masked = blocks_to_visit(
        some_from, some_to, all_from, all_to, ROWS
    )
    group = heads // kv_heads
    for member in range(group):
        head = kv_head * group + member
        sequence_head = batch * heads + head
        q_head = head_of(q, batch, start_q, head, stride_qb, stride_qm, stride_qh)
        g_head = head_of(dout, batch, start_q, head, stride_gb, stride_gm, stride_gh)
        l_head = _statistics_of(logsumexps, batch, start_q, head, stride_wb, stride_wh, PACKED)
        d_head = _statistics_of(deltas, batch, start_q, head, stride_wb, stride_wh, PACKED)
        slope = 0.0
        if HAS_SLOPES:
            slope = tl.load(slopes + batch * stride_sb + head)
        for row in range(whole_from, whole_to, ROWS):
            dk_low, dk_high, dv_low, dv_high = _add_rows(
                dk_low,
                dk_high,
                dv_low,
                dv_high,
                k_low,
                k_high,
                v_low,
                v_high,
                q_head,
                g_head,
                l_head,
                d_head,
                stride_qm,
                stride_gm,
                row,
                seqlen_q,
                keys,
                offset,
                seqlen_k,
                left,
                right,
                scale,
                softcap,
                slope,
                sequence_head,
                dropout_p,
                threshold,
                seed,
                HAS_LEFT,
                HAS_RIGHT,
                CAUSAL,
                HAS_SOFTCAP,
                HAS_SLOPES,
                HAS_DROPOUT,
                WANTS_DK,
                WANTS_DV,
                ROWS,
                LOW,
                HIGH,
                HEAD_DIM,
                False,
            )
        for index in range(masked):
            dk_low, dk_high, dv_low, dv_high = _add_rows(
                dk_low,
                dk_high,
                dv_low,
                dv_high,
                k_low,
                k_high,
                v_low,
                v_high,
                q_head,
                g_head,
                l_head,
                d_head,
                stride_qm,
                stride_gm,
                masked_block(index, start, whole_to, before, ROWS),
                seqlen_q,
                keys,
                offset,
                seqlen_k,
                left,
                right,
                scale,
                softcap,
                slope,
                sequence_head,
                dropout_p,
                threshold,
                seed,
                HAS_LEFT,
                HAS_RIGHT,
                CAUSAL,
                HAS_SOFTCAP,
                HAS_SLOPES,
                HAS_DROPOUT,
                WANTS_DK,
                WANTS_DV,
                ROWS,
                LOW,
                HIGH,
                HEAD_DIM,
                True,
            )

    dk_head = head_of(dk, batch, start_k, kv_head, stride_dkb, stride_dkn, stride_dkh)
    dv_head = head_of(dv, batch, start_k, kv_head, stride_dvb, stride_dvn, stride_dvh)
    dtype = dk.dtype.element_ty
    if WANTS_DK:
        values = narrow(dk_low * scale, dtype)
        store_rows(dk_head, stride_dkn, first, seqlen_k, values, KEYS, 0, LOW, HEAD_DIM)
        if HIGH > 0:
            values = narrow(dk_high * scale, dtype)
            store_rows(dk_head, stride_dkn, first, seqlen_k, values, KEYS, LOW, HIGH, HEAD_DIM)
    if WANTS_DV:
        share = 1.0 / (1.0 - dropout_p)
        values = narrow(dv_low * share, dtype)
        store_rows(dv_head, stride_dvn, first, seqlen_k, values, KEYS, 0, LOW, HEAD_DIM)
        if HIGH > 0:
            values = narrow(dv_high * share, dtype)
            store_rows(dv_head, stride_dvn, first, seqlen_k, values, KEYS, LOW, HIGH, HEAD_DIM)
