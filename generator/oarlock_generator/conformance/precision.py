"""A second opinion on rounding: torch's own error against torch in double precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from oarlock_generator.compare import compare_values

# Half precision that is further from double precision, as a share of the largest value, is no
# rounding but another computation: other draws, the other side of a jump.
_HALF = 2.0**-3
_SINGLE = 2.0**-6


class Precise:
    """What torch computes in double precision, made only when it is asked for.

    Args:
        compute: gives torch's results in double precision by place.
    """

    def __init__(self, compute: Callable[[], dict[str, Any]]):
        self._compute = compute

    @cached_property
    def _results(self) -> dict[str, Any]:
        try:
            return self._compute()
        except Exception:
            # Not every call can be made in double precision.
            return {}

    def accepts(self, place: str, got: Any, own: Any) -> bool:
        """Whether a result is as near to double precision as records' examples must be.

        That is twice torch's own largest error, and what rounding in another order costs.

        Args:
            place: where the result is.
            got: Oarlock's values as a torch.Tensor.
            own: torch's values in the same dtype.
        """
        wide = self._results.get(place)
        dtype = str(own.dtype).removeprefix("torch.")
        if wide is None or dtype in ("float64", "complex128") or not _is_inexact(own):
            return False
        if not _is_inexact(wide) or wide.shape != own.shape or got.shape != own.shape:
            return False
        wide = wide.detach().resolve_conj().resolve_neg()
        ours, theirs, exact = (
            (t if t.is_complex() else t.double()).numpy() for t in (got, own, wide)
        )
        largest = wide.abs().nan_to_num(0, 0, 0).max().item() if wide.numel() else 0.0
        apart = (own.to(wide.dtype) - wide).abs().nan_to_num(0, 0, 0).max().item()
        is_half = dtype in ("float16", "bfloat16")
        if apart > largest * (_HALF if is_half else _SINGLE):
            return False
        return not compare_values(place, ours, theirs, exact, dtype).fault


def _is_inexact(tensor: Any) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def widened(torch: Any, value: Any, copies: dict[int, Any], memo: dict[int, Any]) -> Any:
    """The same arguments in double precision.

    Args:
        torch: the module.
        value: an argument, or containers of them.
        copies: what tensors held before the call, by id.
        memo: gets the wide tensors, by the id of the narrow ones.
    """
    wide = {
        torch.float32: torch.float64,
        torch.float16: torch.float64,
        torch.bfloat16: torch.float64,
        torch.complex64: torch.complex128,
    }
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            copy = copies[id(value)]
            made = copy.to(wide.get(copy.dtype, copy.dtype), copy=True)
            memo[id(value)] = made.requires_grad_(value.requires_grad)
        return memo[id(value)]
    if isinstance(value, torch.dtype):
        return wide.get(value, value)
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        items = [widened(torch, item, copies, memo) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, dict):
        return {key: widened(torch, item, copies, memo) for key, item in value.items()}
    return value
