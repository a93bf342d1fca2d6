"""Exact attention, forward and backward, in blocks of rows, out of plain Paddle operations.

The formulas are those of FlashAttention-2 (arXiv:2307.08691, sections 2.2 and 3.1). Since a block
holds every key that its rows see, the softmax of a row is finished within its block, and no
running maximum is carried along. The backward pass computes the probabilities again from the
saved logsumexp, so memory grows with the sequence length, not with its square.
"""

from __future__ import annotations

import paddle

from oarlock.kernels.attention.blocks import Block, Blocks, Heads
from oarlock.kernels.attention.positions import Positions
from oarlock.kernels.attention.scoring import Scoring

_SEEDS = 2**31 - 1  # the seeds that Paddle's uniform takes are 1 to this; 0 means "none given"

_VIEWS = "FLAGS_use_stride_kernel"  # whether slices are views, on by default


def draw_seed() -> int:
    """Draw a dropout seed from Paddle's global generator, so that `paddle.seed` governs it."""
    return int(paddle.randint(0, _SEEDS, []))


def forward(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    scoring: Scoring,
    with_dropout_mask: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor | None]:
    """Compute output and logsumexp as `autograd.attend` does, to be called without gradients.

    With ``with_dropout_mask`` the third result is of the dtype of q and of shape (batch, heads,
    seqlen_q, seqlen_k), both lengths rounded up to 128 as in flash_attn: the probability before
    dropout, negative (also -0.0) where it was dropped, zero where a row does not see a key.
    """
    batch, seqlen_q, heads, _ = q.shape
    out = paddle.zeros_like(q)
    lse = paddle.full([batch, heads, seqlen_q], float("inf"), _compute_dtype(q))
    signed = None
    if with_dropout_mask:
        lengths = [-(-n // 128) * 128 for n in (seqlen_q, k.shape[1])]
        signed = paddle.zeros([batch, heads, *lengths], q.dtype)
    if out.size == 0 or scoring.window.seqlen_k == 0:
        return out, lse, signed

    score = _Scores(q, k, scoring)
    # A product with ones takes a tenth of the time of Paddle's sum on a CPU.
    ones = paddle.ones([scoring.window.seqlen_k, 1], lse.dtype)
    for heads in score.blocks.heads():
        all_keys, all_values = _keys_of(k, heads), _keys_of(v, heads)
        out_rows, lse_rows = [], []
        for block in score.blocks.of(heads):
            keys, values = _visible(all_keys, block), _visible(all_values, block)
            scores, _ = score(score.queries(q, block), keys, block)
            top = scores.max(-1, keepdim=True)
            weights = scores.subtract_(top).exp_()
            total = weights.matmul(ones[: weights.shape[-1]])
            lse_rows.append(_by_head(top + total.log(), heads))
            kept = _kept(weights, block, scoring)
            if signed is not None:
                signs = 1.0 if kept is None else kept * 2 - 1
                probabilities = _by_head(weights / total * signs, heads).astype(q.dtype)
                signed[heads.batch, heads.query, block.rows, block.keys] = probabilities
            if kept is not None:
                weights.multiply_(kept)
                total.scale_(1 - scoring.dropout_p)
            out_rows.append(_by_head(weights.matmul(values).divide_(total), heads))
        _write_rows(out, out_rows, heads)
        seen = slice(scoring.window.first_row, seqlen_q)
        lse[heads.batch, heads.query, seen] = paddle.concat(lse_rows, 2).squeeze(-1)
    return out, lse, signed


def backward(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    out: paddle.Tensor,
    lse: paddle.Tensor,
    grad_out: paddle.Tensor,
    scoring: Scoring,
    needs: tuple[bool, bool, bool] = (True, True, True),
) -> tuple[paddle.Tensor | None, paddle.Tensor | None, paddle.Tensor | None]:
    """Return the gradients of q, k and v, each like its tensor, None where not needed.

    ``out`` and ``lse`` are what `forward` returned for the same ``scoring``. The gradients of k and
    v are summed over rows and query heads in float32 (float64 for float64) and cast once.
    """
    needs_q, needs_k, needs_v = needs
    dq, dk, dv = (
        paddle.zeros_like(x) if need else None for x, need in zip((q, k, v), needs, strict=True)
    )
    if q.size == 0 or k.size == 0:
        return dq, dk, dv

    score = _Scores(q, k, scoring)
    for heads in score.blocks.heads():
        all_keys, all_values = _keys_of(k, heads), _keys_of(v, heads)
        dq_rows = []
        dk_keys = paddle.zeros_like(all_keys) if needs_k else None
        dv_keys = paddle.zeros_like(all_values) if needs_v else None
        for block in score.blocks.of(heads):
            keys, values = _visible(all_keys, block), _visible(all_values, block)
            queries = score.queries(q, block)
            scores, capped = score(queries, keys, block)
            probabilities = scores.subtract_(_lse_of(lse, block)).exp_()
            kept = _kept(probabilities, block, scoring)
            if kept is not None:
                kept.scale_(1 / (1 - scoring.dropout_p))
            grad_rows = _rows_of(grad_out, block)
            if dv_keys is not None:
                weights = probabilities if kept is None else probabilities * kept
                _accumulate(dv_keys, weights.matmul(grad_rows, transpose_x=True), block)
            if not (needs_q or needs_k):
                continue
            grad = grad_rows.matmul(values, transpose_y=True)
            if kept is not None:
                grad.multiply_(kept)
            delta = (grad_rows * _rows_of(out, block)).sum(-1, keepdim=True)
            grad.subtract_(delta).multiply_(probabilities)
            if capped is not None:
                grad.multiply_(capped.square_().scale_(-scoring.softcap, scoring.softcap))
            if needs_q:
                dq_rows.append(_by_head(grad.matmul(keys).scale_(score.factor), heads))
            if dk_keys is not None:
                _accumulate(dk_keys, grad.matmul(queries, transpose_x=True), block)
        _write_rows(dq, dq_rows, heads)
        _write_keys(dk, dk_keys, heads)
        _write_keys(dv, dv_keys, heads)
    return dq, dk, dv


def _compute_dtype(x: paddle.Tensor) -> paddle.dtype:
    return paddle.float64 if x.dtype == paddle.float64 else paddle.float32


def _rows_of(x: paddle.Tensor, block: Block) -> paddle.Tensor:
    """Rows of (batch, seqlen, heads, dim) as (batch * kv heads, group * rows, dim)."""
    heads = block.heads
    x = x[heads.batch, block.rows, heads.query].astype(_compute_dtype(x))
    batch, rows, _, dim = x.shape
    x = x.reshape([batch, rows, heads.kv_size, heads.group, dim]).transpose([0, 2, 3, 1, 4])
    return x.reshape([batch * heads.kv_size, heads.group * rows, dim]).contiguous()


def _write_rows(target: paddle.Tensor | None, blocks: list[paddle.Tensor], heads: Heads) -> None:
    """Write blocks of (batch, heads, rows, dim) to the last rows of (batch, seqlen, heads, dim)."""
    if target is None or not blocks:
        return
    x = paddle.concat(blocks, 2).transpose([0, 2, 1, 3]).astype(target.dtype)
    target[heads.batch, target.shape[1] - x.shape[1] :, heads.query] = x


def _keys_of(x: paddle.Tensor, heads: Heads) -> paddle.Tensor:
    """Return all keys of these heads as (batch * kv heads, seqlen, dim)."""
    x = x[heads.batch, :, heads.kv].astype(_compute_dtype(x)).transpose([0, 2, 1, 3])
    # Else every product would make its own contiguous copy.
    return x.reshape([-1, *x.shape[2:]]).contiguous()


def _write_keys(target: paddle.Tensor | None, x: paddle.Tensor | None, heads: Heads) -> None:
    if target is None or x is None:
        return
    x = x.reshape([heads.batch_size, heads.kv_size, *x.shape[1:]]).transpose([0, 2, 1, 3])
    target[heads.batch, :, heads.kv] = x.astype(target.dtype)


def _visible(x: paddle.Tensor, block: Block) -> paddle.Tensor:
    keys = block.keys
    if keys == slice(0, x.shape[1]):
        return x
    # One pair's keys lie together, but Paddle sees that only without the leading axis of 1.
    return x[0, keys].unsqueeze(0) if x.shape[0] == 1 else x[:, keys].contiguous()


def _accumulate(total: paddle.Tensor, x: paddle.Tensor, block: Block) -> None:
    if x.shape == total.shape:
        total.add_(x)
    elif x.shape[0] == 1 and paddle.get_flags(_VIEWS)[_VIEWS]:
        total[0, block.keys].add_(x[0])  # a tenth of the time of an assignment
    else:
        total[:, block.keys] = total[:, block.keys] + x


def _by_head(x: paddle.Tensor, heads: Heads) -> paddle.Tensor:
    """(batch * kv heads, group * rows, n) as (batch, heads, rows, n)."""
    return x.reshape([heads.batch_size, heads.kv_size * heads.group, -1, x.shape[-1]])


def _lse_of(lse: paddle.Tensor, block: Block) -> paddle.Tensor:
    heads = block.heads
    lse = lse[heads.batch, heads.query, block.rows]
    return lse.reshape([heads.batch_size * heads.kv_size, -1, 1])


class _Scores:
    """Scores of blocks: scaled, softly capped, with ALiBi's bias, and -inf where hidden."""

    def __init__(self, q: paddle.Tensor, k: paddle.Tensor, scoring: Scoring) -> None:
        batch, _, heads, _ = q.shape
        kv_heads = k.shape[2]
        self.blocks = Blocks(batch, kv_heads, heads // kv_heads, scoring.window, scoring.budget)
        self.factor = scoring.scale / scoring.softcap if scoring.softcap else scoring.scale
        self._softcap = scoring.softcap
        self._positions = Positions(self.blocks, _compute_dtype(q))
        self._slopes = None
        if scoring.slopes is not None:
            slopes = scoring.slopes.astype(_compute_dtype(q))
            self._slopes = slopes.expand([batch, heads]).reshape([batch, heads, 1, 1])

    def queries(self, q: paddle.Tensor, block: Block) -> paddle.Tensor:
        return _rows_of(q, block) * self.factor

    def __call__(
        self, queries: paddle.Tensor, keys: paddle.Tensor, block: Block
    ) -> tuple[paddle.Tensor, paddle.Tensor | None]:
        """Return the scores, and what softcap is multiplied by in them, or None without one."""
        scores = queries.matmul(keys, transpose_y=True)
        capped = None
        if self._softcap:
            capped = scores.tanh_()
            scores = capped * self._softcap
        hidden = self._positions.hidden(block)
        if hidden is None and self._slopes is None:
            return scores, capped
        shape = scores.shape
        scores = _by_head(scores, block.heads)
        if self._slopes is not None:
            slopes = self._slopes[block.heads.batch, block.heads.query]
            scores = scores.subtract_(slopes * self._positions.distance(block))
        if hidden is not None:
            scores = scores.masked_fill_(hidden, float("-inf"))
        return scores.reshape(shape), capped


def _kept(like: paddle.Tensor, block: Block, scoring: Scoring) -> paddle.Tensor | None:
    """1 where dropout keeps a probability and 0 where it drops it: the same at every call."""
    if not scoring.dropout_p:
        return None
    seed = (scoring.seed + block.index) % _SEEDS + 1
    draws = paddle.uniform(like.shape, "float32", min=0.0, max=1.0, seed=seed)
    return (draws >= scoring.dropout_p).astype(like.dtype)
