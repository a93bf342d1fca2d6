"""A first record for an API, as far as the signature locks tell; what they don't is asked for."""

from __future__ import annotations

from pathlib import Path

from oarlock_generator.derive import derive
from oarlock_generator.emit.files import write_text
from oarlock_generator.lint.to_be_written import PLACEHOLDERS
from oarlock_generator.load import Source, load_text
from oarlock_generator.problems import Problem, RecordError, suggest
from oarlock_generator.project import Project

_ASK = "{{zh: {zh}, en: {en}}}".format_map(PLACEHOLDERS)


def new_record(project: Project, api: str, target: str | None) -> Path:
    """Write ``mappings/<api>.yaml`` and return its path below the project's root.

    Raises:
        RecordError: the API is in no signature lock, already has a record, or Paddle has no
            function of the name and none is given.
    """
    context = project.context
    path = Path("mappings", *api.split(".")).with_suffix(".yaml")

    def refuse(message: str) -> RecordError:
        return RecordError([Problem(path, (), message)])

    lock = context.locks.get(api.partition(".")[0])
    if lock is None:
        raise refuse(f"no signature lock covers {api}; there are {', '.join(context.locks)}")
    entry = lock.get(api)
    if entry is None:
        raise refuse(f"{lock.package} {lock.version} has no {api}{suggest(api, lock.names())}")
    sources, _ = project.load()
    for source in sources:
        if api in source.record.apis:
            raise refuse(f"{api} already has a record in {source.path.as_posix()}")
    if (project.root / path).exists():
        raise refuse("exists already")
    kind = {"class": "class", "attribute": "attribute", "property": "attribute"}.get(entry.kind)
    own = ""
    if kind == "class":
        classes = context.runtime.classes(api.rpartition(".")[2])
        if not classes:
            raise refuse("Oarlock has no class of this name yet; write it first")
        own = f"implementation: {classes[0]}\n"
    paddle = context.locks["paddle"]
    target = target or "paddle." + api.partition(".")[2]
    if target not in paddle:
        near = suggest(target, paddle.names())
        raise refuse(
            f"paddle {paddle.version} has no {target}{near}; name Paddle's function with --paddle"
        )
    text = f"apis:\n  {api}: {{}}\n" + (f"kind: {kind}\n" if kind else "")
    text += f"{own}paddle: {target}\n"
    write_text(project.root / path, text + _unsaid(project, path, text))
    return path


def _unsaid(project: Project, path: Path, text: str) -> str:
    """The parameters that the record still has to speak of, each with a treatment to edit."""
    source = Source(path, text, load_text(text, path))
    derivation = derive(source, project.context)
    route = derivation.routes[0] if derivation.routes else None
    if route is None or route.paddle is None:
        return ""
    said = {row.torch.name for row in route.parameters if row.torch and row.treatment}
    missing = [p.name for p in route.signature.parameters if p.name not in said]
    reached = {p.name for row in route.rows for p in row.paddle}
    lines = [f"  {name}: {{refuse: {_ASK}}}" for name in missing]
    theirs = [
        p.name
        for s in route.paddle.overloads[:1]
        for p in s.parameters
        if p.name not in reached | {"name"}
    ]
    out = "parameters:\n" + "\n".join(lines) + "\n" if lines else ""
    return out + (f"paddle_only: [{', '.join(theirs)}]\n" if theirs else "")
