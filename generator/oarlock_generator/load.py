"""Strict YAML to records: no duplicate keys, no aliases, no guessed types; every fault with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.constructor import ConstructorError

from oarlock_generator.model import (
    Example,
    Fallback,
    Input,
    Model,
    Overload,
    PaddleOnly,
    ParameterSpec,
    Record,
    Text,
)
from oarlock_generator.problems import FieldPath, Problem, RecordError, suggest

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
_AMBIGUOUS = re.compile(r"(?:yes|no|on|off|y|n)", re.IGNORECASE)
# What can nest a thousand levels in a file of MAX_BYTES: marks on one line, and brackets.
_DEEP = re.compile(r"(?:[-?:][ \t]+){16}")
_MANY_BRACKETS = 500


class Loader(yaml.CSafeLoader):
    """YAML 1.2's core types; whatever two readers could read differently has a tag of its own."""


def _readings(value: str) -> str:
    if _AMBIGUOUS.fullmatch(value):
        return "a truth value to some YAML readers and a word to others"
    if value == "<<":
        return "a merge key"
    return "a number to some YAML readers and a word to others"


def _advice(value: str) -> str:
    if _AMBIGUOUS.fullmatch(value):
        return f'write "{value}" for the word, or true / false'
    return (
        "write the keys out"
        if value == "<<"
        else f'write "{value}" for the word, or a decimal number'
    )


_TAG = "tag:yaml.org,2002:"
# The order matters: the first pattern that matches decides.
_PLAIN: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    (
        "ambiguous",
        r"[-+]?(?:0[0-9_]+|0[xob][0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-9]+)+|[0-9]+_[0-9_]*)|(?i:yes|no|on|off|y|n)|<<",
        "-+0123456789yYnNoO<",
    ),
)
Loader.yaml_implicit_resolvers = {}
for _name, _pattern, _first in _PLAIN:
    Loader.add_implicit_resolver(
        _TAG + _name,
        re.compile(rf"(?:{_pattern})\Z"),
        list(_first.replace("\0", "")) + [""] * ("\0" in _first),
    )
_SCALARS: dict[str, Callable[[str], Any]] = {
    _TAG + "null": lambda text: None,
    _TAG + "bool": lambda text: text.lower() == "true",
    _TAG + "int": int,
    _TAG + "float": lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
    _TAG + "str": str,
}


def _fault(node: yaml.Node, message: str) -> ConstructorError:
    return ConstructorError(None, None, message, node.start_mark)


def _construct(node: yaml.Node, seen: set[yaml.Node], depth: int = 0) -> Any:
    """Plain values of a node: keys are scalars and stand once, nothing is an alias or tagged."""
    if node in seen:
        raise _fault(node, "aliases (*name) are not allowed: write this value out where it is used")
    seen.add(node)
    if isinstance(node, yaml.ScalarNode):
        if convert := _SCALARS.get(node.tag):
            try:
                return convert(node.value)
            except ValueError as error:
                raise _fault(node, f"cannot be read: {error}") from None
        if node.tag == _TAG + "ambiguous":
            raise _fault(node, f"{node.value} is {_readings(node.value)}; {_advice(node.value)}")
    elif depth > MAX_DEPTH:
        raise _fault(node, f"nests deeper than {MAX_DEPTH} levels")
    elif isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _fault(key_node, "a key must be a plain word")
            key = _construct(key_node, seen)
            if key in mapping:
                raise _fault(key_node, f"the key {key!r} stands here twice")
            mapping[key] = _construct(value_node, seen, depth + 1)
        return mapping
    elif isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        return [_construct(item, seen, depth + 1) for item in node.value]
    raise _fault(node, f"the tag {node.tag} is not allowed")


@dataclass(frozen=True)
class Source:
    """A record together with the file it was read from."""

    path: Path
    text: str
    record: Record

    def problem(self, where: FieldPath, message: str, **more: Any) -> Problem:
        """A fault at a field of this record, with its line."""
        return Problem(self.path, where, message, line=line_of(self.text, where), **more)


def read_text(file: Path, shown: Path) -> str:
    """Read a record's text, or raise RecordError for what is no UTF-8 text of moderate size."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise RecordError([Problem(shown, (), f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_BYTES:
        raise RecordError(
            [Problem(shown, (), f"is {len(data):,} bytes; a record has at most {MAX_BYTES:,}")]
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8 (byte {error.start} is 0x{data[error.start]:02x}); save the file as UTF-8"
        raise RecordError([Problem(shown, (), message, line=line)]) from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise RecordError([Problem(shown, (), "is empty; `oarlock new` writes a first record")])
    return text


def parse(text: str, path: Path) -> Any:
    """YAML text to plain values, or RecordError with the line."""
    try:
        if _DEEP.search(text) or text.count("[") + text.count("{") > _MANY_BRACKETS:
            _check_depth(text)
        node = yaml.compose(text, Loader=Loader)
        return _construct(node, set()) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = str(error.problem)
        if error.context and error.problem not in (error.context, ""):
            message = f"{error.context}, {message}"
        raise RecordError(
            [Problem(path, (), message, line=mark.line + 1 if mark else None)]
        ) from None
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes, and this error's mark has no line.
        line = text.encode("utf-8").count(b"\n", 0, error.position) + 1
        raise RecordError(
            [Problem(path, (), f"has a character YAML does not allow: {error.reason}", line=line)]
        ) from None


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ConstructorError(
                    None, None, f"nests deeper than {MAX_DEPTH} levels", event.start_mark
                )
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def load_text(text: str, path: Path, model: type[Model] = Record) -> Any:
    """YAML text to a validated model, or RecordError with every fault and its line."""
    data = parse(text, path)
    if not isinstance(data, dict):
        raise RecordError(
            [Problem(path, (), f"must be a mapping with the key apis, not {_kind(data)}", line=1)]
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RecordError(_explain(error, text, path)) from None


def load_file(file: Path, root: Path) -> Source:
    """One record file to a Source; ``root`` is the folder that paths are shown from."""
    shown = file.relative_to(root)
    text = read_text(file, shown)
    return Source(shown, text, load_text(text, shown))


def is_record(file: Path, mappings: Path) -> bool:
    """Whether a file below ``mappings`` is a record: folders with a leading underscore hold others."""
    *folders, name = file.relative_to(mappings).parts
    # A record of a private name, such as torch.nn.modules.utils._pair, is one all the same.
    return (
        name.endswith(".yaml")
        and not name.startswith(".")
        and not any(folder.startswith(("_", ".")) for folder in folders)
    )


def record_files(mappings: Path) -> list[Path]:
    """Every record below ``mappings``."""
    return sorted(file for file in mappings.rglob("*.yaml") if is_record(file, mappings))


def load_records(
    files: Iterable[Path], root: Path, progress: Callable[[Iterable[Path]], Iterable[Path]] = iter
) -> tuple[list[Source], list[Problem]]:
    """All records that load, and every fault of those that don't."""
    sources, problems = [], []
    for file in progress(list(files)):
        try:
            sources.append(load_file(file, root))
        except RecordError as error:
            problems.extend(error.problems)
    return sources, problems


def node_at(text: str, where: FieldPath) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Key node and value node of a field, as deep as the text has it."""
    node = yaml.compose(text, Loader=Loader)
    key: yaml.Node | None = None
    for part in where:
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if key_node.value == str(part) or (
                    isinstance(part, bool) and key_node.value.lower() == str(part).lower()
                ):
                    key, node = key_node, value_node
                    break
            else:
                break
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            key = node = node.value[part]
        else:
            break
    return key, node


def line_of(text: str, where: FieldPath) -> int:
    """The line a field stands on, or that of the nearest field around it."""
    try:
        key, node = node_at(text, where)
    except yaml.YAMLError:
        return 1
    found = key or node
    return found.start_mark.line + 1 if found else 1


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(value), f"{value!r}")


def _explain(error: ValidationError, text: str, path: Path) -> list[Problem]:
    problems = []
    for fault in error.errors(include_url=False):
        where = tuple(part for part in fault["loc"] if part != "[key]")
        message = fault["msg"].removeprefix("Value error, ")
        match fault["type"]:
            case "extra_forbidden":
                message = f"unknown field{suggest(str(where[-1]), _fields_around(where))}"
            case "missing":
                message = "is missing"
            case "model_type":
                message = f"must be a mapping, not {_kind(fault['input'])}"
            case "literal_error":
                expected = fault.get("ctx", {})["expected"]
                near = suggest(str(fault["input"]), re.findall(r"\w+", expected))
                message = f"{fault['input']!r} is not one of {expected}{near}"
            case "string_type":
                message = f"must be a text, not {_kind(fault['input'])}"
        problems.append(Problem(path, where, message, line=line_of(text, where)))
    return problems


def _fields_around(where: FieldPath) -> list[str]:
    """Field names of the model that ``where`` lies in, for suggestions."""
    inside = [_MODELS[part] for part in where[:-1] if part in _MODELS]
    return list((inside[-1] if inside else Record).model_fields)


_MODELS: dict[str | int, type[Model]] = {
    "parameters": ParameterSpec,
    "members": ParameterSpec,
    "paddle_only": PaddleOnly,
    "overloads": Overload,
    "examples": Example,
    "inputs": Input,
    "fallback": Fallback,
    "note": Text,
    "notes": Text,
    "title": Text,
}
