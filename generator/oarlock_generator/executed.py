"""The code that executing a record's examples runs, as a digest: evidence of other code is stale."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from oarlock_generator.evidence import load_evidence
from oarlock_generator.load import Source
from oarlock_generator.oracles import ORACLES

RUNTIME = Path("runtime/oarlock")
# What decides whether two results agree.
_JUDGES = [
    Path(__file__).with_name(f"{name}.py") for name in ("compare", "frameworks", "oracles", "trial")
]


class Code:
    """The code of a checkout that examples run on.

    Args:
        root: the checkout.
        generated: folders below it that records make; of these a record runs its own module only,
            so that a record added or edited leaves the evidence of the others current.
    """

    def __init__(self, root: Path, generated: Collection[Path]):
        self.root = root
        folders = [root / folder for folder in generated]
        own = [
            file
            for file in sorted((root / RUNTIME).rglob("*.py"))
            if not any(file.is_relative_to(folder) for folder in folders)
        ]
        self._common = _hash(own) + _hash(_JUDGES)

    def oracle(self, source: Source) -> str:
        """What says how a record's examples should be: a file of the checkout, or a package."""
        package = next(iter(source.record.apis)).partition(".")[0]
        file = ORACLES / f"{package}.py"
        return file.as_posix() if (self.root / file).exists() else package

    def digest(self, source: Source) -> str:
        """A short hash of the runtime, the record's generated module, its oracle and the judges."""
        slug = _slug(source)
        files = [self.root / RUNTIME / "_generated" / f"{slug}.py", self.root / self.oracle(source)]
        text = self._common + _hash(file for file in files if file.is_file())
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def stale(self, source: Source) -> bool:
        """Whether some example of a record was not executed as it reads now, on this code."""
        examples = [] if source.record.status else source.record.examples
        evidence = load_evidence(self.root / "mappings", _slug(source))
        if evidence is None:
            return bool(examples)
        executed = {(run.example, run.dtype) for run in evidence.current(examples)}
        wanted = {(example.id, dtype) for example in examples for dtype in example.dtypes}
        facts = (evidence.executed, evidence.oracle)
        return facts != (self.digest(source), self.oracle(source)) or not wanted <= executed


def _slug(source: Source) -> str:
    return source.path.with_suffix("").as_posix().partition("/")[2]


def _hash(files: Iterable[Path]) -> str:
    """A hash of names and texts, whatever the line ends of the checkout."""
    digest = hashlib.sha256()
    for file in files:
        text = file.read_text("utf-8")
        digest.update(f"{file.name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()
