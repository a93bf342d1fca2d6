"""The signature lock: every public name of a framework version, with its overloads, as data."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``default`` and ``annotation`` are source text.

    ``kind`` is "positional" (only by position), "normal", "varargs" (``*size``), "keyword"
    (only by name) or "varkwargs" (``**kwargs``). ``default`` is None where the parameter is
    required, and ``"..."`` where it has a default that nothing in the framework spells out.
    """

    name: str
    kind: str
    default: str | None
    annotation: str | None

    def __str__(self) -> str:
        text = {"varargs": "*", "varkwargs": "**"}.get(self.kind, "") + self.name
        if self.annotation is not None:
            text += f": {self.annotation}"
        if self.default is not None:
            text += f" = {self.default}" if self.annotation is not None else f"={self.default}"
        return text


@dataclass(frozen=True, slots=True)
class Signature:
    """One overload: a method's without ``self``, a class's ``__init__`` without ``self``."""

    parameters: tuple[Parameter, ...]
    returns: str | None

    def __str__(self) -> str:
        parts: list[str] = []
        before = "normal"
        for parameter in self.parameters:
            if before == "positional" and parameter.kind != "positional":
                parts.append("/")
            if parameter.kind == "keyword" and before not in ("varargs", "keyword"):
                parts.append("*")
            parts.append(str(parameter))
            before = parameter.kind
        if before == "positional":
            parts.append("/")
        returns = f" -> {self.returns}" if self.returns is not None else ""
        return f"({', '.join(parts)}){returns}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One public name.

    ``kind`` is "function", "method", "class", "property", "attribute" (constants, dtypes, enum
    members) or "module". ``overloads`` is empty where there is nothing to call or nothing is
    known. ``source`` is ``path:line`` inside the package's repository, or inside the installed
    package where the file is generated. ``same_as`` is the name under which the same object is
    locked when this one is a re-export of it.

    The last four fields say what a decorator or an argument parser does before the function
    sees its arguments: ``aliases`` maps a parameter to the other spellings it accepts,
    ``alias_defaults`` gives defaults that change as soon as an alias is used, ``forbids`` lists
    keywords that are refused, ``ignores`` keywords that are accepted and dropped.
    """

    name: str
    kind: str
    overloads: tuple[Signature, ...]
    source: str | None
    same_as: str | None
    aliases: Mapping[str, tuple[str, ...]]
    alias_defaults: Mapping[str, str]
    forbids: tuple[str, ...]
    ignores: tuple[str, ...]


class Lock(Mapping[str, Entry]):
    """The locked names of one framework version; entries are decoded when asked for.

    A name that goes through a re-exported class (``torch.nn.modules.module.Module.eval``) or
    through a base class (``torch.nn.Linear.eval``) is found too, while iteration and
    ``names()`` give only the names that are locked themselves.
    """

    def __init__(self, header: Mapping[str, Any], apis: Mapping[str, Mapping[str, Any]]) -> None:
        self.header = header
        self.apis = apis
        self.package: str = header["package"]
        self.version: str = header["version"]
        self.repository: str = header["repository"]
        self.tag: str = header["tag"]
        self._entries: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        if name not in self._entries:
            found = self._locked_as(name)
            if found is None:
                raise KeyError(name)
            main = self.apis[found].get("same_as", found)
            self._entries[name] = _entry(name, None if main == name else main, self.apis[main])
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._locked_as(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.apis)

    def __len__(self) -> int:
        return len(self.apis)

    def names(self) -> tuple[str, ...]:
        """Every locked name, sorted."""
        return tuple(sorted(self.apis))

    def _locked_as(self, name: str) -> str | None:
        if name in self.apis:
            return name
        owner, dot, member = name.rpartition(".")
        if not dot:
            return None
        locked_owner = self._locked_as(owner)
        if locked_owner is None:
            return None
        main_owner = self.apis[locked_owner].get("same_as", locked_owner)
        owners = [main_owner, *self.apis[main_owner].get("members_of", ())]
        candidates = (f"{parent}.{member}" for parent in owners)
        return next((candidate for candidate in candidates if candidate in self.apis), None)

    def url(self, entry: Entry) -> str | None:
        """Where to read the definition: its line on GitHub, or the docs page of a generated one."""
        if entry.source is None:
            return None
        path, _, line = entry.source.partition(":")
        if path not in self.header.get("generated", ()):
            return f"{self.repository}/blob/{self.tag}/{path}#L{line}"
        for prefix, page in self.header.get("pages", {}).items():
            owner, _, member = entry.name.rpartition(".")
            if owner == prefix and not member.startswith("__"):
                return page.format(name=entry.name)
        return None


def parse_signature(text: str) -> Signature:
    """Read ``(input: Tensor, dim: int = 0, *, out=None) -> Tensor``.

    Raises:
        SyntaxError: the text is no Python signature.
    """
    function = ast.parse(f"def _{text}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return signature_of(function)


def signature_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature:
    """The signature of a parsed definition, as it is written."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    defaults = dict(
        zip((a.arg for a in positional[required:]), arguments.defaults, strict=True)
    ) | {a.arg: v for a, v in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if v}
    by_kind = {
        "positional": arguments.posonlyargs,
        "normal": arguments.args,
        "varargs": [arguments.vararg],
        "keyword": arguments.kwonlyargs,
        "varkwargs": [arguments.kwarg],
    }
    parameters = tuple(
        Parameter(a.arg, kind, _text(defaults.get(a.arg)), _text(a.annotation))
        for kind, group in by_kind.items()
        for a in group
        if a is not None
    )
    return Signature(parameters, _text(function.returns))


def load_lock(directory: Path) -> dict[str, Lock]:
    """Read every lock in ``directory``, by package ("torch", "paddle", "flash_attn")."""
    locks = {}
    for path in sorted(directory.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        lock = Lock(data["lock"], data["apis"])
        locks[lock.package] = lock
    return locks


def _entry(name: str, same_as: str | None, fields: Mapping[str, Any]) -> Entry:
    return Entry(
        name=name,
        kind=fields["kind"],
        overloads=tuple(parse_signature(text) for text in fields.get("signatures", ())),
        source=fields.get("source"),
        same_as=same_as,
        aliases={key: tuple(names) for key, names in fields.get("aliases", {}).items()},
        alias_defaults=fields.get("alias_defaults", {}),
        forbids=tuple(fields.get("forbids", ())),
        ignores=tuple(fields.get("ignores", ())),
    )


def _text(node: ast.expr | None) -> str | None:
    return None if node is None else ast.unparse(node)
