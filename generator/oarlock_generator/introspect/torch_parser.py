"""Signatures of torch's C++ functions: operator schemas and docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from oarlock_generator.introspect.source import value_text
from oarlock_generator.signatures import Parameter, Signature, parse_signature

# torch/csrc/utils/python_arg_parser.cpp, numpy_compatibility_arg_names
NUMPY_SPELLINGS = {
    "dim": ("axis",),
    "input": ("a", "x", "x1"),
    "keepdim": ("keepdims",),
    "other": ("x2",),
}

_TYPES = {
    "number": "Number",
    "Scalar": "Number",
    "ScalarType": "torch.dtype",
    "SymInt": "int",
    "Layout": "torch.layout",
    "Device": "torch.device",
    "MemoryFormat": "torch.memory_format",
    "Generator": "torch.Generator",
}


def numpy_aliases(parameters: Iterable[str]) -> dict[str, list[str]]:
    """The NumPy spellings that torch's argument parser accepts besides ``parameters``."""
    names = set(parameters)
    aliases = {
        name: [s for s in spellings if s not in names]
        for name, spellings in NUMPY_SPELLINGS.items()
        if name in names
    }
    return {name: spellings for name, spellings in aliases.items() if spellings}


def schema_signatures(name: str) -> list[Signature]:
    """The Python signatures of ``torch.ops.aten.<name>``; empty where there is no such operator.

    The parser names a tensor ``self`` "input", folds ``out`` overloads into the plain ones, and
    gives factories ``requires_grad``.
    """
    import torch

    operator = getattr(torch.ops.aten, name, None)
    if operator is None:
        return []
    schemas = [getattr(operator, overload)._schema for overload in operator.overloads()]
    outs = {_inputs(schema): schema for schema in schemas if _out_count(schema)}
    signatures = []
    for schema in schemas:
        if _out_count(schema) or any("Dimname" in str(a.real_type) for a in schema.arguments):
            continue
        out = outs.get(_inputs(schema))
        signatures.append(_schema_signature(name, schema, _out_count(out) if out else 0))
    return signatures


def docstring_signature(function: Any) -> Signature | None:
    """The signature in the first line of a docstring, if it is one."""
    lines = (getattr(function, "__doc__", None) or "").strip().splitlines()
    name = getattr(function, "__name__", "")
    if not lines or not name:
        return None
    match = re.match(r"(?:[\w.]+\.)?(\w+)(\(.*\))\s*(?:->\s*(.+))?$", lines[0].strip())
    if match is None or not name.endswith(match[1]):
        return None
    for returns in (f" -> {match[3]}" if match[3] else "", ""):
        try:
            return parse_signature(match[2] + returns)
        except SyntaxError:
            continue
    return None


def _out_count(schema: Any) -> int:
    return sum(argument.is_out for argument in schema.arguments)


def _inputs(schema: Any) -> tuple[tuple[str, str], ...]:
    return tuple((a.name, str(a.real_type)) for a in schema.arguments if not a.is_out)


def _schema_signature(name: str, schema: Any, outs: int) -> Signature:
    parameters = []
    for argument in schema.arguments:
        type_text = str(argument.real_type)
        is_input = argument.name == "self" and type_text == "Tensor"
        default = value_text(argument.default_value) or "..."
        parameters.append(
            Parameter(
                name="input" if is_input else argument.name,
                kind="keyword" if argument.kwarg_only else "normal",
                default=default if argument.has_default_value() else None,
                annotation=_type_text(type_text),
            )
        )
    if outs:
        tensors = "Tensor" if outs == 1 else f"tuple[{', '.join(['Tensor'] * outs)}]"
        parameters.append(Parameter("out", "keyword", "None", f"{tensors} | None"))
    if any(parameter.name == "pin_memory" for parameter in parameters):
        parameters.append(Parameter("requires_grad", "keyword", "False", "bool"))
    return Signature(tuple(parameters), _returns_text(name, schema))


def _returns_text(name: str, schema: Any) -> str:
    import torch

    if len(schema.returns) > 1 and hasattr(torch.return_types, name):
        return f"torch.return_types.{name}"
    types = [_type_text(str(r.real_type)) for r in schema.returns]
    if not types:
        return "None"
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _type_text(text: str) -> str:
    if inner := re.fullmatch(r"Optional\[(.*)\]", text):
        return f"{_type_text(inner[1])} | None"
    if inner := re.fullmatch(r"List\[(.*)\]", text):
        return f"Sequence[{_type_text(inner[1])}]"
    return _TYPES.get(text, text)
