"""What a checkpoint holds and Paddle has not: found, named with its place in the file, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oarlock.errors import UnsupportedError

DTYPES = frozenset(
    {f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)}
    | {f"bits{n}" for n in ("8", "16", "1x8", "2x4", "4x2")}
    | {"uint16", "uint32", "uint64", "complex32", "qint8", "quint8", "qint32", "quint4x2"}
    | {"quint2x4", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2"}
)
QSCHEMES = frozenset(
    f"per_{what}"
    for what in (
        *("tensor_affine", "tensor_symmetric", "channel_affine", "channel_symmetric"),
        "channel_affine_float_qparams",
    )
)
KINDS = {
    "_rebuild_qtensor": "a quantized tensor",
    "_rebuild_sparse_tensor": "a sparse tensor",
    "_rebuild_nested_tensor": "a nested tensor",
    "_rebuild_meta_tensor_no_storage": "a tensor of the meta device",
    "_rebuild_wrapper_subclass": "a tensor of a wrapper subclass",
    "_rebuild_device_tensor_from_numpy": "a tensor of another accelerator",
    "_rebuild_device_tensor_from_cpu_tensor": "a tensor of another accelerator",
    "_rebuild_xla_tensor": "a tensor of another accelerator",
}


class Lacking:
    """Stands, until the file is read, where it has something that Paddle has not.

    Args:
        what: the thing in words, "a tensor of dtype torch.uint16".
    """

    def __init__(self, what: str):
        self.what = what

    def __setstate__(self, state: Any) -> None:
        """What else the file tells of it does not matter."""


def refuse(result: Any) -> None:
    """Raise UnsupportedError for the first stand-in within what was loaded, with its place."""
    for path, value in _walk(result):
        if isinstance(value, Lacking):
            raise UnsupportedError(
                api="torch.load",
                given=f"{value.what} at {path}" if path else value.what,
                reason="Paddle has no such thing, and another dtype or layout would change it silently",
                advice="Convert it where it was saved, for example with .to(torch.int64), "
                ".dequantize() or .to_dense()",
            )


def _walk(root: Any) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if id(value) in seen:
            continue
        seen.add(id(value))
        inside: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            inside += [(f"{path}[{key!r}]", item) for key, item in value.items()]
            inside += [(f"{path} (key)", key) for key in value if isinstance(key, Lacking)]
        elif isinstance(value, (list, tuple)):
            inside += [(f"{path}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, (set, frozenset)):
            inside += [(path, item) for item in value]
        held = getattr(value, "__dict__", None)
        if isinstance(held, dict) and not isinstance(value, (type, Lacking)):
            inside += [(f"{path}.{name}", item) for name, item in held.items()]
        waiting += reversed(inside)
