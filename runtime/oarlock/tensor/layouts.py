"""torch's layouts and memory formats: named constants."""

from __future__ import annotations

from typing import Any


class _Constant:
    """One of a closed set of values, compared by identity and printed as ``torch.<name>``."""

    __slots__ = ("name",)
    name: str

    def __new__(cls) -> Any:
        raise TypeError(f"cannot create 'torch.{cls.__name__}' instances")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Constant):
    """How a tensor's elements are kept: ``torch.strided``, or one of the sparse forms."""

    __slots__ = ()


class memory_format(_Constant):
    """The order in which a dense tensor's dimensions lie in memory."""

    __slots__ = ()


def _constant(kind: Any, name: str) -> Any:
    value = object.__new__(kind)
    value.name = name
    return value


strided: layout = _constant(layout, "strided")
sparse_coo: layout = _constant(layout, "sparse_coo")
sparse_csr: layout = _constant(layout, "sparse_csr")
sparse_csc: layout = _constant(layout, "sparse_csc")
sparse_bsr: layout = _constant(layout, "sparse_bsr")
sparse_bsc: layout = _constant(layout, "sparse_bsc")
jagged: layout = _constant(layout, "jagged")

contiguous_format: memory_format = _constant(memory_format, "contiguous_format")
preserve_format: memory_format = _constant(memory_format, "preserve_format")
channels_last: memory_format = _constant(memory_format, "channels_last")
channels_last_3d: memory_format = _constant(memory_format, "channels_last_3d")
