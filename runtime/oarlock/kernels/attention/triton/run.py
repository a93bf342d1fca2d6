"""Running the attention kernels on tensors of Paddle or torch, dense or packed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from oarlock.kernels.attention.triton import backward as backwards
from oarlock.kernels.attention.triton import forward as forwards
from oarlock.kernels.attention.triton.tiles import TOGETHER, Tile, features, parts, tile
from oarlock.kernels.buffers import dtype_name
from oarlock.kernels.launch import capability, launch

if TYPE_CHECKING:
    from oarlock.kernels.attention.scoring import Scoring

Empty = Callable[[Any, list[int], str], Any]

_LARGEST_TILE = 256  # rows


def forward(
    q: Any,
    k: Any,
    v: Any,
    *,
    scoring: Scoring,
    cu_seqlens_q: Any = None,
    cu_seqlens_k: Any = None,
    max_seqlen_q: int | None = None,
    max_seqlen_k: int | None = None,
    dropout_p: float | None = None,
    seed: Any = None,
    return_softmax: bool = False,
    empty: Empty,
    tiles: Mapping[str, Tile] | None = None,
) -> tuple[Any, Any, Any]:
    """Compute attention, without waiting for the GPU.

    Args:
        q: (batch, seqlen_q, heads, head_dim) or, with cu_seqlens, (total_q, heads, head_dim);
            float16 or bfloat16, of Paddle or torch. Any strides; where the last dimension is not
            contiguous, a copy is made.
        k: (batch, seqlen_k, kv_heads, head_dim) or (total_k, kv_heads, head_dim), as q.
        v: as k.
        scoring: scale, bounds of the window (its lengths are not read), softcap, slopes, dropout.
        cu_seqlens_q: int32 (batch + 1,), where sequences of q start and the last one ends, or None.
            Rows before the first and past the last are left as `empty` gave them.
        cu_seqlens_k: as cu_seqlens_q, for k and v.
        max_seqlen_q: the longest sequence of q, with cu_seqlens.
        max_seqlen_k: the longest sequence of k, with cu_seqlens; only S_dmask's shape needs it.
        dropout_p: probability that a probability is dropped, in [0, 1); by default scoring's.
        seed: an int below 2 ** 31, or an int32 tensor of one, which is read on the GPU so that
            replays of a CUDA graph may draw anew; by default scoring's.
        return_softmax: also return S_dmask.
        empty: ``empty(like, shape, dtype)`` allocates beside a tensor; dtype is a name such as
            "float32".
        tiles: tiles by direction, instead of the table's.

    Returns:
        out, as q; the logsumexp, float32 of shape (batch, heads, seqlen_q) or (heads, total_q),
        +inf for rows that see nothing; and S_dmask or None, of the dtype of q and of shape (batch,
        heads, seqlen_q, seqlen_k), both (the longest, with cu_seqlens) rounded up to 128: the
        probability before dropout, negative where dropped, 0 where a row does not see a key.

    Raises:
        ValueError: the tensors lie on a GPU below sm_80, or on the CPU.

    """
    call = _Call(
        q, k, v, scoring, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, dropout_p, seed
    )
    dtype = dtype_name(q)
    out = empty(q, list(q.shape), dtype)
    if call.packed:
        lse = empty(q, [call.heads, q.shape[0]], "float32")
    else:
        lse = empty(q, [call.batch, call.heads, call.seqlen_q], "float32")
    chosen = call.tile("forward", tiles)
    row_blocks = _blocks(call.seqlen_q, chosen.rows)
    launch(
        forwards.forward,
        (row_blocks * call.heads * call.batch,),
        call.q,
        call.k,
        call.v,
        out,
        lse,
        call.slopes,
        cu_seqlens_q,
        cu_seqlens_k,
        *call.strides(call.q),
        *call.strides(call.k),
        *call.strides(call.v),
        *call.strides(out),
        *call.lse_strides,
        call.slopes_stride,
        *call.lengths,
        row_blocks,
        *call.bounds,
        call.scale,
        call.softcap,
        *call.dropout,
        num_warps=chosen.warps,
        num_stages=chosen.stages,
        **call.constants,
        SCALE_LAST=call.scale > 0 and not call.has_softcap and call.slopes is None,
        ROWS=chosen.rows,
        KEYS=chosen.keys,
    )
    return out, lse, _signed_probabilities(call, lse, empty) if return_softmax else None


def backward(
    dout: Any,
    q: Any,
    k: Any,
    v: Any,
    out: Any,
    lse: Any,
    *,
    scoring: Scoring,
    cu_seqlens_q: Any = None,
    cu_seqlens_k: Any = None,
    max_seqlen_q: int | None = None,
    max_seqlen_k: int | None = None,
    dropout_p: float | None = None,
    seed: Any = None,
    empty: Empty,
    needs: tuple[bool, bool, bool] = (True, True, True),
    tiles: Mapping[str, Tile] | None = None,
) -> tuple[Any, Any, Any]:
    """Return the gradients of q, k and v, each like its tensor; the same bits at every call.

    Args:
        dout: the gradient of out, of its shape and dtype.
        q: as `forward`, as all arguments that are not listed here.
        k: as `forward`.
        v: as `forward`.
        out: what `forward` returned.
        lse: what `forward` returned.
        scoring: as `forward`.
        cu_seqlens_q: as `forward`.
        cu_seqlens_k: as `forward`.
        max_seqlen_q: as `forward`.
        max_seqlen_k: the longest sequence of k, with cu_seqlens.
        dropout_p: as `forward`.
        seed: as `forward`, with the same value.
        empty: as `forward`.
        needs: which gradients are needed. None is returned for the others.
        tiles: as `forward`.

    Raises:
        ValueError: as `forward`.

    """
    call = _Call(
        q, k, v, scoring, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, dropout_p, seed
    )
    dtype = dtype_name(q)
    dout, out, lse = _rows_in_place(dout), _rows_in_place(out), lse.contiguous()
    rows = backwards.PADDING.value
    row_blocks = _blocks(call.seqlen_q, rows)
    if call.packed:
        padded = (int(q.shape[0]) // rows + call.batch) * rows
        shape, spacing = [call.heads, padded], (0, padded)
    else:
        padded = row_blocks * rows
        shape, spacing = [call.batch, call.heads, padded], (call.heads * padded, padded)
    logsumexps, deltas = (empty(q, shape, "float32") for _ in range(2))
    launch(
        backwards.statistics,
        (row_blocks * call.heads * call.batch,),
        out,
        dout,
        lse,
        logsumexps,
        deltas,
        cu_seqlens_q,
        *call.strides(out),
        *call.strides(dout),
        *call.lse_strides,
        *spacing,
        call.heads,
        0 if call.packed else call.seqlen_q,
        row_blocks,
        num_warps=8,
        num_stages=1,
        PACKED=call.packed,
        ROWS=rows,
        DIMS=max(16, 1 << (call.head_dim - 1).bit_length()),
        HEAD_DIM=call.head_dim,
    )
    inputs = (call.q, call.k, call.v, dout, logsumexps, deltas)
    strides = [*call.strides(call.q), *call.strides(call.k), *call.strides(call.v)]
    strides += call.strides(dout)
    tail = (*spacing, call.slopes_stride, *call.lengths)
    scores = (*call.bounds, call.scale, call.softcap, *call.dropout)
    dq = dk = dv = None
    if needs[0]:
        dq = empty(q, list(q.shape), dtype)
        chosen = call.tile("query_gradient", tiles)
        row_blocks = _blocks(call.seqlen_q, chosen.rows)
        launch(
            backwards.query_gradient,
            (row_blocks * call.heads * call.batch,),
            *inputs,
            dq,
            call.slopes,
            cu_seqlens_q,
            cu_seqlens_k,
            *strides,
            *call.strides(dq),
            *tail,
            row_blocks,
            *scores,
            num_warps=chosen.warps,
            num_stages=chosen.stages,
            **call.constants,
            ROWS=chosen.rows,
            KEYS=chosen.keys,
        )
    if needs[1] or needs[2]:
        dk = empty(k, list(k.shape), dtype) if needs[1] else None
        dv = empty(v, list(v.shape), dtype) if needs[2] else None
        chosen = call.tile("key_value_gradients", tiles)
        key_blocks = _blocks(call.seqlen_k, chosen.keys)
        together = needs[1] and needs[2] and call.head_dim <= TOGETHER
        passes = [(True, True)] if together else [(True, False), (False, True)]
        for wants_dk, wants_dv in passes:
            if not (needs[1] >= wants_dk and needs[2] >= wants_dv):
                continue
            # The one that is not wanted is not touched.
            dk_or_dv = (dk if wants_dk else dv, dv if wants_dv else dk)
            launch(
                backwards.key_value_gradients,
                (key_blocks * call.kv_heads * call.batch,),
                *inputs,
                *dk_or_dv,
                call.slopes,
                cu_seqlens_q,
                cu_seqlens_k,
                *strides,
                *call.strides(dk_or_dv[0]),
                *call.strides(dk_or_dv[1]),
                *tail,
                key_blocks,
                *scores,
                num_warps=chosen.warps,
                num_stages=chosen.stages,
                **call.constants,
                WANTS_DK=wants_dk,
                WANTS_DV=wants_dv,
                ROWS=chosen.rows,
                KEYS=chosen.keys,
            )
    return dq, dk, dv


def _signed_probabilities(call: _Call, lse: Any, empty: Empty) -> Any:
    lengths = [_blocks(n, 128) * 128 for n in (call.seqlen_q, call.seqlen_k)]
    signed = empty(call.q, [call.batch, call.heads, *lengths], dtype_name(call.q))
    rows = keys = 64
    row_blocks = lengths[0] // rows
    launch(
        forwards.signed_probabilities,
        (row_blocks * call.heads * call.batch, lengths[1] // keys),
        call.q,
        call.k,
        lse,
        signed,
        call.slopes,
        *call.cu_seqlens,
        *call.strides(call.q),
        *call.strides(call.k),
        *call.lse_strides,
        call.slopes_stride,
        call.heads * lengths[0] * lengths[1],
        lengths[0] * lengths[1],
        lengths[1],
        *call.lengths,
        row_blocks,
        *call.bounds,
        call.scale,
        call.softcap,
        *call.dropout[1:],
        num_warps=4,
        num_stages=1,
        **{name: value for name, value in call.constants.items() if name != "HAS_DROPOUT"},
        ROWS=rows,
        KEYS=keys,
    )
    return signed


class _Call:
    """Shapes, strides and constants that the kernels of one call share."""

    def __init__(
        self,
        q: Any,
        k: Any,
        v: Any,
        scoring: Scoring,
        cu_seqlens_q: Any,
        cu_seqlens_k: Any,
        max_seqlen_q: int | None,
        max_seqlen_k: int | None,
        dropout_p: float | None,
        seed: Any,
    ) -> None:
        self.packed = cu_seqlens_q is not None
        self.cu_seqlens = (cu_seqlens_q, cu_seqlens_k)
        self.q, self.k, self.v = (_rows_in_place(x) for x in (q, k, v))
        self.heads, self.head_dim = int(q.shape[-2]), int(q.shape[-1])
        self.kv_heads = int(k.shape[-2])
        if self.packed:
            self.batch = int(cu_seqlens_q.shape[0]) - 1
            self.seqlen_q, self.seqlen_k = int(max_seqlen_q or 0), int(max_seqlen_k or 0)
            self.lse_strides = (0, int(q.shape[0]))
        else:
            self.batch = int(q.shape[0])
            self.seqlen_q, self.seqlen_k = int(q.shape[1]), int(k.shape[1])
            self.lse_strides = (self.heads * self.seqlen_q, self.seqlen_q)
        self.lengths = (self.heads, self.kv_heads, self.seqlen_q, self.seqlen_k)

        window = scoring.window
        self.bounds = (window.left or 0, window.right or 0)
        self.scale = float(scoring.scale)
        self.has_softcap = bool(scoring.softcap)
        self.softcap = float(scoring.softcap or 1.0)
        self.slopes, self.slopes_stride = scoring.slopes, 0
        if self.slopes is not None:
            self.slopes = self.slopes.contiguous()
            self.slopes_stride = self.heads if len(self.slopes.shape) == 2 else 0
        dropout_p = scoring.dropout_p if dropout_p is None else dropout_p
        seed = scoring.seed if seed is None else seed
        # 31 random bits are compared with it.
        threshold = min(round(dropout_p * 2**31), 2**31 - 1)
        self.dropout = (float(dropout_p), threshold, seed)
        low, high = parts(self.head_dim)
        self.constants: dict[str, Any] = {
            "PACKED": self.packed,
            "HAS_LEFT": window.left is not None,
            "HAS_RIGHT": window.right is not None,
            "CAUSAL": window.right == 0,
            "HAS_SOFTCAP": self.has_softcap,
            "HAS_SLOPES": self.slopes is not None,
            "HAS_DROPOUT": dropout_p > 0,
            "SEED_IN_MEMORY": not isinstance(seed, int),
            "LOW": low,
            "HIGH": high,
            "HEAD_DIM": self.head_dim,
        }

    def strides(self, x: Any) -> tuple[int, int, int]:
        """Return the distances of batch entries (0 if packed), rows and heads, in elements."""
        *batch, row, head, _ = _strides(x)
        return (0 if self.packed else batch[0], row, head)

    def tile(self, direction: str, tiles: Mapping[str, Tile] | None) -> Tile:
        if tiles is not None and direction in tiles:
            return tiles[direction]
        constants = self.constants
        kind = features(
            softcap=constants["HAS_SOFTCAP"],
            slopes=self.slopes,
            dropout_p=constants["HAS_DROPOUT"],
        )
        return tile(capability(self.q), self.head_dim, kind, direction)


def _strides(x: Any) -> list[int]:
    # torch has a method, Paddle a property.
    return list(x.stride() if hasattr(x, "stride") else x.strides)


def _rows_in_place(x: Any) -> Any:
    """Return x, or a copy whose last dimension is contiguous and whose tiles fit 32-bit offsets."""
    strides = _strides(x)
    if (strides[-1] == 1 or x.shape[-1] == 1) and strides[-3] * _LARGEST_TILE < 2**31:
        return x
    return x.contiguous()


def _blocks(length: int, size: int) -> int:
    return -(-length // size)
