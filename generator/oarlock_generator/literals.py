"""Plain values as Python source text, strings in double quotes."""

from __future__ import annotations

import ast
import math
from functools import cache


def literal(value: object) -> str:
    """Return source text that evaluates to ``value``."""
    match value:
        case str():
            plain = value.isprintable() and '"' not in value and "\\" not in value
            return f'"{value}"' if plain else repr(value)
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
        case dict():
            return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return repr(value)


@cache
def normalised(source: str) -> str:
    """Source text of a literal in this module's spelling; any other text as it is."""
    try:
        return literal(ast.literal_eval(source))
    except (ValueError, SyntaxError):
        return source
