"""Signatures read from Python source and stub files, without running them."""

from __future__ import annotations

import ast
import functools
import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from oarlock_generator.signatures import Parameter, Signature, signature_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_RUNTIME_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "normal",
    inspect.Parameter.VAR_POSITIONAL: "varargs",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "varkwargs",
}


class SourceFile:
    """The definitions of one ``.py`` or ``.pyi`` file, by qualified name and by first line."""

    def __init__(self, path: Path) -> None:
        self.functions: dict[str, list[Definition]] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.attributes: dict[str, int] = {}
        self.imports: list[ast.ImportFrom] = []
        self._by_line: dict[int, Definition] = {}
        self.tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        self._collect(self.tree.body, "")

    def function_at(self, first_line: int) -> Definition | None:
        """The function whose first line (that of its first decorator) is ``first_line``."""
        return self._by_line.get(first_line)

    def overloads(self, qualified_name: str) -> list[Definition]:
        """The definitions of a function that are marked ``@overload``."""
        return [f for f in self.functions.get(qualified_name, ()) if "overload" in decorators(f)]

    def _collect(self, body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Definition):
                self.functions.setdefault(prefix + node.name, []).append(node)
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                self._by_line[first] = node
                self._collect(node.body, f"{prefix}{node.name}.<locals>.")
            elif isinstance(node, ast.ClassDef):
                self.classes.setdefault(prefix + node.name, node)
                self._collect(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.attributes.setdefault(prefix + node.target.id, node.lineno)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.attributes.setdefault(prefix + target.id, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                self.imports.append(node)
            elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
                self._collect(node.body, prefix)
                self._collect(getattr(node, "orelse", []), prefix)
                for handler in getattr(node, "handlers", ()):
                    self._collect(handler.body, prefix)


@functools.cache
def source_file(path: Path) -> SourceFile | None:
    """Parse ``path`` once; None where it is no readable Python file."""
    try:
        return SourceFile(path)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


def decorators(node: Definition | ast.ClassDef) -> set[str]:
    """The last component of each decorator's name."""
    names = set()
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.add(target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", ""))
    return names


def source_of(function: Any) -> tuple[SourceFile, Definition] | None:
    """The file and definition of a Python function; None for functions made by ``exec``."""
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    file = source_file(Path(code.co_filename))
    node = file and file.function_at(code.co_firstlineno)
    return (file, node) if file and node and node.name == code.co_name else None


def declared_signature(
    node: Definition,
    *,
    bound: bool = False,
    types: Mapping[str, str] = MappingProxyType({}),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> Signature:
    """The signature of a definition, with what its text leaves open filled in.

    Args:
        node: the definition.
        bound: leave out the first parameter (``self`` or ``cls``).
        types: other names for types in annotations (``_int`` -> ``int``).
        defaults: the function's real defaults; a default that is written as the name of a
            constant becomes its value, and so does ``...``.
    """
    written = signature_of(node)
    parameters = list(written.parameters)
    if bound and parameters and parameters[0].kind in ("positional", "normal"):
        del parameters[0]
    return Signature(
        tuple(
            replace(
                parameter,
                default=_spelled_out(parameter, defaults),
                annotation=_clean_annotation(parameter.annotation, types),
            )
            for parameter in parameters
        ),
        _clean_annotation(written.returns, types),
    )


def runtime_signature(function: Any, *, bound: bool = False) -> Signature | None:
    """The signature of a callable (or an ``inspect.Signature``) that has no source, if any."""
    try:
        is_signature = isinstance(function, inspect.Signature)
        signature = function if is_signature else inspect.signature(function)
    except (TypeError, ValueError):
        return None
    parameters = [
        Parameter(
            parameter.name,
            _RUNTIME_KINDS[parameter.kind],
            None
            if parameter.default is parameter.empty
            else value_text(parameter.default) or "...",
            _annotation_text(parameter.annotation),
        )
        for parameter in signature.parameters.values()
    ]
    if bound and parameters and parameters[0].kind in ("positional", "normal"):
        del parameters[0]
    return Signature(tuple(parameters), _annotation_text(signature.return_annotation))


def value_text(value: Any) -> str | None:
    """Source text that gives ``value`` again; None for objects that have no such text."""
    if value is None or isinstance(value, bool | int | str | bytes):
        return repr(value) if type(value) in (type(None), bool, int, str, bytes) else None
    if type(value) is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if type(value) in (tuple, list):
        items = [value_text(item) for item in value]
        if any(item is None for item in items):
            return None
        text = ", ".join(item for item in items if item is not None)
        if type(value) is list:
            return f"[{text}]"
        return f"({text},)" if len(items) == 1 else f"({text})"
    if isinstance(value, type) or inspect.isroutine(value):
        module = getattr(value, "__module__", None)
        name = getattr(value, "__qualname__", "")
        if not all(part.isidentifier() for part in name.split(".")):
            return None
        return name if module in (None, "builtins") else f"{module}.{name}"
    text = repr(value)
    return text if all(part.isidentifier() for part in text.split(".")) else None


def real_defaults(function: Any) -> dict[str, Any]:
    """The default values of a Python function, by parameter."""
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    values = function.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
    return {**defaults, **(function.__kwdefaults__ or {})}


def _annotation_text(annotation: Any) -> str | None:
    if annotation is inspect.Parameter.empty:
        return None
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    try:
        return ast.unparse(_expression(text))
    except SyntaxError:
        return None


class _CleanAnnotation(ast.NodeTransformer):
    """Unquotes string annotations and renames types; leaves the strings of ``Literal`` alone."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self.types = types

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _expression(self.types[node.id]) if node.id in self.types else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if ast.unparse(node.value).rpartition(".")[2] != "Literal":
            self.generic_visit(node)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        try:
            return self.visit(_expression(node.value))
        except SyntaxError:
            return node


def _clean_annotation(text: str | None, types: Mapping[str, str]) -> str | None:
    if text is None or not re.search(r"['\"]|\b_", text):
        return text
    return ast.unparse(_CleanAnnotation(types).visit(_expression(text)))


def _spelled_out(parameter: Parameter, values: Mapping[str, Any]) -> str | None:
    text = parameter.default
    if text is None or parameter.name not in values:
        return text
    value = values[parameter.name]
    if (
        not (text == "..." or text.isidentifier())
        or value != value
        or value in (math.inf, -math.inf)
    ):
        return text
    return value_text(value) or text


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
