"""Which public names a framework has, and which of them are the same object."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Found:
    """A public name and the object behind it."""

    name: str
    object: Any


@dataclass
class Names:
    """The public names of a package: objects under their main name, re-exports beside them."""

    main: list[Found] = field(default_factory=list)
    same_as: dict[str, str] = field(default_factory=dict)


def import_all(packages: Iterable[str], skip: frozenset[str]) -> dict[str, ModuleType]:
    """Import ``packages`` and everything public below them.

    A name in ``skip`` is left out with all that is below it; ``package.*`` leaves out only what
    is below. Modules that need something that is not installed are left out.
    """
    modules: dict[str, ModuleType] = {}
    for package in packages:
        _import_below(package, skip, modules)
    return modules


def _import_below(name: str, skip: frozenset[str], modules: dict[str, ModuleType]) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = importlib.import_module(name)
    except (ImportError, OSError, AttributeError, RuntimeError):
        return
    modules[name] = module
    if f"{name}.*" in skip:
        return
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if not info.name.startswith("_") and f"{name}.{info.name}" not in skip:
            _import_below(f"{name}.{info.name}", skip, modules)


def collect(
    modules: dict[str, ModuleType],
    extra: Iterable[str],
    is_ours: Callable[[Any], bool],
    shared_constant: Callable[[Any], str | None],
) -> Names:
    """Every public name of ``modules``, each object under its main name once.

    The main name is the shortest; of equally short ones, the one the object calls itself, then
    that of the module that defines it.

    Args:
        modules: by name.
        extra: names that are no public name of any of them and are wanted all the same.
        is_ours: whether an object that ``__all__`` does not list belongs to the package.
        shared_constant: the main name of a constant that has several (``torch.half``).
    """
    places: dict[int, list[Found]] = {}
    alone: list[Found] = []
    public = [
        Found(f"{module_name}.{name}", value)
        for module_name, module in modules.items()
        for name, value in _public(module_name, module, is_ours)
    ]
    for name in extra:
        with contextlib.suppress(AttributeError, ImportError):
            public.append(Found(name, pkgutil.resolve_name(name)))
    for found in public:
        value = found.object
        if not inspect.ismodule(value):
            if inspect.isroutine(value) or isinstance(value, type) or shared_constant(value):
                places.setdefault(id(value), []).append(found)
            else:
                alone.append(found)
    names = Names(main=[Found(name, module) for name, module in modules.items()] + alone)
    for found in places.values():
        known = shared_constant(found[0].object)
        main = min(found, key=lambda f: (f.name != known, *_main_name_order(f)))
        names.main.append(main)
        names.same_as.update({f.name: main.name for f in found if f.name != main.name})
    return names


def defined_in(value: Any) -> str:
    """The top-level package that defines a function or class; "" where it does not say."""
    module = getattr(value, "__module__", None)
    return module.split(".")[0] if isinstance(module, str) else ""


def members(
    cls: type, owners: Iterable[type], *, dunders: bool = False
) -> Iterator[tuple[str, Any]]:
    """The public members that ``owners`` (``cls`` and some of its bases) define."""
    seen = set()
    for owner in owners:
        for name, value in vars(owner).items():
            special = dunders and name.startswith("__") and inspect.isroutine(value)
            if (special or not name.startswith("_")) and name not in seen:
                seen.add(name)
                yield name, inspect.getattr_static(cls, name)


def _public(
    name: str, module: ModuleType, is_ours: Callable[[Any], bool]
) -> Iterator[tuple[str, Any]]:
    """What ``__all__`` lists, what the module defines, and what a package re-exports."""
    listed = getattr(module, "__all__", ())
    # torch.backends.cudnn and its like are objects with properties, around the real module.
    real = getattr(module, "m", None)
    real = real if inspect.ismodule(real) else module
    for member in dict.fromkeys([*listed, *vars(real), *_properties(type(module))]):
        if not isinstance(member, str) or member.startswith("_") or not member.isidentifier():
            continue
        try:
            value = getattr(module, member)
        except AttributeError:
            continue
        defined_here = getattr(value, "__module__", None) == name or member not in vars(real)
        re_exported = hasattr(module, "__path__") or inspect.isbuiltin(value)
        constant = not inspect.isroutine(value) and not isinstance(value, type)
        if member in listed or defined_here or ((re_exported or constant) and is_ours(value)):
            yield member, value


def _properties(module_type: type) -> list[str]:
    return [] if module_type is ModuleType else list(vars(module_type))


def _main_name_order(found: Found) -> tuple[int, bool, bool, str]:
    module, _, name = found.name.rpartition(".")
    return (
        found.name.count("."),
        name != getattr(found.object, "__name__", name),
        module != getattr(found.object, "__module__", None),
        found.name,
    )
