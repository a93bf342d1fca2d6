"""What stands in Oarlock for an object of torch's: modules, functions, methods, dtypes, test helpers."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

# Where a function's public name is looked for, the most telling first.
_NAMESPACES = (
    "torch.nn.functional",
    "torch.linalg",
    "torch.fft",
    "torch.special",
    "torch.signal.windows",
    "torch.nn.init",
    "torch.nn",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.sparse",
    "torch.masked",
    "torch",
)
# What torch's tests are written with: it means the same on both sides.
_TESTING = ("torch.testing.", "torch._prims_common")


class Counterparts:
    """Finds Oarlock's object for one of torch's, by its public name.

    Functions of torch's test suite are made anew with Oarlock's names in place of torch's, so that
    the lambda of an operator calls Oarlock.
    """

    def __init__(self) -> None:
        self.torch = import_module("torch")
        self.ours = import_module("oarlock.torch")
        self._names = self._index()
        # The originals are kept, so that an id is not given again.
        self._rebound: dict[int, tuple[Any, Any]] = {}
        self._replaced = {"wrapper_set_seed": self._seeded}

    def named(self, name: str) -> Any:
        """Oarlock's object of a dotted name, which may start with ``torch.``."""
        found = self.ours
        for part in name.removeprefix("torch.").split("."):
            found = getattr(found, part)
        return found

    def of(self, value: Any, hint: str = "") -> Any:
        """Oarlock's counterpart; what is not torch's comes back as it is.

        Args:
            value: a module, function, method, class, dtype or anything else.
            hint: the dotted name without ``torch.`` that is tried first.

        Raises:
            oarlock.errors.UnmappedError: Oarlock has no such name.
        """
        if isinstance(value, self.torch.dtype):
            return self.named(str(value))
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, partial):
            return partial(self.of(value.func), *map(self.of, value.args), **value.keywords)
        if not callable(value):
            return value
        if isinstance(value, FunctionType) and _is_testing(value.__module__):
            return self._again(value)
        if hint and self._by_path(hint) is value:
            return self.named(hint)
        if name := self._names.get(id(value)):
            return self.named(name)
        module = getattr(value, "__module__", None) or ""
        if owner := getattr(value, "__objclass__", None):
            is_tensor = issubclass(self.torch.Tensor, owner)
            return self.named(f"Tensor.{value.__name__}" if is_tensor else str(value))
        if module.partition(".")[0] == "torch" or isinstance(value, self._packets()):
            return self.named(_dotted(value, module))
        return value

    def _packets(self) -> tuple[type, ...]:
        ops = import_module("torch._ops")
        return (ops.OpOverload, ops.OpOverloadPacket)

    def _module(self, module: ModuleType) -> Any:
        name = module.__name__
        if name == "torch":
            return self.ours
        if name.partition(".")[0] != "torch" or _is_testing(name):
            return module
        return self.named(name)

    def _by_path(self, name: str) -> Any:
        found: Any = self.torch
        for part in name.split("."):
            found = getattr(found, part, None)
        return found

    def _index(self) -> dict[int, str]:
        names: dict[int, str] = {}
        tensor = self.torch.Tensor
        for name in dir(tensor):
            names.setdefault(id(getattr(tensor, name)), f"torch.Tensor.{name}")
        for namespace in reversed(_NAMESPACES):
            module = import_module(namespace)
            for name in dir(module):
                value = getattr(module, name, None)
                if callable(value) and not name.startswith("__"):
                    names[id(value)] = f"{namespace}.{name}"
        return names

    def _again(self, function: FunctionType) -> Any:
        """The same code, with what it names outside itself replaced by counterparts."""
        if function.__name__ in self._replaced:
            return self._replaced[function.__name__]
        if known := self._rebound.get(id(function)):
            return known[1]
        scope: dict[str, Any] = {"__builtins__": function.__builtins__}
        cells = tuple(CellType() for _ in function.__closure__ or ())
        made = FunctionType(function.__code__, scope, function.__name__, None, cells or None)
        # Before its names are looked at: it may call itself.
        self._rebound[id(function)] = (function, made)
        given = function.__globals__
        scope |= {n: self.of(given[n]) for n in _globals(function.__code__) if n in given}
        for cell, original in zip(cells, function.__closure__ or (), strict=True):
            cell.cell_contents = self.of(original.cell_contents)
        made.__defaults__ = tuple(map(self.of, function.__defaults__ or ())) or None
        if function.__kwdefaults__:
            made.__kwdefaults__ = {k: self.of(v) for k, v in function.__kwdefaults__.items()}
        return made

    def _seeded(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What torch's helper of that name does, which looks into torch's generator besides."""
        self.ours.manual_seed(42)
        return function(*args, **kwargs)


def _is_testing(module: str | None) -> bool:
    return bool(module) and str(module).startswith(_TESTING)


def _dotted(value: Any, module: str) -> str:
    if hasattr(value, "_qualified_op_name"):
        return "torch.ops." + value._qualified_op_name.replace("::", ".")
    if hasattr(value, "_name"):
        return "torch.ops." + str(value._name).replace("::", ".")
    return f"{module}.{getattr(value, '__qualname__', type(value).__name__)}"


def _globals(code: CodeType) -> Iterator[str]:
    """The global names that code reads, with the functions inside it."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant)
