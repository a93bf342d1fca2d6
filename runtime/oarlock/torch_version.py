"""torch.version and torch.__version__: the release of torch that the records are of."""

from __future__ import annotations

import re
from typing import Any

from oarlock.catalog import catalog

_PARTS = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)[-_.]?(?:(?P<phase>a|alpha|b|beta|rc|c|pre)[-_.]?(?P<number>\d*))?"
    r"(?P<post>[-_.]?post\d*)?(?P<dev>[-_.]?dev\d*)?(?:\+(?P<local>.+))?"
)
_PHASES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "pre": 2, "rc": 2}


class TorchVersion(str):
    """A version as text that also compares as a version, with text, tuples and Version objects.

    The order is that of PEP 440: ``"2.9.1" < "2.13.0rc1" < "2.13.0" < "2.13.0+oarlock"``. As with
    torch's, ``!=`` compares the text.
    """

    __slots__ = ()

    def __lt__(self, other: Any) -> bool:
        return _key(self) < _key(other)

    def __le__(self, other: Any) -> bool:
        return _key(self) <= _key(other)

    def __gt__(self, other: Any) -> bool:
        return _key(self) > _key(other)

    def __ge__(self, other: Any) -> bool:
        return _key(self) >= _key(other)

    def __eq__(self, other: object) -> bool:
        return _key(self) == _key(other)

    __hash__ = str.__hash__


def _key(version: Any) -> tuple[Any, ...]:
    """What versions are ordered by."""
    if isinstance(version, (tuple, list)):
        version = ".".join(map(str, version))
    found = _PARTS.fullmatch(str(version).strip().lower())
    if not found:
        raise ValueError(f"Invalid version: {str(version)!r}")
    release = [int(number) for number in found["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    phase = (_PHASES[found["phase"]], int(found["number"] or 0)) if found["phase"] else (3, 0)
    if found["dev"] and not found["phase"] and not found["post"]:
        phase = (-1, 0)
    return tuple(release), phase, bool(found["post"]), not found["dev"], found["local"] or ""


def version(package: str) -> str:
    """The version that Oarlock answers for a package it stands in for, ``"2.13.0+oarlock"``."""
    text = f"{catalog()['versions'][package]}+oarlock"
    return TorchVersion(text) if package == "torch" else text


__version__ = version("torch")
debug = False
git_version = "oarlock"
hip = None
xpu = None


def __getattr__(name: str) -> Any:
    if name == "cuda":
        from paddle import version as paddle_version

        found = paddle_version.cuda()
        return None if found in ("False", "") else found
    raise AttributeError(f"module 'torch.version' has no attribute {name!r}")
