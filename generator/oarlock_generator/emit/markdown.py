"""Text as Markdown that can't be more than text: no markup, no HTML, no extra table cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

_ACTIVE = str.maketrans({c: f"&#{ord(c)};" for c in "\\`*{}[]<>#|&"})
_ESCAPES = {**_ACTIVE, ord("_"): "&#95;"}
# An underscore inside a word is only that.
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LITERAL = re.compile(r"[^\s`|\\](?:[^`|\\]*[^\s`|\\])?")
_CODE = re.compile(r"`([^`]+)`")
# What makes a line a list or a block, of the characters that are harmless elsewhere.
_BLOCK = re.compile(r"\d+[.)]|[-+=~^!?:/%]")
_INCLUDE = re.compile(r"^(?=[ \t]*;*-+8<-)", re.MULTILINE)
_DOTTED = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_]\w*)*", re.ASCII)


class Markdown(str):
    """Markdown already; whatever is not gets escaped where it is printed."""

    __slots__ = ()


def prose(text: str) -> Markdown:
    """One line of text; `code` between backticks stays code, all else is what it looks like."""
    return text if isinstance(text, Markdown) else _escaped(text)


# The same remarks stand on many pages.
@lru_cache(maxsize=4096)
def _escaped(text: str) -> Markdown:
    text = " ".join(text.split())
    parts = _CODE.split(text)
    for place, part in enumerate(parts):
        parts[place] = code(part) if place % 2 else _EMPHASIS.sub("&#95;", part.translate(_ACTIVE))
    if _BLOCK.match(text):
        parts[0] = f"&#{ord(text[0])};{parts[0][1:]}"
    return Markdown("".join(parts))


def code(text: str) -> Markdown:
    """Inline code of any content."""
    if _LITERAL.fullmatch(text):
        return Markdown(f"`{text}`")
    return Markdown(f"<code>{text.translate(_ESCAPES)}</code>")


def anchor(name: str) -> Markdown:
    """What gives the place, or what stands right before it, an id."""
    if "__" in name:
        # Within an attribute list two underscores would be emphasis.
        return Markdown(f'<a id="{name}"></a>')
    return Markdown(f"{{ #{name} }}")


def dotted(name: str) -> Markdown:
    """A dotted name as code that may break after its dots."""
    return Markdown(f"<code>{name.translate(_ESCAPES).replace('.', '.<wbr>')}</code>")


def fenced(text: str, indent: int = 0) -> Markdown:
    """A block of Python that its content can neither close nor include files into."""
    longest = max(map(len, re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    body = _INCLUDE.sub(";", "\n".join(text.strip().splitlines()))
    lines = [f"{fence}py", *body.split("\n"), fence]
    return Markdown("\n".join(f"{' ' * indent}{line}".rstrip() for line in lines))


def identifier(name: str) -> Markdown:
    """A checked name, as it stands: for ids, where an escape would be part of the name."""
    if not _DOTTED.fullmatch(name):
        raise ValueError(f"{name!r} is no name")
    return Markdown(name)


def link(text: str, target: str) -> Markdown:
    """A link, with what would end its target percent-encoded."""
    return Markdown(f"[{prose(text)}]({quote(target, safe=':/?#&=%~._-+,;@')})")


def join(texts: Iterable[str], between: str) -> Markdown:
    """Several texts as one."""
    return Markdown(between.join(prose(text) for text in texts))


def fill(sentence: Markdown, **values: object) -> Markdown:
    """A sentence of ours with its places filled in."""
    return Markdown(
        sentence.format(
            **{k: prose(v) if isinstance(v, str) else str(v) for k, v in values.items()}
        )
    )
