"""Writing what was generated: atomically, only where it changed, and only below allowed folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
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
    data = text.encode("utf-8")
    if not file.parent.is_dir():
        file.parent.mkdir(parents=True, exist_ok=True)
    temporary = f"{file.parent}/.{file.name}.{os.getpid()}"
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def changes(root: Path, outputs: Mapping[Path, str], folders: Iterable[Path]) -> list[Change]:
    """What differs between ``outputs`` (paths relative to ``root``) and the disk.

    ``folders`` hold nothing but generated files: one that no output names is stale.
    """
    folders = list(folders)
    allowed = [folder.parts for folder in folders]
    for path in outputs:
        parts = path.parts
        within = any(parts[: len(a)] == a and len(parts) > len(a) for a in allowed)
        if path.is_absolute() or ".." in parts or not within:
            raise OutputError(f"{path} lies outside the folders of generated files")
    for folder in {*folders, *(path.parent for path in outputs)}:
        if (root / folder).resolve() != root.resolve() / folder:
            raise OutputError(f"{folder} is reached through a symbolic link; remove the link")
    there = {file for folder in folders for file in _files(root, folder)}
    found = []
    for path, text in outputs.items():
        if path not in there:
            found.append(Change(path, "new"))
        elif (root / path).read_bytes() != text.encode():
            found.append(Change(path, "changed"))
    return found + [Change(path, "stale") for path in sorted(there - outputs.keys())]


def _files(root: Path, folder: Path) -> Iterator[Path]:
    """Every file below a folder, but for Python's caches, by its path from ``root``."""
    for holder, folders, names in os.walk(root / folder):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
        below = Path(holder).relative_to(root)
        yield from (below / name for name in names)


def apply(root: Path, outputs: Mapping[Path, str], found: Iterable[Change]) -> None:
    """Carry out ``changes``."""
    for change in found:
        if change.kind == "stale":
            (root / change.path).unlink()
        else:
            write_text(root / change.path, outputs[change.path])
