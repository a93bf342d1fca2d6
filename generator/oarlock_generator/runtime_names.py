"""What the runtime offers records by name: predicates, rewrites, kernels, whole objects; read statically."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from oarlock_generator.problems import suggest
from oarlock_generator.signatures import Signature, signature_of

# How many re-exports or base classes are followed.
_FAR = 8


class RuntimeNameError(ValueError):
    """A dotted path that leads to nothing; the message says where it ends, and what is near."""


@dataclass(frozen=True)
class Object:
    """An object of the runtime: where it is imported from, and how it is called where that is known.

    ``name`` has a dot for what belongs to a class. ``signature`` is without ``self`` for a class's
    ``__init__``, and None where the source does not tell.
    """

    module: str
    name: str
    kind: str
    signature: Signature | None

    @property
    def home(self) -> str:
        """``module:name``, as the runtime's own tables write it."""
        return f"{self.module}:{self.name}"


@dataclass(frozen=True)
class RuntimeNames:
    """Name to the module that defines it, for each kind a record may refer to.

    ``results`` are the named tuples that ``returns`` may ask for; ``signatures`` those of the
    rewrites; ``runtime`` is the folder that holds ``oarlock/``.
    """

    predicates: dict[str, str]
    converters: dict[str, str]
    rewrites: dict[str, str]
    kernels: dict[str, str]
    results: tuple[str, ...]
    signatures: dict[str, Signature]
    runtime: Path
    # What a test puts in the place of objects that nobody wrote yet.
    objects: dict[str, Object] = field(default_factory=dict)

    def fallback(self, name: str) -> str | None:
        """The module of a rewrite or kernel."""
        return self.rewrites.get(name) or self.kernels.get(name)

    def object(self, path: str, name: str) -> Object:
        """The object at a dotted path; for a module's path, the one called ``name`` in it.

        Raises:
            RuntimeNameError: there is none.
        """
        return self.objects.get(path) or _object(self.runtime, path, name)

    def classes(self, name: str) -> list[str]:
        """The dotted paths of the runtime's classes of this name."""
        return [
            f"{_module(file, self.runtime)}.{name}"
            for file in sorted((self.runtime / "oarlock").rglob("*.py"))
            if isinstance(_tree(file, file.stat().st_mtime_ns).get(name), ast.ClassDef)
        ]


def read_runtime_names(runtime: Path) -> RuntimeNames:
    """Read the sources below ``runtime`` (the folder that holds ``oarlock/``); imports nothing."""
    package = runtime / "oarlock"
    rewrites = _functions_below(package / "ops", runtime)
    return RuntimeNames(
        predicates=_modules(_functions(package / "conditions.py", runtime)),
        converters=_modules(_functions(package / "convert.py", runtime)),
        rewrites=_modules(rewrites),
        kernels=_kernels(package / "kernels", runtime),
        results=_keys(package / "results.py", "_FIELDS"),
        signatures={name: signature for name, (_, signature) in rewrites.items()},
        runtime=runtime,
    )


_Functions = dict[str, tuple[str, Signature]]


def _kernels(folder: Path, runtime: Path) -> dict[str, str]:
    """The functions that are named after their file: ``attention_varlen`` in attention/varlen.py."""
    found = {}
    for file in sorted(folder.glob("*/*.py")):
        name = file.parent.name + ("" if file.stem == "__init__" else f"_{file.stem}")
        # A package's own module may take its function from another file of it.
        if file.stem == "__init__" or name in _functions(file, runtime):
            found[name] = _module(file, runtime)
    return found


def _modules(functions: _Functions) -> dict[str, str]:
    return {name: module for name, (module, _) in functions.items()}


def _functions_below(folder: Path, runtime: Path) -> _Functions:
    found: _Functions = {}
    for file in sorted(folder.rglob("*.py")):
        found |= _functions(file, runtime)
    return found


def _functions(file: Path, runtime: Path) -> _Functions:
    if not file.exists():
        return {}
    return {
        node.name: (_module(file, runtime), signature_of(node))
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def _keys(file: Path, table: str) -> tuple[str, ...]:
    """The keys of a table that a module assigns to a name."""
    for node in ast.parse(file.read_text("utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == table:
                return tuple(ast.literal_eval(value))
    raise ValueError(f"{file} assigns nothing to {table}")


def _module(file: Path, runtime: Path) -> str:
    parts = file.relative_to(runtime).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class _Bound:
    """What a name is bound to at the top of a module."""

    module: str
    node: ast.stmt


def _object(runtime: Path, path: str, name: str) -> Object:
    module, rest = _split(runtime, path)
    if not rest:
        rest = [name]
    if len(rest) > 2:
        raise RuntimeNameError(f"the runtime has no {module}.{rest[0]}")
    bound = _bound(runtime, module, rest[0])
    if len(rest) == 1:
        return _described(runtime, module, rest[0], bound)
    if not isinstance(bound.node, ast.ClassDef):
        raise RuntimeNameError(f"{module}.{rest[0]} is no class, so it has no {rest[1]}")
    holder, member = _member(runtime, bound, rest[1])
    if member is None:
        near = suggest(rest[1], _names_of(bound.node.body))
        raise RuntimeNameError(f"{module}.{rest[0]} has no {rest[1]}{near}")
    method = signature_of(member) if isinstance(member, ast.FunctionDef) else None
    is_property = isinstance(member, ast.FunctionDef) and any(
        "property" in ast.unparse(d) for d in member.decorator_list
    )
    return Object(
        holder.module,
        ".".join(rest),
        "attribute" if is_property or not method else "method",
        method,
    )


def _split(runtime: Path, path: str) -> tuple[str, list[str]]:
    """The longest part of a dotted path that is a module, and the rest."""
    parts = path.split(".")
    if parts[0] != "oarlock":
        raise RuntimeNameError(f"{path} is not of Oarlock's runtime: it starts with oarlock.")
    for end in range(len(parts), 0, -1):
        if _file(runtime, ".".join(parts[:end])):
            return ".".join(parts[:end]), parts[end:]
    raise RuntimeNameError(f"the runtime has no {path}")


def _file(runtime: Path, module: str) -> Path | None:
    base = runtime.joinpath(*module.split("."))
    return next(
        (file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None
    )


@cache
def _tree(file: Path, changed: int) -> dict[str, ast.stmt]:
    return dict(_bindings(ast.parse(file.read_text("utf-8")).body))


def _bindings(body: list[ast.stmt]) -> list[tuple[str, ast.stmt]]:
    found: list[tuple[str, ast.stmt]] = []
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.append((name, node))
            case ast.Assign(targets=targets):
                found += [
                    (part.id, node)
                    for target in targets
                    for part in ast.walk(target)
                    if isinstance(part, ast.Name)
                ]
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.append((name, node))
            case ast.ImportFrom(names=names) | ast.Import(names=names):
                found += [(alias.asname or alias.name, node) for alias in names]
            case ast.If(body=then, orelse=otherwise):
                found += _bindings(then) + _bindings(otherwise)
            case ast.Try(body=then):
                found += _bindings(then)
    return found


def _names(runtime: Path, module: str) -> dict[str, ast.stmt]:
    file = _file(runtime, module)
    return _tree(file, file.stat().st_mtime_ns) if file else {}


def _names_of(body: list[ast.stmt]) -> list[str]:
    return [name for name, _ in _bindings(body)]


def _bound(runtime: Path, module: str, name: str, far: int = _FAR) -> _Bound:
    """What ``module.name`` is, through ``from … import …``."""
    names = _names(runtime, module)
    node = names.get(name)
    if node is None:
        raise RuntimeNameError(f"{module} has no {name}{suggest(name, names)}")
    match node:
        case ast.ImportFrom(module=str(source), level=0, names=aliases) if (
            far and source.startswith("oarlock")
        ):
            original = next(a.name for a in aliases if (a.asname or a.name) == name)
            return _bound(runtime, source, original, far - 1)
        case ast.Assign(value=ast.Name(id=other)) if far and other in names and other != name:
            return _bound(runtime, module, other, far - 1)
    return _Bound(module, node)


def _described(runtime: Path, module: str, name: str, bound: _Bound) -> Object:
    match bound.node:
        case ast.FunctionDef() as function:
            # A decorator may change what the caller passes.
            plain = all(_keeps_signature(d) for d in function.decorator_list)
            return Object(module, name, "function", signature_of(function) if plain else None)
        case ast.ClassDef():
            maker = _member(runtime, bound, "__init__")[1] or _member(runtime, bound, "__new__")[1]
            signature = signature_of(maker) if isinstance(maker, ast.FunctionDef) else None
            own = signature and Signature(signature.parameters[1:], signature.returns)
            return Object(module, name, "class", own)
    return Object(module, name, "attribute", None)


def _keeps_signature(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).rpartition(".")[2] in ("cache", "no_grad()", "wraps")


def _member(
    runtime: Path, of: _Bound, name: str, far: int = _FAR
) -> tuple[_Bound, ast.stmt | None]:
    """The definition of a class's member, its own or inherited, and the class that has it."""
    assert isinstance(of.node, ast.ClassDef)
    for found, node in _bindings(of.node.body):
        if found == name:
            return of, node
    for base in of.node.bases if far else ():
        if not isinstance(base, ast.Name):
            continue
        try:
            parent = _bound(runtime, of.module, base.id)
        except RuntimeNameError:
            continue
        if isinstance(parent.node, ast.ClassDef):
            holder, member = _member(runtime, parent, name, far - 1)
            if member is not None:
                return holder, member
    return of, None
