"""The Tensor's methods, each loaded from its module on first use, and Paddle's that torch lacks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import paddle

from oarlock.errors import UnmappedError
from oarlock.tensor.core import Tensor


class _Lazy:
    """A method or property that takes its own place on the class when first asked for."""

    def __init__(self, name: str, home: str, is_property: bool):
        self.name = name
        self.home = home
        self.is_property = is_property

    def load(self) -> Any:
        module, _, attribute = self.home.partition(":")
        value = getattr(import_module(module), attribute)
        if self.is_property:
            value = property(value, doc=value.__doc__)
        setattr(Tensor, self.name, value)
        return value

    def __get__(self, tensor: Any, owner: type) -> Any:
        value = self.load()
        return value.__get__(tensor, owner) if hasattr(value, "__get__") else value


class _Absent:
    """A name that Paddle's tensors have and torch's records do not: absent, and it says so."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, tensor: Any, owner: type) -> Any:
        raise UnmappedError(
            api=f"torch.Tensor.{self.name}",
            reason="Oarlock has no record of this API; Paddle has one of this name, which a torch "
            "Tensor does not offer",
            advice="The index lists what is mapped",
        )


# Paddle's own that its C++ side or this package asks a Tensor for.
_KEPT = frozenset({"stop_gradient", "place", "inplace_version", "is_leaf", "name", "persistable"})


def install() -> None:
    """Put the generated table of methods on the class, and hide what is Paddle's alone."""
    from oarlock._generated.tensor_methods import HOMES, PROPERTIES

    own = vars(Tensor)
    for name, home in HOMES.items():
        if name not in own:
            setattr(Tensor, name, _Lazy(name, home, name in PROPERTIES))
    for name in dir(paddle.Tensor):
        if not name.startswith("_") and name not in own and name not in _KEPT:
            setattr(Tensor, name, _Absent(name))


def names() -> list[str]:
    """The names that a Tensor offers."""
    return [n for n, value in vars(Tensor).items() if not isinstance(value, _Absent)]
