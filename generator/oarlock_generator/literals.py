"""Plain values as Python source text, strings in double quotes."""

from __future__ import annotations


def literal(value: object) -> str:
    """Return source text that evaluates to ``value``."""
    match value:
        case str():
            plain = value.isprintable() and '"' not in value and "\\" not in value
            return f'"{value}"' if plain else repr(value)
        case tuple():
            return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
        case dict():
            return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return repr(value)
