"""What becomes of a result: ``out=`` tensors, and torch's named tuples."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any

import paddle

# torch.return_types: the fields of the tuples that reductions return.
_FIELDS = {
    "torch.return_types.max": ("values", "indices"),
    "torch.return_types.min": ("values", "indices"),
}


def stored(result: Any, out: Any) -> Any:
    """Write a result into ``out`` where one is given, as torch's ``out=`` does.

    Args:
        result: a tensor, or a tuple of tensors.
        out: None, a tensor, or as many tensors as ``result`` has.

    Returns:
        ``result``, or the tensors of ``out`` in the type of ``result``.
    """
    if out is None:
        return result
    if isinstance(result, tuple):
        kept = [paddle.assign(value, into) for value, into in zip(result, out, strict=True)]
        return type(result)(*kept) if hasattr(result, "_fields") else tuple(kept)
    paddle.assign(result, out)
    return out


def named(name: str, result: Any) -> Any:
    """Give a tuple of tensors torch's field names, ``torch.return_types.max`` for example."""
    return _type(name)(*result)


@cache
def _type(name: str) -> Any:
    made = namedtuple(name.rpartition(".")[2], _FIELDS[name])
    made.__module__ = name.rpartition(".")[0]
    return made
