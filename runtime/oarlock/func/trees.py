"""Nested tuples, lists and dicts as their leaves and their structure."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Structure(NamedTuple):
    """How leaves are nested.

    Attributes:
        kind: the container's type; None for a leaf.
        context: what it needs besides: a dict's keys, a deque's length.
        parts: the structures of what it contains.
    """

    kind: Any
    context: Any
    parts: tuple[Structure, ...]

    def __str__(self) -> str:
        if self.kind is None:
            return "*"
        inside = ", ".join(map(str, self.parts))
        return f"{self.kind.__name__}({inside})"


_LEAF = Structure(None, None, ())


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves from left to right, and their structure; None is a leaf."""
    leaves: list[Any] = []
    return leaves, _collect(tree, leaves)


def unflatten(leaves: Sequence[Any], structure: Structure) -> Any:
    """Return the tree of that structure with those leaves."""
    return _built(iter(leaves), structure)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the tree with ``function`` of each leaf in its place."""
    leaves, structure = flatten(tree)
    return unflatten([function(leaf) for leaf in leaves], structure)


def spread(prefix: Any, structure: Structure) -> list[Any] | None:
    """Return ``prefix``, of which a leaf stands for a whole subtree, leaf by leaf; None if it can't."""
    found: list[Any] = []
    return found if _spread(prefix, structure, found) else None


def _parts(tree: Any) -> tuple[Any, Any, list[Any]] | None:
    kind = type(tree)
    if kind in (dict, OrderedDict):
        return kind, tuple(tree), list(tree.values())
    if kind is defaultdict:
        return kind, (tree.default_factory, tuple(tree)), list(tree.values())
    if kind in (tuple, list) or (isinstance(tree, tuple) and _is_named(kind)):
        return kind, None, list(tree)
    if isinstance(tree, deque):
        return kind, tree.maxlen, list(tree)
    # What torch.max and its like return.
    if isinstance(tree, tuple) and kind.__module__.startswith(("oarlock", "torch")):
        return (kind, None, list(tree)) if hasattr(kind, "_fields") else None
    return None


def _is_named(kind: type) -> bool:
    return hasattr(kind, "_fields") and kind.__bases__ == (tuple,)


def _collect(tree: Any, leaves: list[Any]) -> Structure:
    found = _parts(tree)
    if found is None:
        leaves.append(tree)
        return _LEAF
    kind, context, parts = found
    return Structure(kind, context, tuple(_collect(part, leaves) for part in parts))


def _built(leaves: Any, structure: Structure) -> Any:
    kind, context, parts = structure
    if kind is None:
        return next(leaves)
    made = [_built(leaves, part) for part in parts]
    if kind in (dict, OrderedDict):
        return kind(zip(context, made, strict=True))
    if kind is defaultdict:
        return defaultdict(context[0], zip(context[1], made, strict=True))
    if kind is deque:
        return deque(made, maxlen=context)
    return kind(*made) if hasattr(kind, "_fields") else kind(made)


def _spread(prefix: Any, structure: Structure, found: list[Any]) -> bool:
    parts = _parts(prefix)
    if parts is None:
        found.extend([prefix] * _size(structure))
        return True
    kind, context, values = parts
    if (kind, context, len(values)) != (structure.kind, structure.context, len(structure.parts)):
        return False
    return all(
        _spread(value, part, found) for value, part in zip(values, structure.parts, strict=True)
    )


def _size(structure: Structure) -> int:
    return 1 if structure.kind is None else sum(map(_size, structure.parts))
