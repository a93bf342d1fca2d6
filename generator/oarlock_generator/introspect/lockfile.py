"""Writing a signature lock, and naming what changed since it was written."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from oarlock_generator.emit.files import write_text
from oarlock_generator.introspect.from_flash_attn import lock_flash_attn
from oarlock_generator.introspect.from_paddle import lock_paddle
from oarlock_generator.introspect.from_torch import lock_torch
from oarlock_generator.signatures import Entry, Lock, Signature, load_lock

# Paddle's stubs and a few of its methods differ with Python's version, so that of the locks is fixed.
PYTHON = (3, 11)


def write_lock(directory: Path, lock: Lock) -> Path:
    """Write ``lock`` to ``<package>.json`` in ``directory``: one line per name, sorted.

    The file is replaced in one step; it is never seen half-written.
    """
    lines = [f'"lock":{_json(dict(lock.header))},', '"apis":{']
    names = sorted(lock.apis)
    for name in names:
        comma = "," if name != names[-1] else ""
        lines.append(f"{_json(name)}:{_json(lock.apis[name])}{comma}")
    text = "{" + "\n".join([*lines, "}}"]) + "\n"
    path = directory / f"{lock.package}.json"
    write_text(path, text)
    return path


def write_locks(
    directory: Path,
    flash_attn_sdist: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Lock what ``installed_locks`` finds, and return the files written."""
    return [
        write_lock(directory, lock) for lock in installed_locks(flash_attn_sdist, progress).values()
    ]


def installed_locks(
    flash_attn_sdist: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> dict[str, Lock]:
    """Introspect torch and paddle where they are installed, and flash_attn's source if given."""
    found: dict[str, Lock] = {}
    if importlib.util.find_spec("torch"):
        found["torch"] = lock_torch(progress)
    if importlib.util.find_spec("paddle"):
        found["paddle"] = lock_paddle(progress)
    if flash_attn_sdist is not None:
        found["flash_attn"] = lock_flash_attn(flash_attn_sdist, progress)
    return found


def check_lock(
    directory: Path,
    flash_attn_sdist: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
    *,
    installed: Mapping[str, Lock] | None = None,
) -> list[str]:
    """What changed between the locks in ``directory`` and what is installed, a line for each.

    Args:
        directory: holds the locks; nothing is written.
        flash_attn_sdist: flash_attn's unpacked source distribution, to compare it as well.
        progress: called with the name of each part before it is read.
        installed: what ``installed_locks`` found, where that is known already.

    Under another Python than ``PYTHON`` the versions of the frameworks are compared, and no more.
    """
    locked = load_lock(directory)
    if installed is None and sys.version_info[:2] != PYTHON:
        return _version_differences(locked)
    if installed is None:
        installed = installed_locks(flash_attn_sdist, progress)
    lines = []
    for package, lock in installed.items():
        if package in locked:
            lines += differences(locked[package], lock)
        else:
            lines.append(f"{package} {lock.version} installed, not locked")
    return lines


def _version_differences(locked: Mapping[str, Lock]) -> list[str]:
    lines = []
    for package, distribution in (("torch", "torch"), ("paddle", "paddlepaddle")):
        try:
            installed = version(distribution).partition("+")[0]
        except PackageNotFoundError:
            continue
        if installed != locked[package].version:
            lines.append(f"{package} {locked[package].version} locked, {installed} installed")
    return lines


def differences(locked: Lock, installed: Lock) -> list[str]:
    """What differs between two locks of one package, a line for each difference."""
    lines = []
    if locked.version != installed.version:
        lines.append(f"{locked.package} {locked.version} locked, {installed.version} installed")
    lines += [f"{name}: removed" for name in locked.names() if name not in installed.apis]
    lines += [f"{name}: new" for name in installed.names() if name not in locked.apis]
    # A new version moves nearly every line; only within one is a moved source worth a word.
    with_source = locked.version == installed.version
    for name in locked.names():
        if name in installed.apis and locked.apis[name] != installed.apis[name]:
            changes = _entry_differences(locked[name], installed[name], with_source)
            lines += [f"{name}: {change}" for change in changes]
    return lines


def _entry_differences(old: Entry, new: Entry, with_source: bool) -> Iterator[str]:
    if old.same_as != new.same_as:
        yield f"same as {_or_none(old.same_as)} -> {_or_none(new.same_as)}"
    if old.same_as and new.same_as:
        return
    if old.kind != new.kind:
        yield f"kind {old.kind} -> {new.kind}"
    yield from _overload_differences(old.overloads, new.overloads)
    for parameter in sorted({*old.aliases, *new.aliases}):
        before, after = (set(e.aliases.get(parameter, ())) for e in (old, new))
        for alias in sorted(before - after):
            yield f"alias {alias} of {parameter} removed"
        for alias in sorted(after - before):
            yield f"alias {alias} of {parameter} new"
    if old.alias_defaults != new.alias_defaults:
        yield f"defaults with an alias {dict(old.alias_defaults)} -> {dict(new.alias_defaults)}"
    for word, before, after in (
        ("forbids", old.forbids, new.forbids),
        ("ignores", old.ignores, new.ignores),
    ):
        for keyword in sorted(set(before) - set(after)):
            yield f"no longer {word} {keyword}"
        for keyword in sorted(set(after) - set(before)):
            yield f"{word} {keyword}"
    if with_source and old.source != new.source:
        yield f"source {_or_none(old.source)} -> {_or_none(new.source)}"


def _overload_differences(old: tuple[Signature, ...], new: tuple[Signature, ...]) -> Iterator[str]:
    if len(old) != len(new):
        for text in (str(s) for s in old if s not in new):
            yield f"overload removed: {text}"
        for text in (str(s) for s in new if s not in old):
            yield f"overload new: {text}"
        return
    for number, (before, after) in enumerate(zip(old, new, strict=True), start=1):
        where = f"overload {number}: " if len(old) > 1 else ""
        yield from (f"{where}{change}" for change in _signature_differences(before, after))


def _signature_differences(old: Signature, new: Signature) -> Iterator[str]:
    before = {p.name: p for p in old.parameters}
    after = {p.name: p for p in new.parameters}
    for name in before.keys() - after.keys():
        yield f"parameter {name} removed"
    for name, parameter in after.items():
        if name not in before:
            yield f"parameter {parameter} new"
            continue
        for field in ("kind", "default", "annotation"):
            values = getattr(before[name], field), getattr(parameter, field)
            if values[0] != values[1]:
                yield f"parameter {name}: {field} {_or_none(values[0])} -> {_or_none(values[1])}"
    kept = [n for n in before if n in after]
    if kept != [n for n in after if n in before]:
        yield f"parameters reordered to {', '.join(after)}"
    if old.returns != new.returns:
        yield f"returns {_or_none(old.returns)} -> {_or_none(new.returns)}"


def _or_none(text: str | None) -> str:
    return "(none)" if text is None else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
