"""The conditions of records: parsed, restricted to a small grammar, and never run at build time."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass

from oarlock_generator.problems import suggest

_ATTRIBUTES = ("shape", "ndim", "dtype")
_COMPARE = (
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Is,
    ast.IsNot,
    ast.In,
    ast.NotIn,
)
MAX_LENGTH = 1000


class ExpressionError(ValueError):
    """A condition outside the grammar; the message says which part."""


@dataclass(frozen=True)
class Condition:
    """A checked condition: Python source, normalised, safe to print into generated code."""

    source: str
    names: frozenset[str]
    predicates: frozenset[str]
    parts: tuple[str, ...]

    @property
    def fixed(self) -> dict[str, str]:
        """Parameters that the condition pins to one literal (``momentum == 0``)."""
        pinned = {}
        for part in self.parts:
            match ast.parse(part, mode="eval").body:
                case ast.Compare(ast.Name(name), [ast.Eq() | ast.Is()], [ast.Constant() as value]):
                    pinned[name] = ast.unparse(value)
        return pinned


def parse_condition(
    source: str, parameters: Collection[str], predicates: Collection[str]
) -> Condition:
    """Parse a ``when`` / ``native_when`` expression.

    Allowed: parameters, ``.shape[i]``, ``.ndim``, ``.dtype``, literals, comparisons, and / or /
    not, and calls of named predicates with parameters. Everything else raises ExpressionError.
    """
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"is longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"is not an expression: {getattr(error, 'msg', error)}") from None
    names: set[str] = set()
    called: set[str] = set()

    def refuse(node: ast.AST) -> ExpressionError:
        return ExpressionError(
            f"{ast.unparse(node)!r} is outside the grammar: parameters, .shape[i], .ndim, .dtype, "
            "literals, comparisons, and/or/not, and named predicates"
        )

    def parameter(node: ast.Name) -> None:
        if node.id not in parameters:
            raise ExpressionError(f"{node.id} is no parameter here{suggest(node.id, parameters)}")
        names.add(node.id)

    def walk(node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=values):
                for value in values:
                    walk(value)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                walk(operand)
            case ast.Compare(left=left, ops=ops, comparators=right) if all(
                isinstance(op, _COMPARE) for op in ops
            ):
                for value in (left, *right):
                    walk(value)
            case ast.Call(func=ast.Name(id=predicate), args=args, keywords=[]):
                if predicate not in predicates:
                    raise ExpressionError(
                        f"{predicate} is no predicate in conditions.py{suggest(predicate, predicates)}"
                    )
                called.add(predicate)
                for arg in args:
                    if not isinstance(arg, ast.Name):
                        raise refuse(arg)
                    parameter(arg)
            case ast.Name():
                parameter(node)
            case ast.Attribute(value=ast.Name() as name, attr=attribute) if (
                attribute in _ATTRIBUTES
            ):
                parameter(name)
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name() as name, attr="shape"),
                slice=ast.Constant(value=int())
                | ast.UnaryOp(ast.USub(), ast.Constant(value=int())),
            ):
                parameter(name)
            case ast.Tuple(elts=values) | ast.List(elts=values):
                for value in values:
                    walk(value)
            case ast.Constant(value=bool() | int() | float() | str() | None):
                pass
            case _:
                raise refuse(node)

    try:
        walk(tree)
        parts = (
            tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
        )
        return Condition(
            ast.unparse(tree), frozenset(names), frozenset(called), tuple(map(ast.unparse, parts))
        )
    except RecursionError:
        raise ExpressionError("nests too deep") from None
