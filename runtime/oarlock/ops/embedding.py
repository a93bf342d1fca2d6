"""Embeddings: rows of a table, and bags of them."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops as _stubbed

from oarlock.errors import UnsupportedError
from oarlock.ops.composition import composition, kernel_ready, on_cpu

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

_NO_PADDING = -1


@composition
def embedding(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> paddle.Tensor:
    """Return the rows of ``weight`` that ``input`` names.

    Args:
        input: int32 or int64 of any shape.
        weight: of shape (rows, D).
        padding_idx: a row that gets no gradient.
        max_norm: the rows named are first scaled, in place, to at most this norm.
        norm_type: the p of that norm.
        scale_grad_by_freq: a row's gradient is divided by how often ``input`` names it.
        sparse: refused.

    Returns:
        A tensor of shape (*input.shape, D).

    Raises:
        IndexError: a row that is not there.
        RuntimeError: a dtype of ``input`` other than int32 and int64.
        AssertionError: a ``padding_idx`` that is not there.
        UnsupportedError: ``sparse``.
    """
    if sparse:
        raise UnsupportedError(
            api="torch.nn.functional.embedding",
            parameter="sparse",
            given="True",
            reason="Paddle's row-wise gradients are no torch.sparse tensors",
            advice="Leave it False: the gradient is then dense and has the same values",
        )
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    rows = weight.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if input.dtype not in (paddle.int64, paddle.int32):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.dtype} instead (while checking arguments for embedding)"
        )
    if max_norm is not None:
        _renormalize(weight, input, float(max_norm), float(norm_type))
    if padding_idx is not None and not weight.stop_gradient:
        if not scale_grad_by_freq and _is_zero_row(weight, padding_idx):
            # Paddle gives zeros for the padding, whatever the row holds.
            return _looked_up(input, weight, padding_idx)
        out = _masked(_looked_up(input, weight, _NO_PADDING), input, padding_idx)
    else:
        out = _looked_up(input, weight, _NO_PADDING)
    if scale_grad_by_freq and not weight.stop_gradient:
        _, place, counts = np.unique(input.numpy(), return_inverse=True, return_counts=True)
        share = (1.0 / counts)[place].reshape([*input.shape, 1])
        scaled = out * paddle.to_tensor(share, dtype=out.dtype, place=out.place)
        return out.detach() + (scaled - scaled.detach())
    return out


def _looked_up(input: paddle.Tensor, weight: paddle.Tensor, padding_idx: int) -> paddle.Tensor:
    if on_cpu(input):
        # Paddle's CPU kernel reads beyond the table: at -1, and with a padding anywhere.
        named = input.numpy()
        # A negative number is a large unsigned one.
        unsigned = named.view(f"u{named.itemsize:d}")
        if named.size and unsigned.max() >= weight.shape[0]:
            raise IndexError("index out of range in self")
    return _C_ops.embedding(input, weight, padding_idx, False)


def _is_zero_row(weight: paddle.Tensor, row: int) -> bool:
    if not on_cpu(weight):
        return False
    values = _C_ops.slice(weight.detach(), [0], [row], [row + 1], [1], [])
    return not values.cast(paddle.float32).numpy().any()


def _masked(out: paddle.Tensor, input: paddle.Tensor, padding_idx: int) -> paddle.Tensor:
    """Stop the gradient where ``input`` names the padding."""
    padding = _C_ops.equal(input, paddle.full([], padding_idx, input.dtype))
    padding = padding.reshape([*input.shape] + [1] * (out.ndim - input.ndim))
    return paddle.where(padding, out.detach(), out)


def _renormalize(
    weight: paddle.Tensor, input: paddle.Tensor, max_norm: float, norm_type: float
) -> None:
    with paddle.no_grad():
        named = np.unique(input.numpy()).astype(np.int64)
        if not named.size:
            return
        if named[0] < 0 or named[-1] >= weight.shape[0]:
            raise IndexError("index out of range in self")
        index = paddle.to_tensor(named, place=weight.place)
        rows = _C_ops.index_select(weight.detach(), index, 0)
        norms = _C_ops.p_norm(rows.cast("float32"), norm_type, 1, 0.0, True, False)
        over = norms.numpy() > max_norm
        if not over.any():
            return
        factor = paddle.where(norms > max_norm, max_norm / (norms + 1e-7), paddle.ones_like(norms))
        _C_ops.scatter_(weight, index, rows * factor.cast(rows.dtype), True)


@composition
def embedding_bag(
    input: paddle.Tensor,
    weight: paddle.Tensor,
    offsets: paddle.Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: paddle.Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> paddle.Tensor:
    """Return the sum, mean or maximum of the rows of ``weight`` that each bag of ``input`` names.

    Args:
        input: int32 or int64 of shape (B, N), or (N,) with ``offsets``.
        weight: of shape (rows, D).
        offsets: where each bag starts, of shape (B,).
        max_norm: the rows named are first scaled, in place, to at most this norm.
        norm_type: the p of that norm.
        scale_grad_by_freq: a row's gradient is divided by how often ``input`` names it.
        mode: 'sum', 'mean' or 'max'.
        sparse: refused.
        per_sample_weights: of the shape of ``input``; with 'sum' only.
        include_last_offset: the last offset is the end of the last bag, not another bag.
        padding_idx: a row that counts for no bag and gets no gradient.

    Returns:
        A tensor of shape (B, D); an empty bag gives zeros.

    Raises:
        ValueError: shapes or modes that do not belong together.
        IndexError: a row that is not there.
        NotImplementedError: ``per_sample_weights`` with a mode other than 'sum'.
        UnsupportedError: ``sparse``.
    """
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, "
            f"then it must have the same shape as the input ({list(input.shape)})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')."
        )
    ends = _bag_ends(input, offsets, include_last_offset)
    flat = _C_ops.reshape(input, [-1])
    rows = embedding(flat, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    counts = np.diff(ends)
    bags = len(counts)
    kept = np.ones(prod(flat.shape), bool)
    if padding_idx is not None:
        kept = flat.numpy() != padding_idx % weight.shape[0]
    bag = np.repeat(np.arange(bags), counts)
    if mode == "max":
        return _max_of_bags(rows, ends, kept, bags)
    # Added up in float32 and rounded once, as torch does.
    rows = kernel_ready(rows)
    if per_sample_weights is not None:
        rows = rows * kernel_ready(_C_ops.reshape(per_sample_weights, [-1, 1]))
    if not kept.all():
        rows = rows * paddle.to_tensor(kept, dtype=rows.dtype, place=rows.place).unsqueeze(1)
    out = paddle.zeros([bags, weight.shape[1]], rows.dtype)
    if bag.size:
        out = _C_ops.index_add(out, paddle.to_tensor(bag, place=rows.place), rows, 0)
    else:
        out = out + rows.sum()
    if mode == "sum":
        return _C_ops.cast(out, weight.dtype)
    sizes = np.maximum(np.bincount(bag[kept], minlength=bags), 1)
    out = out / paddle.to_tensor(sizes, dtype=out.dtype, place=out.place).unsqueeze(1)
    return _C_ops.cast(out, weight.dtype)


def _bag_ends(
    input: paddle.Tensor, offsets: paddle.Tensor | None, include_last_offset: bool
) -> np.ndarray:
    """Where each bag starts, and where the last one ends."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        return np.arange(input.shape[0] + 1) * input.shape[1]
    if input.ndim != 1:
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = offsets.numpy().astype(np.int64)
    count = input.shape[0]
    if starts.size and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {starts[0]}"
        )
    if starts.size and starts.max() > count:
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length({count}) but got offsets[-1] of "
            f"{starts[-1]}"
        )
    if not include_last_offset:
        return np.append(starts, count)
    return np.append(starts[:-1], count)


def _max_of_bags(
    rows: paddle.Tensor, ends: np.ndarray, kept: np.ndarray, bags: int
) -> paddle.Tensor:
    width = rows.shape[1]
    longest = max(int(np.diff(ends).max(initial=0)), 1)
    place = np.zeros((bags, longest), np.int64)
    valid = np.zeros((bags, longest), bool)
    for i, (start, end) in enumerate(pairwise(ends)):
        inside = np.flatnonzero(kept[start:end]) + start
        place[i, : len(inside)] = inside
        valid[i, : len(inside)] = True
    if not valid.any():
        return paddle.zeros([bags, width], rows.dtype) + rows.sum() * 0.0
    index = paddle.to_tensor(place, place=rows.place)
    with paddle.no_grad():
        taken = _C_ops.index_select(rows.detach(), index.reshape([-1]), 0)
        taken = taken.reshape([bags, longest, width])
        hidden = paddle.to_tensor(~valid, place=rows.place).unsqueeze(2)
        taken = paddle.where(hidden, paddle.full([], float("-inf"), rows.dtype), taken)
        best = paddle.argmax(taken, 1)
        chosen = _C_ops.take_along_axis(index, best, 1)
    out = _C_ops.take_along_axis(rows, chosen, 0)
    empty = paddle.to_tensor(np.logical_not(valid.any(1)), place=rows.place).unsqueeze(1)
    return paddle.where(empty, paddle.zeros([], out.dtype), out)
