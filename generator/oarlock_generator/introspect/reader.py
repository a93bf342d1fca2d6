"""Turning public objects into the fields of a lock: what torch and paddle have in common."""

from __future__ import annotations

import enum
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from oarlock_generator.introspect.names import Found, Names, defined_in, members
from oarlock_generator.introspect.python_objects import (
    class_line,
    constructor,
    function_line,
    member_kind,
)
from oarlock_generator.signatures import Signature

Fields = dict[str, Any]
Place = tuple[str, int]


def api_fields(
    kind: str, signatures: Iterable[Signature] = (), source: str | None = None
) -> Fields:
    """The fields of one name; what is empty is left out."""
    fields: Fields = {"kind": kind}
    if texts := signature_texts(signatures):
        fields["signatures"] = texts
    if source:
        fields["source"] = source
    return fields


def signature_texts(signatures: Iterable[Signature]) -> list[str]:
    """The distinct signatures as the lock keeps them."""
    return list(dict.fromkeys(map(str, signatures)))


class Reader(ABC):
    """Reads the public objects of one installed package.

    Args:
        package: the imported package.
        found: its public names.
        source_root: the folder of the repository in which the package lies ("python/").
    """

    def __init__(self, package: ModuleType, found: list[Found], source_root: str = "") -> None:
        self.package = package.__name__
        self.root = Path(str(package.__file__)).parent.parent
        self.source_root = source_root
        self.tensor: type = package.Tensor
        self.class_names = {id(f.object): f.name for f in found if isinstance(f.object, type)}

    def read_all(self, names: Names) -> dict[str, Fields]:
        """The fields of every name, members of classes included."""
        apis: dict[str, Fields] = {name: {"same_as": main} for name, main in names.same_as.items()}
        for found in names.main:
            apis.update(self._read(found.name, found.object))
        return apis

    @abstractmethod
    def read_callable(self, kind: str, value: Any, cls: type | None) -> Fields:
        """A function, or a method as it lies in the ``__dict__`` of ``cls`` or of its bases."""

    @abstractmethod
    def constructor_fields(self, cls: type, owner: type, function: Any) -> Fields:
        """What ``cls(...)`` takes; ``function`` is the ``__init__`` or ``__new__`` of ``owner``."""

    def class_place(self, cls: type) -> Place | None:
        """Where ``cls`` is defined."""
        return class_line(cls)

    def property_place(self, cls: type, name: str) -> Place | None:
        """Where a property without a Python getter is declared."""
        return None

    def has_members(self, cls: type) -> bool:
        """Whether the members of ``cls`` are locked under its own name."""
        return True

    def owns_members(self, base: type, cls: type) -> bool:
        """Whether what the private ``base`` defines is locked under ``cls``."""
        return True

    def source(self, place: Place | None) -> str | None:
        """``path:line`` in the repository."""
        if place is None:
            return None
        path = Path(place[0])
        if path.is_absolute():
            if not path.is_relative_to(self.root):
                return None
            path = path.relative_to(self.root)
        return f"{self.source_root}{path.as_posix()}:{place[1]}"

    def _read(self, name: str, value: Any) -> dict[str, Fields]:
        if isinstance(value, ModuleType):
            path = getattr(value, "__file__", None)
            return {name: api_fields("module", source=self.source((path, 1) if path else None))}
        if isinstance(value, type):
            return self._read_class(name, value)
        if inspect.isroutine(value):
            return {name: self.read_callable("function", value, None)}
        fields = api_fields("attribute")
        if types := self._public_classes(type(value).__mro__):
            fields["members_of"] = types
        return {name: fields}

    def _read_class(self, name: str, cls: type) -> dict[str, Fields]:
        fields = api_fields("class", source=self.source(self.class_place(cls)))
        if not issubclass(cls, enum.Enum):
            fields.update(self.constructor_fields(cls, *constructor(cls)))
        if not self.has_members(cls):
            return {name: {**fields, "members_of": [self.class_names[id(self.tensor)]]}}
        bases = cls.__mro__[1:]
        if public := self._public_classes(bases):
            fields["members_of"] = public
        private = [
            base
            for base in bases
            if id(base) not in self.class_names
            and defined_in(base) == self.package
            and self.owns_members(base, cls)
        ]
        apis = {name: fields}
        for member, value in members(cls, [cls, *private], dunders=cls is self.tensor):
            apis[f"{name}.{member}"] = self._read_member(cls, member, value)
        return apis

    def _read_member(self, cls: type, name: str, value: Any) -> Fields:
        kind = member_kind(value)
        if kind == "method":
            return self.read_callable(kind, value, cls)
        if kind == "property":
            getter: Callable[..., Any] | None = getattr(value, "fget", None)
            getter = getter or getattr(value, "func", None)
            place = function_line(getter) if getter else None
            return api_fields(kind, source=self.source(place or self.property_place(cls, name)))
        return api_fields(kind)

    def _public_classes(self, classes: tuple[type, ...]) -> list[str]:
        return [self.class_names[id(c)] for c in classes if id(c) in self.class_names]
