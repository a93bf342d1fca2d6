"""A checkout: where its parts lie, and its records loaded, derived and generated together."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.emit.files import Change, apply, changes, write_text
from oarlock_generator.evidence import Evidence, load_evidence
from oarlock_generator.load import Source, load_records, record_files
from oarlock_generator.problems import Problem, RecordError, suggest
from oarlock_generator.runtime_names import read_runtime_names
from oarlock_generator.shared import load_shared
from oarlock_generator.signatures import load_lock

# What the last `generate` read and wrote.
_STAMP = Path(".cache/generate.json")

Progress = Callable[[Iterable[Any], str], Iterable[Any]]


class NoProjectError(Exception):
    """The current folder is in no checkout of Oarlock."""


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause Python's search for garbage cycles: records and pages are none, and it takes a third of a run."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def quiet(items: Iterable[Any], title: str) -> Iterable[Any]:
    """Show no progress."""
    return items


@dataclass(frozen=True)
class Project:
    """A checkout at ``root``."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """The checkout around ``start``."""
        for folder in (start, *start.parents):
            if (folder / "mappings" / "_shared").is_dir() and (folder / "pyproject.toml").exists():
                return cls(folder)
        raise NoProjectError(
            f"{start} is in no checkout of Oarlock (a folder with mappings/ and pyproject.toml); "
            "change into one, or name it with --root"
        )

    @property
    def mappings(self) -> Path:
        """The folder of records."""
        return self.root / "mappings"

    @cached_property
    def context(self) -> Context:
        """Signature locks, shared texts and the runtime's names."""
        return Context(
            load_lock(self.mappings / "_signatures"),
            load_shared(self.mappings),
            read_runtime_names(self.root / "runtime"),
        )

    def files(self, paths: Iterable[Path] = ()) -> list[Path]:
        """The record files below ``paths``, or all of them."""
        everything = record_files(self.mappings)
        wanted = [path.resolve() for path in paths]
        return [
            f
            for f in everything
            if not wanted or any(f.resolve().is_relative_to(w) for w in wanted)
        ]

    @uncollected()
    def load(self, progress: Progress = quiet) -> tuple[list[Source], list[Problem]]:
        """Every record, and the faults of those that don't load."""
        return load_records(
            self.files(), self.root, lambda files: progress(files, "Reading records")
        )

    @uncollected()
    def derive(self, sources: Iterable[Source], progress: Progress = quiet) -> list[Derivation]:
        """Derive records against this checkout."""
        context = self.context
        return [derive(source, context) for source in progress(list(sources), "Deriving")]

    @uncollected()
    def check(self, progress: Progress = quiet) -> tuple[list[Problem], list[Derivation]]:
        """Every fault of every record, sorted, and what could be derived."""
        from oarlock_generator.lint import lint

        sources, problems = self.load(progress)
        derivations = self.derive(sources, progress)
        problems += [problem for derivation in derivations for problem in derivation.problems]
        problems += lint(derivations, self.context)
        return sorted(problems, key=lambda p: (p.path, p.line or 0)), derivations

    def derive_all(self, progress: Progress = quiet) -> list[Derivation]:
        """Every record derived, or RecordError with every fault of the run."""
        problems, derivations = self.check(progress)
        if problems:
            raise RecordError(problems)
        return derivations

    def find_api(self, name: str) -> Derivation:
        """The record that covers an API, derived, or RecordError with the nearest name."""
        (derivation,) = self.derive([self.find_source(name)])
        if derivation.problems:
            raise RecordError(derivation.problems)
        return derivation

    def find_source(self, name: str) -> Source:
        """The record that covers an API, or RecordError with the nearest name."""
        sources, unread = self.load()
        for source in sources:
            if name in source.record.apis:
                return source
        known = [api for source in sources for api in source.record.apis]
        message = f"no record covers {name}{suggest(name, known)}; `oarlock new {name}` starts one"
        raise RecordError([*unread, Problem(Path("mappings"), (), message)])

    def evidence(self, derivations: Iterable[Derivation]) -> dict[str, Evidence]:
        """What was executed, by record."""
        found = {d.slug: load_evidence(self.mappings, d.slug) for d in derivations}
        return {slug: evidence for slug, evidence in found.items() if evidence}

    def committed(self, derivations: list[Derivation]) -> dict[Path, str]:
        """The generated files that are committed: the shim and its data."""
        from oarlock_generator.emit.records import render_runtime_records
        from oarlock_generator.emit.schema import render_schema
        from oarlock_generator.emit.shim import render_shim

        derivations = [derivation for derivation in derivations if not derivation.is_draft]
        return {
            **render_shim(derivations, self.context),
            **render_runtime_records(derivations, self.context),
            **render_schema(),
        }

    def rendered(self, derivations: list[Derivation]) -> dict[Path, str]:
        """The generated files that are not committed: pages and JSON below docs/."""
        from oarlock_generator.conformance.expected import load_reviewed
        from oarlock_generator.conformance.store import load_published
        from oarlock_generator.emit.conformance import render_conformance
        from oarlock_generator.emit.docs import render_docs
        from oarlock_generator.emit.records import render_api

        evidence = self.evidence(derivations)
        published, reviewed = load_published(self.mappings), load_reviewed(self.mappings)
        return {
            **render_conformance(derivations, published, reviewed),
            **render_docs(derivations, self.context, evidence),
            **render_api(derivations, self.context, evidence),
        }

    @property
    def committed_folders(self) -> list[Path]:
        """Folders that hold committed generated files and nothing else."""
        runtime = Path("runtime/oarlock")
        return [
            runtime / "_generated",
            *(runtime / package for package in self.context.locks if package != "paddle"),
            Path("schemas"),
        ]

    @property
    def rendered_folders(self) -> list[Path]:
        """Folders that hold rendered pages and nothing else."""
        return [Path("docs/en/api"), Path("docs/zh/api")]

    @uncollected()
    def generate(
        self, progress: Progress = quiet, *, pages: bool = True
    ) -> tuple[list[Change], list[Problem]]:
        """Write everything that records make; touch only what changed.

        Records with faults are left out, but for those of style, and the faults returned. Without ``pages`` only the
        committed files are written.
        """
        from oarlock_generator.lint import STYLE

        with _alone(self.root):
            inputs = self._inputs()
            if self._stamp() == {"inputs": inputs, "outputs": self._outputs()}:
                return [], []
            problems, derivations = self.check(progress)
            faulty = {problem.path for problem in problems if problem.rule not in STYLE}
            sound = [d for d in derivations if d.source.path not in faulty]
            outputs, folders = self.committed(sound), self.committed_folders
            if pages:
                outputs |= self.rendered(sound)
                folders += self.rendered_folders
            found = changes(self.root, outputs, folders)
            # What a record made before it had faults stays until it is mended or gone.
            left = tuple(path.with_suffix("").as_posix().partition("/")[2] for path in faulty)
            found = [c for c in found if c.kind != "stale" or not _belongs(c.path, left)]
            apply(self.root, outputs, progress(found, "Writing"))
            if pages and not problems:
                stamp = {"inputs": inputs, "outputs": self._outputs()}
                write_text(self.root / _STAMP, json.dumps(stamp))
            return found, problems

    def drift(self, progress: Progress = quiet) -> list[Change]:
        """What ``generate`` would change among the committed files."""
        derivations = self.derive_all(progress)
        return changes(self.root, self.committed(derivations), self.committed_folders)

    def _stamp(self) -> Any:
        """What the last run read and wrote."""
        try:
            return json.loads((self.root / _STAMP).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _inputs(self) -> str:
        """The state of all that generated files are made from."""
        sources = [self.mappings, self.root / "runtime/oarlock", Path(__file__).parent]
        generated = tuple(f"{self.root / folder}{os.sep}" for folder in self.committed_folders)
        return _fingerprint(file for file in _files(sources) if not file.startswith(generated))

    def _outputs(self) -> str:
        """The state of the generated files."""
        folders = [*self.committed_folders, *self.rendered_folders]
        return _fingerprint(_files(self.root / folder for folder in folders))


def _belongs(path: Path, slugs: tuple[str, ...]) -> bool:
    """Whether a generated file is of one of these records."""
    parts = path.with_suffix("").as_posix().removesuffix("/__init__")
    return parts.endswith(tuple(f"/{slug}" for slug in slugs))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other processes from generating in the same checkout at the same time."""
    file = root / _STAMP.with_name("generate.lock")
    file.parent.mkdir(exist_ok=True)
    with open(file, "w") as held:
        if fcntl:
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _files(folders: Iterable[Path]) -> Iterator[str]:
    """Every file below the folders, but for Python's caches."""
    for folder in folders:
        for holder, below, names in os.walk(folder):
            below[:] = sorted(name for name in below if name != "__pycache__")
            yield from (f"{holder}{os.sep}{name}" for name in sorted(names))


def _fingerprint(files: Iterable[str]) -> str:
    """A hash of names, sizes and times: enough to know that nothing was touched."""
    digest = hashlib.sha256()
    for file in files:
        facts = os.stat(file)
        digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
