"""The Tensor as modules see it: to type checkers anything, since records give it its methods."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    Tensor: TypeAlias = Any
else:
    from oarlock.tensor import Tensor

__all__ = ["Tensor"]
