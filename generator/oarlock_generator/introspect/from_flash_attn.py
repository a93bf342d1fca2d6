"""The signature lock of flash_attn, read from its source distribution without importing it.

Importing flash_attn needs its compiled CUDA extension; its Python files can be read anywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oarlock_generator.introspect.source import (
    SourceFile,
    declared_signature,
    decorators,
    source_file,
)
from oarlock_generator.signatures import Lock

# CUDA kernels in a DSL and benchmark scripts: no API that a model imports.
SKIPPED = frozenset({"flash_attn.cute", "flash_attn.flash_attn_triton_amd"})


def lock_flash_attn(sdist: Path, progress: Callable[[str], None] = lambda _: None) -> Lock:
    """Read an unpacked source distribution of flash_attn.

    Args:
        sdist: the folder that holds ``flash_attn/__init__.py``.
        progress: called with the name of each part before it is read.

    Raises:
        FileNotFoundError: ``sdist`` is not an unpacked flash_attn.
        ValueError: it does not say its version.
    """
    progress("flash_attn: source")
    init = sdist / "flash_attn" / "__init__.py"
    version = re.search(r'^__version__ = "([\w.+]+)"', init.read_text(encoding="utf-8"), re.M)
    if version is None:
        raise ValueError(f"{init}: no __version__")
    modules = {
        name: file
        for path in sorted((sdist / "flash_attn").rglob("*.py"))
        if not _is_skipped(name := _module_name(path, sdist)) and (file := source_file(path))
    }
    apis: dict[str, dict[str, Any]] = {}
    for name, file in modules.items():
        path = name.replace(".", "/")
        path += "/__init__.py" if (sdist / path).is_dir() else ".py"
        apis[name] = {"kind": "module", "source": f"{path}:1"}
        apis.update(_definitions(name, file, path))
    for name, file in modules.items():
        apis.update(_re_exports(name, file, apis))
    header = {
        "package": "flash_attn",
        "version": version[1],
        "repository": "https://github.com/Dao-AILab/flash-attention",
        "tag": f"v{version[1]}",
    }
    return Lock(header, apis)


def _module_name(path: Path, sdist: Path) -> str:
    parts = path.relative_to(sdist).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_skipped(name: str) -> bool:
    return any(name == s or name.startswith(f"{s}.") for s in SKIPPED)


def _definitions(module: str, file: SourceFile, path: str) -> dict[str, dict[str, Any]]:
    apis: dict[str, dict[str, Any]] = {}
    for name, nodes in file.functions.items():
        owner, _, function = name.rpartition(".")
        node = nodes[-1]
        if "<locals>" in name or function.startswith("_") or owner.startswith("_"):
            continue
        if owner and owner not in file.classes:
            continue
        kind = "method" if owner else "function"
        if owner and "property" in decorators(node):
            kind = "property"
        fields: dict[str, Any] = {"kind": kind}
        if kind != "property":
            bound = bool(owner) and "staticmethod" not in decorators(node)
            fields["signatures"] = [str(declared_signature(node, bound=bound))]
        apis[f"{module}.{name}"] = {**fields, "source": f"{path}:{node.lineno}"}
    for name, node in file.classes.items():
        if name.startswith("_") or "." in name:
            continue
        fields = {"kind": "class", "source": f"{path}:{node.lineno}"}
        if inits := file.functions.get(f"{name}.__init__"):
            fields["signatures"] = [str(declared_signature(inits[-1], bound=True))]
        if bases := [b for b in map(_dotted, node.bases) if b and f"{module}.{b}" in apis]:
            fields["members_of"] = [f"{module}.{b}" for b in bases]
        apis[f"{module}.{name}"] = fields
    return apis


def _re_exports(
    module: str, file: SourceFile, apis: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    found = {}
    for node in file.imports:
        for alias in node.names:
            origin = f"{node.module}.{alias.name}"
            name = f"{module}.{alias.asname or alias.name}"
            if apis.get(origin, {}).get("kind") in ("function", "class") and name not in apis:
                found[name] = {"same_as": apis[origin].get("same_as", origin)}
    return found


def _dotted(node: ast.expr) -> str | None:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else None
