"""Records in any number for benchmarks, made from the signature locks: valid, and as long as real ones."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from oarlock_generator import examples
from oarlock_generator.derive import Context
from oarlock_generator.project import Project
from oarlock_generator.signatures import Entry, Parameter

_NOTE = {
    "zh": "形状可广播；取值为 None 时与默认值相同，`dtype` 不变，梯度按广播前的形状求和。",
    "en": "Shapes broadcast; None means the default, the `dtype` stays, and gradients are summed to the shape before broadcasting.",
}
_REASON = {
    "zh": "Paddle 没有这个参数，结果会不同。",
    "en": "Paddle has no such parameter, and the result would differ.",
}
_TREATMENTS: tuple[dict[str, Any], ...] = (
    {"treat": "fallback", "note": _NOTE},
    {"refuse": _REASON},
    {"drop": _REASON},
)
_KINDS = ("function", "method")
_STAND_IN = "paddle.scale"


def synthetic_records(context: Context, count: int) -> dict[Path, str]:
    """The texts of ``count`` records by their path below a repository's root.

    Each is a real torch function with its own parameters, mapped onto Paddle's function of the
    same name where there is one, and onto ``paddle.scale`` where there is none. They derive and
    lint without a problem; whether they are true was never asked.

    Examples may call some 800 such functions; for as long as this process lives, they may call all.
    """
    torch, paddle = context.locks["torch"], context.locks["paddle"]
    namesakes = {
        name.rpartition(".")[2]: name for name in sorted(paddle.names(), key=len, reverse=True)
    }
    examples._NAMESPACES = frozenset(name.rpartition(".")[0] for name in torch.names())
    records: dict[Path, str] = {}
    seen: set[str] = set()
    for name in torch.names():
        entry, path = torch[name], Path("mappings", *name.split(".")).with_suffix(".yaml")
        short = name.rpartition(".")[2]
        key = str(path).lower()
        if short[0] == "_" or short[-1] == "_" or key in seen or not _usable(entry):
            continue
        if examples._REFUSED.fullmatch(short) or any(p.name == "self" for p in _parameters(entry)):
            continue
        target = paddle[namesakes.get(short, _STAND_IN)]
        if target.kind != "function" or not _usable(target):
            target = paddle[_STAND_IN]
        seen.add(key)
        records[path] = "\n".join(_lines(name, entry, target)) + "\n"
        if len(records) == count:
            return records
    raise ValueError(f"the lock of torch has only {len(records)} names to make records of")


def synthetic_project(checkout: Path, root: Path, count: int) -> Project:
    """A copy of a checkout at ``root`` that has ``count`` synthetic records and no others."""
    ignored = shutil.ignore_patterns("__pycache__", "_generated", "_evidence")
    for folder in ("mappings/_signatures", "mappings/_shared", "runtime"):
        shutil.copytree(checkout / folder, root / folder, ignore=ignored)
    shutil.copy(checkout / "pyproject.toml", root)
    project = Project(root)
    for path, text in synthetic_records(project.context, count).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return project


def _parameters(entry: Entry) -> tuple[Parameter, ...]:
    return entry.overloads[0].parameters


def _usable(entry: Entry) -> bool:
    """Whether it has one signature, of named parameters with plain defaults."""
    return (
        entry.kind in _KINDS
        and len(entry.overloads) == 1
        and len(_parameters(entry)) > 0
        and all(not p.kind.startswith("var") for p in _parameters(entry))
        and all(p.default is None or _is_literal(p.default) for p in _parameters(entry))
    )


def _is_literal(source: str) -> bool:
    try:
        ast.literal_eval(source)
    except ValueError:
        return False
    return True


def _lines(name: str, entry: Entry, target: Entry) -> Iterator[str]:
    own = ["self"] * (entry.kind == "method") + [p.name for p in _parameters(entry)]
    optional = {p.name for p in _parameters(entry) if p.default is not None}
    names = [p.name for p in _parameters(target)]
    aliases = {alias for group in target.aliases.values() for alias in group}
    treatments = cycle(_TREATMENTS)
    specs: dict[str, dict[str, Any]] = {}
    for place, parameter in enumerate(own):
        if parameter in names or parameter in aliases:
            specs[parameter] = {"note": _NOTE}
        elif place == 0:
            specs[parameter] = {"to": names[0], "note": _NOTE}
        else:
            specs[parameter] = next(treatments) if parameter in optional else {"drop": _REASON}
    spellings = {alias: name for name, group in target.aliases.items() for alias in group}
    reached = {spellings.get(parameter, parameter) for parameter in own}
    reached |= {word["to"] for word in specs.values() if "to" in word}
    only = {
        p.name: {"set": 0} if p.default is None else {}
        for p in _parameters(target)
        if p.name not in reached | {"name"}
    }
    treated = [p for p, spec in specs.items() if "treat" in spec or "refuse" in spec]
    yield f"apis: {{{name}: {{}}}}"
    yield f"paddle: {target.name}"
    yield "parameters:"
    for parameter, spec in specs.items():
        yield f"  {json.dumps(parameter)}:"
        for word, value in spec.items():
            yield f"    {word}: {_flow(value)}"
    yield f"paddle_only: {_flow(only)}"
    if any("treat" in spec for spec in specs.values()):
        yield "fallback: {kernel: attention}"
    yield f"notes: {_flow([_NOTE, _NOTE])}"
    yield "examples:"
    for number, parameters in enumerate((own[:1], treated or own[:1])):
        yield f"  - name: example_{number}"
        yield f"    parameter: {_flow(parameters)}"
        yield f"    title: {_flow(_NOTE)}"
        yield "    inputs: {a: {normal: [4, 5], grad: true}, b: {normal: [4, 1]}}"
        yield "    dtypes: [float32, float64]"
        yield f"    call: {name}(a, b)"


def _flow(value: Any) -> str:
    """JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)
