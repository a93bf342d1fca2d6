"""A property that is computed once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import oarlock.torch as torch


class lazy_property:
    """Decorates a method whose result becomes the instance's attribute of the same name."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # pyright: ignore[reportArgumentType]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with torch.enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value
