"""How far values may be off: what torch's own tests allow for an operator, else assert_close's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

# The test classes of torch's that compare eager results.
_CLASSES = (None, "TestCommon")


@dataclass(frozen=True)
class Tolerance:
    """Relative and absolute tolerance by dtype; the defaults of ``torch.testing.assert_close``."""

    overrides: Mapping[Any, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of_decorators(cls, decorators: Iterable[Any]) -> Tolerance:
        """What torch's test suite allows on the CPU; the widest where several tests say.

        Args:
            decorators: those of an OpInfo or ModuleInfo.
        """
        device = import_module("torch.testing._internal.common_device_type")
        found: dict[Any, tuple[float, float]] = {}
        for decorator in decorators:
            cls_name = getattr(decorator, "cls_name", None)
            where = getattr(decorator, "device_type", None)
            if cls_name not in _CLASSES or where not in (None, "cpu"):
                continue
            for inner in getattr(decorator, "decorators", [decorator]):
                if not isinstance(inner, device.toleranceOverride):
                    continue
                for dtype, allowed in inner.d.items():
                    rtol, atol = found.get(dtype, (0.0, 0.0))
                    found[dtype] = (max(rtol, allowed.rtol), max(atol, allowed.atol))
        return cls(found)

    def of(self, dtype: Any) -> tuple[float, float]:
        """``(rtol, atol)`` of a torch.dtype."""
        comparison = import_module("torch.testing._comparison")
        default = comparison.default_tolerances(dtype)
        given = self.overrides.get(dtype, (0.0, 0.0))
        return max(default[0], given[0]), max(default[1], given[1])
