"""What distributions make of their parameters: one shape, probabilities, logits, sums over events."""

from __future__ import annotations

from numbers import Number
from typing import Any

import oarlock.torch as torch
from oarlock.torch.nn import functional

euler_constant = 0.57721566490153286060


def is_number(value: Any) -> bool:
    """Whether a parameter is a Python number."""
    return isinstance(value, Number) and not isinstance(value, torch.Tensor)


def broadcast_all(*values: Any) -> Any:
    """Tensors of one shape; numbers take dtype and device of the first tensor, or the default dtype.

    Raises:
        ValueError: a value is neither a number nor a tensor.
    """
    if not all(isinstance(v, torch.Tensor) or is_number(v) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects "
            f"implementing __torch_function__, but found {[type(v).__name__ for v in values]}"
        )
    first = next((v for v in values if isinstance(v, torch.Tensor)), None)
    if first is None:
        options: dict[str, Any] = {"dtype": torch.get_default_dtype()}
    else:
        options = {"dtype": first.dtype, "device": first.device}
    made = [v if isinstance(v, torch.Tensor) else torch.tensor(v, **options) for v in values]
    return torch.broadcast_tensors(*made)


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """Probabilities from log odds (binary), or from unnormalised log probabilities along the last dimension."""
    return torch.sigmoid(logits) if is_binary else functional.softmax(logits, dim=-1)


def clamp_probs(probs: Any) -> Any:
    """Probabilities kept one machine epsilon away from 0 and 1."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """Log odds (binary) or log probabilities, of probabilities kept away from 0 and 1."""
    kept = clamp_probs(probs)
    return torch.log(kept) - torch.log1p(-kept) if is_binary else torch.log(kept)


def one_of(**given: Any) -> str:
    """The name of the one parameter that is given.

    Raises:
        ValueError: none or several are.
    """
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        choice = "Either" if len(given) == 2 else "Exactly one of"
        shown = " or ".join(f"`{name}`" for name in given)
        tail = "must be specified, but not both." if len(given) == 2 else "may be specified."
        raise ValueError(f"{choice} {shown} {tail}")
    return names[0]


def sum_rightmost(value: Any, dims: int) -> Any:
    """The sum over the last ``dims`` dimensions."""
    if dims == 0:
        return value
    return value.reshape((*value.shape[:-dims], -1)).sum(-1)


def standard_normal(shape: Any, like: Any) -> Any:
    """Standard normal numbers with the dtype and device of a tensor."""
    return torch.empty(shape, dtype=like.dtype, device=like.device).normal_()
