"""Transforms of the parts of a tensor, each part by its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.parameters import sum_rightmost
from oarlock.distributions.transforms.base import Transform


class _Joined(Transform):
    """Transforms along a dimension."""

    def __init__(self, tseq: Sequence[Any], dim: int, cache_size: int) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size=cache_size)
        self.transforms: list[Any] = [t.with_cache(cache_size) if cache_size else t for t in tseq]
        self.dim = dim

    @property
    def bijective(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return all(t.bijective for t in self.transforms)

    def _check(self, name: str, value: Any, size: int, meaning: str) -> None:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(
                f"dim {self.dim} out of range for {name} with {value.dim()} dimensions"
            )
        if value.size(self.dim) != size:
            shown = "x" if name == "tensor" else name
            raise AssertionError(
                f"{shown}.size({self.dim}) = {value.size(self.dim)} must equal {meaning} {size}"
            )


class CatTransform(_Joined):
    """Transforms of parts that lie one after the other along ``dim``, each of its own length."""

    def __init__(
        self, tseq: Sequence[Any], dim: int = 0, lengths: Any = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(
                f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})"
            )

    def _copy_arguments(self) -> tuple[Any, ...]:
        return self.transforms, self.dim, self.lengths

    @lazy_property
    def event_dim(self) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self) -> int:
        """The sum of the lengths."""
        return sum(self.lengths)

    @constraints.dependent_property
    def domain(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _parts(self, value: Any, name: str = "tensor") -> Any:
        self._check(name, value, self.length, "length")
        return value.split(self.lengths, self.dim)

    def _joined(self, value: Any, parts: Callable[[Any], Any]) -> Any:
        pairs = zip(self.transforms, self._parts(value), strict=True)
        return torch.cat([parts(t)(part) for t, part in pairs], dim=self.dim)

    def _call(self, x: Any) -> Any:
        return self._joined(x, lambda t: t)

    def _inverse(self, y: Any) -> Any:
        return self._joined(y, lambda t: t.inv)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        terms = []
        for t, before, after in zip(
            self.transforms, self._parts(x, "x"), self._parts(y, "y"), strict=True
        ):
            term = t.log_abs_det_jacobian(before, after)
            terms.append(sum_rightmost(term, max(self.event_dim - t.event_dim, 0)))
        dim = (self.dim - x.dim() if self.dim >= 0 else self.dim) + self.event_dim
        # From the first event dimension on, the parts belong to one event.
        return torch.cat(terms, dim=dim) if dim < 0 else reduce(add, terms)


class StackTransform(_Joined):
    """Transforms of the slices along ``dim``."""

    def __init__(self, tseq: Sequence[Any], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    def _copy_arguments(self) -> tuple[Any, ...]:
        return self.transforms, self.dim

    @constraints.dependent_property
    def domain(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _slices(self, value: Any, name: str = "tensor") -> Any:
        self._check(name, value, len(self.transforms), "len(transforms)")
        return value.unbind(self.dim)

    def _call(self, x: Any) -> Any:
        pairs = zip(self.transforms, self._slices(x), strict=True)
        return torch.stack([t(part) for t, part in pairs], dim=self.dim)

    def _inverse(self, y: Any) -> Any:
        pairs = zip(self.transforms, self._slices(y), strict=True)
        return torch.stack([t.inv(part) for t, part in pairs], dim=self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        slices = zip(self.transforms, self._slices(x, "x"), self._slices(y, "y"), strict=True)
        return torch.stack([t.log_abs_det_jacobian(a, b) for t, a, b in slices], dim=self.dim)
