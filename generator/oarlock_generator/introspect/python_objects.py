"""Signatures and places of Python functions and classes, seen through their wrappers."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from pathlib import Path
from typing import Any

from oarlock_generator.introspect.source import (
    Definition,
    declared_signature,
    real_defaults,
    runtime_signature,
    source_file,
    source_of,
)
from oarlock_generator.signatures import Signature


def underlying(value: Any, *, in_class: bool) -> tuple[Any, bool]:
    """The function in a class or static method, and whether its first argument is bound."""
    if isinstance(value, staticmethod):
        return value.__func__, False
    if isinstance(value, classmethod):
        return value.__func__, True
    if inspect.ismethod(value):
        return value.__func__, True
    return value, in_class and not inspect.isbuiltin(value)


def member_kind(value: Any) -> str:
    """The lock's kind of a class member, as it lies in the class's ``__dict__``."""
    if isinstance(value, property | functools.cached_property) or inspect.isdatadescriptor(value):
        return "property"
    if isinstance(value, staticmethod | classmethod):
        return "method"
    if inspect.isroutine(value):
        return "method" if callable(value) else "property"
    return "class" if isinstance(value, type) else "attribute"


def python_signatures(function: Any, bound: bool) -> list[Signature]:
    """The signatures of a Python function without its decorators.

    The implementation's own signature says what is accepted; only where it takes ``*args`` or
    ``**kwargs`` are the ``@overload`` definitions beside it taken instead.
    """
    raw = inspect.unwrap(function)
    place = source_of(raw)
    if place is None:
        signature = runtime_signature(raw, bound=bound)
        return [] if signature is None else [signature]
    file, node = place
    nodes: list[Definition] = []
    if node.args.vararg or node.args.kwarg:
        nodes = [o for o in file.overloads(raw.__qualname__) if not _takes_anything(o)]
    defaults = real_defaults(raw)
    return [declared_signature(n, bound=bound, defaults=defaults) for n in nodes or [node]]


def function_line(function: Any) -> tuple[str, int] | None:
    """The file and line of a Python function's ``def``."""
    raw = inspect.unwrap(function)
    place = source_of(raw)
    return (raw.__code__.co_filename, place[1].lineno) if place else None


def class_line(cls: type) -> tuple[str, int] | None:
    """The file and line of a class's ``class`` statement."""
    module = sys.modules.get(cls.__module__ or "")
    path = getattr(module, "__file__", None)
    raw = (inspect.unwrap(m) for m in vars(cls).values() if isinstance(m, types.FunctionType))
    paths = (m.__code__.co_filename for m in raw if isinstance(m, types.FunctionType))
    for candidate in (path, *paths):
        file = source_file(Path(candidate)) if candidate else None
        if file and cls.__qualname__ in file.classes:
            return str(candidate), file.classes[cls.__qualname__].lineno
    return None


def constructor(cls: type) -> tuple[type, Any]:
    """The ``__init__`` or ``__new__`` that decides what ``cls(...)`` takes, and its class."""
    for owner in cls.__mro__[:-1]:
        for name in ("__init__", "__new__"):
            if function := vars(owner).get(name):
                return owner, underlying(function, in_class=False)[0]
    return object, None


def _takes_anything(node: Definition) -> bool:
    arguments = node.args
    return bool(arguments.vararg and arguments.kwarg) and len(arguments.args) <= 1
