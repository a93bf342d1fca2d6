"""Arguments of attention functions: checked, and errors that say what was given and accepted."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import paddle

from oarlock.errors import ArgumentError, ArgumentTypeError
from oarlock.kernels.attention.blocks import Window

MAX_HEAD_DIM = 256
_DTYPES = (paddle.float16, paddle.bfloat16, paddle.float32, paddle.float64)
_LAYOUTS = {
    3: "three dimensions, (total, heads, head_dim)",
    4: "four dimensions, (batch, seqlen, heads, head_dim)",
}


def check_tensors(api: str, q: Any, k: Any, v: Any, ndim: int = 4) -> None:
    """Check that q, k and v are tensors of one dtype, one place and shapes that belong together.

    They have ``ndim`` dimensions: four, or three where sequences lie one after the other.

    Raises:
        ArgumentTypeError: not a paddle.Tensor, or a dtype that is not accepted.
        ArgumentError: shapes, dtypes or places that do not belong together.

    """
    tensors = {"q": q, "k": k, "v": v}
    for name, x in tensors.items():
        check_is_tensor(api, name, x)
    for name, x in tensors.items():
        if x.ndim != ndim:
            raise _shape_error(api, name, x, _LAYOUTS[ndim])
        check_dtype(api, name, x)
    for name in ("k", "v"):
        check_belongs(api, name, tensors[name], q)
    _check_shapes(api, q, k, v)


def check_stacked(api: str, name: str, x: Any, ndim: int, q: paddle.Tensor | None = None) -> None:
    """Check q, k and v, or k and v, stacked in one tensor before the axis of the heads.

    Args:
        api: the name that errors give.
        name: "qkv" or "kv".
        x: (batch, seqlen, 3 or 2, heads, head_dim), or (total, 3 or 2, heads, head_dim).
        ndim: how many dimensions it has to have.
        q: the queries where they come apart from keys and values; what they share with k is
            compared after `check_stacked`, by `check_tensors`.

    Raises:
        ArgumentTypeError: not a paddle.Tensor, or a dtype that is not accepted.
        ArgumentError: a shape that is not accepted, a dtype or place other than that of q.

    """
    check_is_tensor(api, name, x)
    leading = "batch, seqlen" if ndim == 5 else "total"
    layout = f"({leading}, {len(name)}, {'kv_' * (name == 'kv')}heads, head_dim)"
    if x.ndim != ndim:
        words = {4: "four", 5: "five"}
        raise _shape_error(api, name, x, f"{words[ndim]} dimensions, {layout}")
    if x.shape[-3] != len(name):
        raise _shape_error(
            api, name, x, f"{len(name)} in the third dimension from the end, {layout}"
        )
    check_dtype(api, name, x)
    if ndim == 5 and x.shape[0] == 0:
        raise _shape_error(api, name, x, "a batch size of at least 1, as in flash_attn")
    if x.shape[-2] == 0:
        raise _shape_error(api, name, x, "at least one head")
    if not 1 <= x.shape[-1] <= MAX_HEAD_DIM:
        raise _shape_error(api, name, x, f"a head_dim (last dimension) of 1 to {MAX_HEAD_DIM}")
    if q is None:
        return
    check_belongs(api, name, x, q)
    if q.ndim == ndim - 1:
        if ndim == 5 and x.shape[0] != q.shape[0]:
            raise _shape_error(api, name, x, f"the batch size of q, {q.shape[0]}")
        if x.shape[-1] != q.shape[-1]:
            raise _shape_error(api, name, x, f"the head_dim of q, {q.shape[-1]}")


def check_dtype(api: str, name: str, x: paddle.Tensor) -> None:
    """Check that a tensor is of a dtype that attention computes in."""
    if x.dtype not in _DTYPES:
        raise ArgumentTypeError(
            api=api,
            parameter=name,
            given=f"dtype {_dtype(x)}",
            accepted="float16, bfloat16, float32 or float64",
        )


def check_belongs(api: str, name: str, x: paddle.Tensor, q: paddle.Tensor) -> None:
    """Check that a tensor has the dtype of q and lies where it lies."""
    if x.dtype != q.dtype:
        raise ArgumentError(
            api=api,
            parameter=name,
            given=f"dtype {_dtype(x)}",
            accepted=f"the dtype of q, {_dtype(q)}",
            advice=f'Cast it, for example with {name}.astype("{_dtype(q)}")',
        )
    check_place(api, name, x, q)


def _check_shapes(api: str, q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor) -> None:
    heads, head_dim = q.shape[-2:]
    kv_heads = k.shape[-2]
    if q.ndim == 4 and q.shape[0] == 0:
        raise _shape_error(api, "q", q, "a batch size of at least 1, as in flash_attn")
    if not 1 <= head_dim <= MAX_HEAD_DIM:
        raise _shape_error(api, "q", q, f"a head_dim (last dimension) of 1 to {MAX_HEAD_DIM}")
    if q.ndim == 4 and k.shape[0] != q.shape[0]:
        raise _shape_error(api, "k", k, f"the batch size of q, {q.shape[0]}")
    if k.shape[-1] != head_dim:
        raise _shape_error(api, "k", k, f"the head_dim of q, {head_dim}")
    if kv_heads == 0:
        raise _shape_error(api, "k", k, "at least one head")
    if heads == 0 or heads % kv_heads:
        raise _shape_error(
            api, "q", q, f"a number of heads that is a multiple of the {kv_heads} heads of k and v"
        )
    if list(v.shape) != list(k.shape):
        raise _shape_error(api, "v", v, f"the shape of k, {_shape(k)}")


def check_is_tensor(api: str, name: str, x: Any) -> None:
    """Check that an argument is a paddle.Tensor, and say what to do with others' tensors."""
    if isinstance(x, paddle.Tensor):
        return
    module = type(x).__module__.partition(".")[0]
    given, advice = f"{_article(type(x).__name__)} {type(x).__name__}", None
    if module == "torch":
        given = f"a torch.{type(x).__name__}"
        advice = f"Convert it with paddle.utils.dlpack.from_dlpack({name}.detach())"
    elif module == "numpy":
        given = f"a numpy.{type(x).__name__}"
        advice = f"Convert it with paddle.to_tensor({name})"
    raise ArgumentTypeError(
        api=api, parameter=name, given=given, accepted="a paddle.Tensor", advice=advice
    )


def check_place(api: str, name: str, x: paddle.Tensor, q: paddle.Tensor) -> None:
    """Check that a tensor lies on the device of q."""
    if x.place != q.place:
        raise ArgumentError(
            api=api,
            parameter=name,
            given=f"a tensor on {x.place}",
            accepted=f"the place of q, {q.place}",
            advice=f"Move it, for example with {name}.to(q.place)",
        )


def check_dropout(api: str, dropout_p: Any, softcap: float) -> float:
    """Return the dropout probability, a number in [0, 1), 0 where there is a softcap."""
    dropout_p = _number(api, "dropout_p", dropout_p)
    if not 0 <= dropout_p < 1:
        raise ArgumentError(
            api=api,
            parameter="dropout_p",
            given=f"{dropout_p:g}",
            accepted="a probability of 0 or more and less than 1",
        )
    if dropout_p and softcap:
        raise ArgumentError(
            api=api,
            parameter="dropout_p",
            given=f"{dropout_p:g} together with softcap={softcap:g}",
            accepted="dropout_p=0.0 with a softcap",
            reason="flash_attn does not support both at once",
        )
    return dropout_p


def check_softcap(api: str, softcap: Any) -> float:
    """Return the bound of the scores, 0 for none."""
    softcap = _number(api, "softcap", softcap)
    if softcap < 0:
        raise ArgumentError(
            api=api, parameter="softcap", given=f"{softcap:g}", accepted="0 (off) or more"
        )
    return softcap


def check_scale(api: str, softmax_scale: Any, head_dim: int) -> float:
    """Return the factor of the scores, by default ``head_dim ** -0.5``."""
    if softmax_scale is None:
        return head_dim**-0.5
    return _number(api, "softmax_scale", softmax_scale, "a finite number, or None for the default")


def check_window(api: str, window_size: Any, causal: Any, seqlen_q: int, seqlen_k: int) -> Window:
    """Return the keys each row sees.

    As in flash_attn's csrc/flash_attn/flash_api.cpp, any negative bound and any bound of
    ``seqlen_k`` or more is unbounded, and ``causal`` means a right bound of 0.
    """
    if not _is_integral(causal) and not isinstance(causal, bool | np.bool_):
        raise ArgumentTypeError(
            api=api, parameter="causal", given=_describe(causal), accepted="True or False"
        )
    accepted = "a pair of integers (left, right), for example window_size=(16, 0)"
    if not isinstance(window_size, (tuple, list)):
        raise ArgumentTypeError(
            api=api, parameter="window_size", given=_describe(window_size), accepted=accepted
        )
    if len(window_size) != 2:
        raise ArgumentError(
            api=api,
            parameter="window_size",
            given=f"{window_size!r}, {len(window_size)} values",
            accepted=accepted,
        )
    if not all(_is_integral(bound) for bound in window_size):
        raise ArgumentTypeError(
            api=api, parameter="window_size", given=f"{window_size!r}", accepted=accepted
        )
    left, right = (int(bound) if 0 <= bound < seqlen_k else None for bound in window_size)
    return Window(seqlen_q, seqlen_k, left, 0 if causal else right)


def check_slopes(
    api: str, slopes: Any, q: paddle.Tensor, batch: int | None = None
) -> paddle.Tensor | None:
    """Return the ALiBi slopes without a gradient, float32 (heads,) or (batch, heads), or None.

    ``batch`` is how many sequences there are, where it is not the first dimension of q.
    """
    if slopes is None:
        return None
    name = "alibi_slopes"
    check_is_tensor(api, name, slopes)
    batch, heads = q.shape[0] if batch is None else batch, q.shape[-2]
    if slopes.dtype != paddle.float32:
        raise ArgumentTypeError(
            api=api, parameter=name, given=f"dtype {_dtype(slopes)}", accepted="float32"
        )
    if tuple(slopes.shape) not in ((heads,), (batch, heads)):
        raise _shape_error(
            api, name, slopes, f"({heads},), one per head, or ({batch}, {heads}), (batch, heads)"
        )
    check_place(api, name, slopes, q)
    return slopes.detach()


def _number(api: str, name: str, value: Any, accepted: str = "a finite number") -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentTypeError(api=api, parameter=name, given=_describe(value), accepted=accepted)
    if not math.isfinite(value):
        raise ArgumentError(api=api, parameter=name, given=f"{value}", accepted=accepted)
    return float(value)


def _is_integral(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _describe(value: Any) -> str:
    if isinstance(value, Real) and not isinstance(value, bool):
        return f"{value}, a single number"
    return f"{value!r}, {_article(type(value).__name__)} {type(value).__name__}"


def _article(noun: str) -> str:
    return "an" if noun[0].lower() in "aeiou" else "a"


def _dtype(x: paddle.Tensor) -> str:
    return str(x.dtype).removeprefix("paddle.")


def _shape(x: paddle.Tensor) -> str:
    return str(tuple(x.shape))


def _shape_error(api: str, name: str, x: paddle.Tensor, accepted: str) -> ArgumentError:
    return ArgumentError(
        api=api, parameter=name, given=f"a tensor of shape {_shape(x)}", accepted=accepted
    )
