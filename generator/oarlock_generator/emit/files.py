"""Writing what was generated: atomically, only where it changed, and only below allowed folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


class OutputError(ValueError):
    """An output path that leaves the folders generated files belong in."""


@dataclass(frozen=True)
class Change:
    """What a generated file would need: "new", "changed" or "stale" (no record makes it)."""

    path: Path
    kind: str


def write_text(file: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old text or the new, never half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def changes(root: Path, outputs: Mapping[Path, str], folders: Iterable[Path]) -> list[Change]:
    """What differs between ``outputs`` (paths relative to ``root``) and the disk.

    ``folders`` hold nothing but generated files: one that no output names is stale.
    """
    folders = [Path(folder) for folder in folders]
    found = []
    for path, text in outputs.items():
        if (
            path.is_absolute()
            or ".." in path.parts
            or not any(path.is_relative_to(f) for f in folders)
        ):
            raise OutputError(f"{path} lies outside the folders of generated files")
        file = root / path
        if not file.exists():
            found.append(Change(path, "new"))
        elif file.read_bytes() != text.encode():
            found.append(Change(path, "changed"))
    for folder in folders:
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root)
            if file.is_file() and path not in outputs and "__pycache__" not in path.parts:
                found.append(Change(path, "stale"))
    return found


def apply(root: Path, outputs: Mapping[Path, str], found: Iterable[Change]) -> None:
    """Carry out ``changes``."""
    for change in found:
        if change.kind == "stale":
            (root / change.path).unlink()
        else:
            write_text(root / change.path, outputs[change.path])
