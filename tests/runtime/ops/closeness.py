"""How close is close enough: within torch's own error against float64, as for the records' examples."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from oarlock_generator.compare import compare_values

HALF = (torch.float16, torch.bfloat16)
_WIDE = {torch.complex64: torch.complex128, torch.complex32: torch.complex128}


def assert_close(
    what: str, got: torch.Tensor, own: torch.Tensor, exact: Callable[[], torch.Tensor | None]
) -> None:
    """Assert that ``got`` is as good a result as torch's ``own``.

    Equal is good; in other than half precision, so is what torch.testing takes for equal. Beyond
    that the tolerance is derived, by :func:`oarlock_generator.compare.compare_values`.

    Args:
        exact: gives torch's result in float64; None where torch computes none, and ``own`` stands
            for it.
    """
    assert got.dtype == own.dtype, f"{what}: {got.dtype} for {own.dtype}"
    assert got.shape == own.shape, f"{what}: {list(got.shape)} for {list(own.shape)}"
    if own.dtype not in HALF:
        try:
            torch.testing.assert_close(got, own, equal_nan=True)
        except AssertionError:
            if own.dtype not in (torch.float32, torch.complex64):
                raise
        else:
            return
    elif ((got == own) | (got.isnan() & own.isnan())).all():
        return
    wide = exact()
    wide = own if wide is None or wide.shape != own.shape else wide.detach().resolve_conj()
    # Where torch overflowed on the way to a finite result, that result is asked for.
    own = torch.where(own.isinf() & got.isfinite() & wide.isfinite(), wide.to(own.dtype), own)
    dtype = str(own.dtype).removeprefix("torch.")
    finding = compare_values(what, _numpy(got), _numpy(own), _numpy(wide), dtype)
    assert finding.fault is None, finding.fault


def _numpy(x: torch.Tensor) -> Any:
    return (x.float() if x.dtype in HALF else x).resolve_neg().numpy()


def widened(value: Any) -> Any:
    """Return ``value`` with each floating-point tensor and dtype in float64, leaves as they were."""
    if isinstance(value, torch.Tensor):
        if not (value.is_floating_point() or value.is_complex()):
            return value
        return value.detach().to(_wide(value.dtype)).requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        return _wide(value)
    if type(value) in (list, tuple):
        return type(value)(widened(each) for each in value)
    if isinstance(value, dict):
        return {name: widened(each) for name, each in value.items()}
    return value


def _wide(dtype: torch.dtype) -> torch.dtype:
    return _WIDE.get(dtype, torch.float64 if dtype.is_floating_point else dtype)


class Exact:
    """torch's results and gradients in float64, computed when first asked for."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, tensors_in: Callable):
        self._call = function, args, kwargs
        self._tensors_in = tensors_in
        self._results: list[torch.Tensor] | None = None
        self._grads: list[torch.Tensor | None] = []
        self._leaves: list[torch.Tensor] = []

    def result(self, place: int) -> torch.Tensor | None:
        """The tensor at ``place`` of the results; None where torch refuses float64."""
        if self._results is None:
            function, args, kwargs = self._call
            args, kwargs = widened(args), widened(kwargs)
            tensors = self._tensors_in([*args, *kwargs.values()])
            self._leaves = [x for x in tensors if x.requires_grad]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    self._results = self._tensors_in(function(*args, **kwargs))
                except RuntimeError:
                    self._results = []
        results: list[Any] = self._results or []
        return results[place] if place < len(results) else None

    def gradient(
        self, place: int, cotangents: list[tuple[int, torch.Tensor]]
    ) -> torch.Tensor | None:
        """The gradient of the leaf at ``place``, for a cotangent of each of some results."""
        if not self._grads:
            outputs: list[Any] = [self.result(at) for at, _ in cotangents]
            if any(each is None for each in outputs):
                return None
            given: list[Any] = [
                x.to(y.dtype) for (_, x), y in zip(cotangents, outputs, strict=True)
            ]
            self._grads = list(torch.autograd.grad(outputs, self._leaves, given, allow_unused=True))
        return self._grads[place]
