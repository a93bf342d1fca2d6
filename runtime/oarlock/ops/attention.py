"""Scaled dot-product attention, and multi-head attention around it."""

from __future__ import annotations

import math
import warnings
from functools import lru_cache
from math import prod
from typing import Any

import paddle
from paddle import _C_ops as _stubbed
from paddle.jit.sot import psdb

from oarlock.kernels.attention.arguments import MAX_HEAD_DIM
from oarlock.kernels.attention.blocks import Window
from oarlock.ops.composition import composition
from oarlock.ops.dropout import dropout
from oarlock.ops.linear import linear
from oarlock.ops.padding import pad
from oarlock.ops.softmax import softmax

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

_HALVES = (paddle.float16, paddle.bfloat16)
_FLOATS = (*_HALVES, paddle.float32, paddle.float64)


@composition
def scaled_dot_product_attention(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    attn_mask: paddle.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> paddle.Tensor:
    """Return ``softmax(query @ key.T * scale + mask) @ value`` (Vaswani et al., 2017).

    A query that sees no key gives zeros, and no gradient. On a GPU that runs them, Oarlock's
    attention kernels compute what has neither mask nor dropout, in float16 and bfloat16.

    Args:
        query: of shape (*, heads, L, E).
        key: of shape (*, heads, S, E).
        value: of shape (*, heads, S, Ev).
        attn_mask: broadcast to (*, heads, L, S): True where a key is seen, or a float to add.
        dropout_p: probability with which an attention weight is dropped, also outside training.
        is_causal: a query sees the keys up to its own position, counted from the first.
        scale: of the scores, ``1 / sqrt(E)`` where it is None.
        enable_gqa: the heads of key and of value, fewer by a whole factor, serve several query
            heads.

    Returns:
        A tensor of shape (*, heads, L, Ev).

    Raises:
        RuntimeError: shapes or dtypes that do not belong together, or a dropout outside [0, 1].
    """
    _check(query, key, value, attn_mask, dropout_p)
    if attn_mask is None and not dropout_p and query.dtype in _HALVES:
        out = _by_kernel(query, key, value, is_causal, scale, enable_gqa)
        if out is not None:
            return out
    if enable_gqa:
        key, value = _of_as_many_heads(query, key, value)
    if not query.ndim == key.ndim == value.ndim:
        query, key, value = _of_one_rank(query, key, value)
    length, width = query.shape[-2:]
    keys = key.shape[-2]
    factor = 1.0 / math.sqrt(width) if scale is None else float(scale)
    q = _C_ops.scale(query, factor, 0.0, True)
    groups = query.shape[-3] // key.shape[-3] if enable_gqa else 1
    *lead, heads = query.shape[:-2] if query.ndim > 2 else [1]
    if groups > 1:
        q = _C_ops.reshape(q, [*lead, heads // groups, groups * length, width])
    scores = _C_ops.matmul(q, key, False, True)
    if groups > 1:
        scores = _C_ops.reshape(scores, [*lead, heads, length, keys])
    blind = None
    if attn_mask is not None:
        scores, blind = _masked(scores, attn_mask, is_causal)
    elif is_causal:
        scores = _C_ops.add(scores, _causal(length, keys, scores.dtype, str(scores.place)))
    weights = _C_ops.softmax(scores, -1)
    if blind is not None:
        weights = paddle.where(blind, paddle.zeros([], weights.dtype), weights)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    if groups > 1:
        weights = _C_ops.reshape(weights, [*lead, heads // groups, groups * length, keys])
    out = _C_ops.matmul(weights, value, False, False)
    if groups > 1:
        out = _C_ops.reshape(out, [*lead, heads, length, value.shape[-1]])
    return out


def _check(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    attn_mask: paddle.Tensor | None,
    dropout_p: float,
) -> None:
    dtype = query.dtype
    if key.dtype is not dtype or value.dtype is not dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"query.dim: {query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if not 0.0 <= dropout_p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if attn_mask is not None and not any(
        attn_mask.dtype is each for each in (paddle.bool, paddle.float32, dtype)
    ):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {attn_mask.dtype} and  query.dtype: {query.dtype} instead."
        )


def _of_one_rank(*tensors: paddle.Tensor) -> list[paddle.Tensor]:
    """Paddle's batched matmul has no gradient for operands of different ranks."""
    rank = max(x.ndim for x in tensors)
    return [_C_ops.reshape(x, [1] * (rank - x.ndim) + list(x.shape)) for x in tensors]


def _by_kernel(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    is_causal: bool,
    scale: float | None,
    enable_gqa: bool,
) -> paddle.Tensor | None:
    """Attention by the kernels of `oarlock.kernels.attention`; None where they do not serve it."""
    if not _is_for_kernels(query, key, value, enable_gqa):
        return None
    from oarlock.kernels.attention.computation import compute
    from oarlock.kernels.attention.scoring import Scoring

    psdb.fallback(recursive=True)  # to_static runs it as it is
    length, keys, right = query.shape[-2], key.shape[-2], None
    if is_causal:
        # torch's causal mask starts at the top left. What stands behind it no query sees, and
        # without those keys the window of a last query at the last key is never negative.
        keys = min(length, keys)
        key, value = key[:, :, :keys], value[:, :, :keys]
        right = length - keys
    factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    scoring = Scoring(
        window=Window(length, keys, None, right),
        scale=factor,
        api="torch.nn.functional.scaled_dot_product_attention",
    )
    q, k, v = (paddle.transpose(x, [0, 2, 1, 3]) for x in (query, key, value))
    return paddle.transpose(compute(q, k, v, scoring, False), [0, 2, 1, 3])


def _is_for_kernels(
    query: paddle.Tensor, key: paddle.Tensor, value: paddle.Tensor, enable_gqa: bool
) -> bool:
    from oarlock.kernels.attention.implementations import KERNELS, implementation_of

    if not (query.ndim == key.ndim == 4 and paddle.in_dynamic_mode()):
        return False
    batch, heads, _, width = query.shape
    kv_heads, keys = key.shape[1:3]
    if key.shape != [batch, kv_heads, keys, width] or value.shape != key.shape:
        return False
    if 0 in (*query.shape, kv_heads, keys) or width > MAX_HEAD_DIM:
        return False
    if heads != kv_heads and (not enable_gqa or heads % kv_heads):
        return False
    return implementation_of(query)[0] is KERNELS


def describe(**arguments: Any) -> tuple[str, tuple[str, ...]]:
    """Say what would compute a call of attention, and what to know of it: for ``explain``."""
    if "embed_dim_to_check" in arguments:
        return "multi_head_attention_forward", ()
    query, key, value = (arguments[name] for name in ("query", "key", "value"))
    plain = arguments["attn_mask"] is None and not arguments["dropout_p"]
    if (
        plain
        and query.dtype in _HALVES
        and _is_for_kernels(query, key, value, arguments["enable_gqa"])
    ):
        from oarlock.kernels.attention.description import describe as describe_kernels

        return describe_kernels(q=query, k=key, v=value)
    return "scaled_dot_product_attention", ()


def _of_as_many_heads(
    query: paddle.Tensor, key: paddle.Tensor, value: paddle.Tensor
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Key and value as they are, or where their heads differ, each with the heads of the query."""
    _check_heads(query, key, value)
    if key.shape[-3] == value.shape[-3]:
        return key, value
    heads = query.shape[-3]
    key, value = (
        paddle.repeat_interleave(x, heads // x.shape[-3], x.ndim - 3) for x in (key, value)
    )
    return key, value


def _check_heads(query: paddle.Tensor, key: paddle.Tensor, value: paddle.Tensor) -> None:
    if min(query.ndim, key.ndim, value.ndim) < 3:
        raise RuntimeError("enable_gqa expects query, key and value of at least three dims")
    heads = query.shape[-3]
    kept = [x.shape[-3] for x in (key, value)]
    if not all(kept) or any(heads % each for each in kept):
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query, but got "
            f"{kept[0]}, {kept[1]} and {heads}"
        )


def _masked(
    scores: paddle.Tensor, mask: paddle.Tensor, is_causal: bool
) -> tuple[paddle.Tensor, paddle.Tensor | None]:
    """Return the masked scores, and which queries see no key where some do not."""
    low = paddle.full([], float("-inf"), scores.dtype)
    if mask.dtype is paddle.bool:
        if is_causal:
            seen = paddle.tril(paddle.ones(scores.shape[-2:], paddle.int32)).cast(paddle.bool)
            mask = mask & seen
        hidden = _C_ops.logical_not(mask)
        blind = hidden.all(-1, keepdim=True)
        if not bool(blind.any()):
            return paddle.where(hidden, low, scores), None
        # A finite score everywhere keeps the softmax and its gradient free of NaN.
        return paddle.where(hidden & ~blind, low, scores), blind
    mask = mask if mask.dtype is scores.dtype else mask.cast(scores.dtype)
    if is_causal:
        mask = mask + _causal(*scores.shape[-2:], scores.dtype, str(scores.place))
    blind = (mask.detach() == low).all(-1, keepdim=True)
    if not bool(blind.any()):
        return _C_ops.add(scores, mask), None
    mask = paddle.where(blind, paddle.zeros([], mask.dtype), mask)
    return _C_ops.add(scores, mask), blind


@lru_cache(maxsize=16)
def _causal(length: int, keys: int, dtype: Any, place: str) -> paddle.Tensor:
    """Minus infinity above the diagonal that starts at the top left."""
    return paddle.triu(paddle.full([length, keys], float("-inf"), dtype), 1)


def multi_head_attention_forward(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: paddle.Tensor | None,
    in_proj_bias: paddle.Tensor | None,
    bias_k: paddle.Tensor | None,
    bias_v: paddle.Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: paddle.Tensor,
    out_proj_bias: paddle.Tensor | None,
    training: bool = True,
    key_padding_mask: paddle.Tensor | None = None,
    need_weights: bool = True,
    attn_mask: paddle.Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: paddle.Tensor | None = None,
    k_proj_weight: paddle.Tensor | None = None,
    v_proj_weight: paddle.Tensor | None = None,
    static_k: paddle.Tensor | None = None,
    static_v: paddle.Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[paddle.Tensor, paddle.Tensor | None]:
    """Project query, key and value, attend with each head, and project the result.

    Args:
        query: of shape (L, N, E) or (L, E).
        key: of shape (S, N, E) or (S, E); another E with separate projections.
        value: of shape (S, N, E) or (S, E); another E with separate projections.
        embed_dim_to_check: E.
        num_heads: divides E.
        in_proj_weight: of shape (3 E, E): those of query, key and value.
        in_proj_bias: of shape (3 E,).
        bias_k: of shape (1, 1, E), a further key.
        bias_v: of shape (1, 1, E), a further value.
        add_zero_attn: a further key and value of zeros.
        dropout_p: probability with which an attention weight is dropped in training.
        out_proj_weight: of shape (E, E).
        out_proj_bias: of shape (E,).
        training: whether to drop.
        key_padding_mask: of shape (N, S) or (S,): True where a key is hidden, or a float to add.
        need_weights: return the attention weights too.
        attn_mask: of shape (L, S) or (N * num_heads, L, S): True where hidden, or a float to add.
        use_separate_proj_weight: take the three weights below instead of ``in_proj_weight``.
        q_proj_weight: of shape (E, E).
        k_proj_weight: of shape (E, key's E).
        v_proj_weight: of shape (E, value's E).
        static_k: keys of shape (N * num_heads, S, E / num_heads), instead of projected ones.
        static_v: values of that shape.
        average_attn_weights: return the mean of the heads' weights.
        is_causal: a hint that ``attn_mask`` is causal.

    Returns:
        The output of the shape of ``query``, and the weights of shape (N, L, S), or
        (N, num_heads, L, S) where they are not averaged, or None.

    Raises:
        AssertionError: shapes that do not belong together.
        RuntimeError: a mask of the wrong shape, or ``is_causal`` without a mask.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same_key, same_value = query is key, key is value
        query = query.unsqueeze(1)
        key = query if same_key else key.unsqueeze(1)
        value = key if same_value else value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    padding = _additive(key_padding_mask, "key_padding_mask", query.dtype)
    if (
        key_padding_mask is not None
        and attn_mask is not None
        and key_padding_mask.dtype != attn_mask.dtype
    ):
        warnings.warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. "
            "Use same type for both instead.",
            stacklevel=3,
        )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding is None and not need_weights:
        mask = None
    else:
        mask = _additive(attn_mask, "attn_mask", query.dtype)
        is_causal = is_causal and padding is None
    if width != embed_dim_to_check:
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
        )
    head = width // num_heads
    if head * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    q, k, v = _projected(
        query,
        key,
        value,
        in_proj_weight,
        in_proj_bias,
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None,
    )
    mask = _mask_of_three_dims(mask, length, key.shape[0], batch * num_heads)
    extra = 0
    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v belong together, but only one of them is set")
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key.")
        k = paddle.concat([k, paddle.expand(bias_k, [1, batch, width])])
        v = paddle.concat([v, paddle.expand(bias_v, [1, batch, width])])
        extra += 1
    heads = batch * num_heads
    q = q.reshape([length, heads, head]).transpose([1, 0, 2])
    k = _heads_of(k, static_k, "static_k", heads, head)
    v = _heads_of(v, static_v, "static_v", heads, head)
    if add_zero_attn:
        zeros = paddle.zeros([heads, 1, head], k.dtype)
        k, v = paddle.concat([k, zeros], 1), paddle.concat([v, zeros], 1)
        extra += 1
    if extra:
        mask = None if mask is None else pad(mask, (0, extra))
        padding = None if padding is None else pad(padding, (0, extra))
    keys = k.shape[1]
    if padding is not None:
        if list(padding.shape) != [batch, keys]:
            raise AssertionError(
                f"key_padding_mask of shape {[batch, keys]} expected, but got {list(padding.shape)}"
            )
        padding = padding.reshape([batch, 1, 1, keys]).expand([batch, num_heads, 1, keys])
        padding = padding.reshape([heads, 1, keys])
        mask = padding if mask is None else mask + padding
    drop = dropout_p if training else 0.0
    if need_weights:
        out, weights = _attended(q, k, v, mask, drop)
        weights = weights.reshape([batch, num_heads, length, keys])
        if average_attn_weights:
            weights = weights.mean(1)
    else:
        if mask is not None:
            mask = (
                mask.unsqueeze(0)
                if mask.shape[0] == 1
                else mask.reshape([batch, num_heads, mask.shape[1], keys])
            )
        out = scaled_dot_product_attention(
            q.reshape([batch, num_heads, length, head]),
            k.reshape([batch, num_heads, keys, head]),
            v.reshape([batch, num_heads, keys, head]),
            mask,
            drop,
            is_causal and mask is None,
        ).reshape([heads, length, head])
        weights = None
    out = out.transpose([1, 0, 2]).reshape([length * batch, width])
    out = linear(out, out_proj_weight, out_proj_bias)
    out = out.reshape([length, batch, out.shape[1]])
    if not batched:
        out = out.squeeze(1)
        weights = None if weights is None else weights.squeeze(0)
    return out, weights


@composition
def _attended(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    mask: paddle.Tensor | None,
    drop: float,
) -> tuple[paddle.Tensor, paddle.Tensor]:
    scaled = _C_ops.scale(q, math.sqrt(1.0 / q.shape[-1]), 0.0, True)
    scores = _C_ops.matmul(scaled, k, False, True)
    if mask is not None:
        scores = _C_ops.add(scores, mask)
    weights = softmax(scores, -1)
    if drop > 0.0:
        weights = dropout(weights, drop)
    return _C_ops.matmul(weights, v, False, False), weights


def _projected(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    weight: paddle.Tensor | None,
    bias: paddle.Tensor | None,
    separate: tuple[paddle.Tensor | None, ...] | None,
) -> list[paddle.Tensor]:
    biases = [None] * 3 if bias is None else paddle.split(bias, 3)
    if separate is not None:
        if list(key.shape[:2]) != list(value.shape[:2]):
            raise AssertionError(
                f"key's sequence and batch dims {list(key.shape[:2])} do not match value's "
                f"{list(value.shape[:2])}"
            )
        out = []
        for x, w, b, name in zip((query, key, value), separate, biases, "qkv", strict=True):
            if w is None:
                raise AssertionError(
                    f"use_separate_proj_weight is True but {name}_proj_weight is None"
                )
            out.append(linear(x, w, b))
        return out
    if list(key.shape) != list(value.shape):
        raise AssertionError(
            f"key shape {list(key.shape)} does not match value shape {list(value.shape)}"
        )
    if weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    if query is key and key is value:
        return paddle.split(linear(query, weight, bias), 3, -1)
    weights = paddle.split(weight, 3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]


def _heads_of(
    x: paddle.Tensor, static: paddle.Tensor | None, name: str, heads: int, head: int
) -> paddle.Tensor:
    if static is None:
        return x.reshape([x.shape[0], heads, head]).transpose([1, 0, 2])
    if static.shape[0] != heads or static.shape[2] != head:
        raise AssertionError(
            f"expecting {name} of sizes {heads} and {head}, but got {list(static.shape)}"
        )
    return static


def _mask_of_three_dims(
    mask: paddle.Tensor | None, length: int, keys: int, heads: int
) -> paddle.Tensor | None:
    if mask is None:
        return None
    expected = [length, keys] if mask.ndim == 2 else [heads, length, keys]
    if list(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {list(mask.shape)}, "
            f"but should be {expected}."
        )
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


def _additive(mask: paddle.Tensor | None, name: str, dtype: Any) -> paddle.Tensor | None:
    """A bool mask, True where hidden, as one to add."""
    if mask is None or mask.dtype in _FLOATS:
        return mask
    if mask.dtype is not paddle.bool:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if not prod(mask.shape):
        return mask.cast(dtype)
    return paddle.where(mask, paddle.full([], float("-inf"), dtype), paddle.zeros([], dtype))


def _check_shapes(
    query: paddle.Tensor,
    key: paddle.Tensor,
    value: paddle.Tensor,
    key_padding_mask: paddle.Tensor | None,
    attn_mask: paddle.Tensor | None,
    num_heads: int,
) -> bool:
    """Return whether the inputs are batched."""
    ndim = query.ndim
    if ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {ndim}-D query tensor"
        )
    kind = "batched (3-D)" if ndim == 3 else "unbatched (2-D)"
    if key.ndim != ndim or value.ndim != ndim:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {ndim}-D but found {key.ndim}-D "
            f"and {value.ndim}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.ndim != ndim - 1:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {ndim - 1}-D but "
            f"found {key_padding_mask.ndim}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.ndim not in (2, 3):
            raise AssertionError(
                f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
                f"{attn_mask.ndim}-D tensor instead"
            )
        expected = [num_heads, query.shape[0], key.shape[0]]
        if ndim == 2 and attn_mask.ndim == 3 and list(attn_mask.shape) != expected:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {expected} but got {list(attn_mask.shape)}"
            )
    return ndim == 3
