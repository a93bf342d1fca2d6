"""What the runtime offers records by name: predicates, converters, rewrites, kernels; read statically."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RuntimeNames:
    """Name to the module that defines it, for each kind a record may refer to.

    ``results`` are the named tuples that ``returns`` may ask for.
    """

    predicates: dict[str, str]
    converters: dict[str, str]
    rewrites: dict[str, str]
    kernels: dict[str, str]
    results: tuple[str, ...]

    def fallback(self, name: str) -> str | None:
        """The module of a rewrite or kernel."""
        return self.rewrites.get(name) or self.kernels.get(name)


def read_runtime_names(runtime: Path) -> RuntimeNames:
    """Read the sources below ``runtime`` (the folder that holds ``oarlock/``); imports nothing."""
    package = runtime / "oarlock"
    return RuntimeNames(
        predicates=_functions(package / "conditions.py", runtime),
        converters=_functions(package / "convert.py", runtime),
        rewrites=_functions_below(package / "ops", runtime),
        kernels={
            folder.parent.name: _module(folder, runtime)
            for folder in sorted((package / "kernels").glob("*/__init__.py"))
        },
        results=_keys(package / "results.py", "_FIELDS"),
    )


def _functions_below(folder: Path, runtime: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.py")):
        found |= _functions(file, runtime)
    return found


def _functions(file: Path, runtime: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.name: _module(file, runtime)
        for node in tree.body
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
