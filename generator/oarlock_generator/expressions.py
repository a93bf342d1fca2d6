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

    def whole(self, tensors: Collection[str]) -> str:
        """``code`` as one expression."""
        return " and ".join(self.code(tensors))

    def code(self, tensors: Collection[str]) -> tuple[str, ...]:
        """The parts as Python that holds for Oarlock's Tensors and Paddle's alike.

        Dtypes are compared as Paddle's, and predicates get plain tensors.
        """
        return tuple(_code(part, tensors) for part in self.parts)

    @property
    def fixed(self) -> dict[str, str]:
        """Parameters that the condition pins to one literal (``momentum == 0``)."""
        pinned = {}
        for part in self.parts:
            match ast.parse(part, mode="eval").body:
                case ast.Compare(ast.Name(name), [ast.Eq() | ast.Is()], [ast.Constant() as value]):
                    pinned[name] = ast.unparse(value)
        return pinned


class _Plain(ast.NodeTransformer):
    """Make ``x.dtype == "float32"`` a comparison of Paddle's dtypes, by identity."""

    def __init__(self, tensors: Collection[str]):
        self.tensors = tensors

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """Dtypes are objects, and strings name them."""
        sides = [node.left, *node.comparators]
        if not any(isinstance(s, ast.Attribute) and s.attr == "dtype" for s in sides):
            return ast.copy_location(self._generic(node), node)
        identity = {ast.Eq: ast.Is, ast.NotEq: ast.IsNot}
        left, *right = (self._dtype(side) for side in sides)
        return ast.Compare(left, [identity.get(type(op), type(op))() for op in node.ops], right)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A predicate gets plain tensors."""
        return ast.Call(node.func, [self._plain(arg) for arg in node.args], [])

    def _generic(self, node: ast.Compare) -> ast.expr:
        visited = self.generic_visit(node)
        assert isinstance(visited, ast.expr)
        return visited

    def _dtype(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Attribute(value=value, attr="dtype"):
                return ast.Attribute(self._plain(value), "dtype")
            case ast.Constant(value=str(name)):
                return ast.Attribute(ast.Name("paddle"), name)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return ast.Tuple([self._dtype(element) for element in elements])
        return node

    def _plain(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name) and node.id in self.tensors:
            return ast.Call(ast.Name("plain"), [node], [])
        return node


def _code(part: str, tensors: Collection[str]) -> str:
    tree = ast.parse(part, mode="eval")
    changed = _Plain(tensors).visit(tree)
    if ast.dump(changed) == ast.dump(ast.parse(part, mode="eval")):
        return part
    return _joinable(ast.fix_missing_locations(changed).body)


def _joinable(part: ast.expr) -> str:
    """A part that can stand beside others with ``and`` between them."""
    text = unparsed(part)
    return f"({text})" if isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or) else text


def unparsed(tree: ast.AST) -> str:
    """Source with the quotes that the formatter writes."""
    text = ast.unparse(tree)
    return text if '"' in text else text.replace("'", '"')


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
            unparsed(tree), frozenset(names), frozenset(called), tuple(map(_joinable, parts))
        )
    except RecursionError:
        raise ExpressionError("nests too deep") from None
