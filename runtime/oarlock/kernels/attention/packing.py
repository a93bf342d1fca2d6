"""Where the sequences of a packed batch lie: cu_seqlens and max_seqlen, checked and read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise
from numbers import Integral
from typing import Any

import paddle

from oarlock.errors import ArgumentError, ArgumentTypeError
from oarlock.kernels.attention.arguments import check_is_tensor, check_place


@dataclass(frozen=True)
class Run:
    """Consecutive sequences of one length: a dense batch, without copying.

    ``rows`` and ``keys`` are their places among all rows and keys, ``sequences`` among sequences.
    """

    sequences: slice
    rows: slice
    keys: slice

    @property
    def size(self) -> int:
        """How many sequences there are."""
        return self.sequences.stop - self.sequences.start

    @property
    def seqlen_q(self) -> int:
        """Rows of each sequence."""
        return (self.rows.stop - self.rows.start) // self.size

    @property
    def seqlen_k(self) -> int:
        """Keys of each sequence."""
        return (self.keys.stop - self.keys.start) // self.size


@dataclass(frozen=True)
class Side:
    """The sequences of the queries, or of the keys, and the names that errors have for them.

    Args:
        api: the name of the function.
        name: of the parameter ``cu_seqlens``.
        cu_seqlens: int32 of shape (batch + 1,): where each sequence starts, and where the last ends.
        max_name: of the parameter ``max_seqlen``.
        max_seqlen: no sequence is longer.
        total: tokens of all sequences.
    """

    api: str
    name: str
    cu_seqlens: paddle.Tensor
    max_name: str
    max_seqlen: int
    total: int

    @cached_property
    def starts(self) -> list[int]:
        """The values of ``cu_seqlens``; on a GPU this waits for it.

        Raises:
            ArgumentError: values that are no sequences, or longer ones than ``max_seqlen``.
        """
        starts: Any = self.cu_seqlens.tolist()
        shown = "[" + ", ".join(map(str, starts[:8])) + (", …]" if len(starts) > 8 else "]")
        if starts[0] != 0 or starts[-1] != self.total:
            raise ArgumentError(
                api=self.api,
                parameter=self.name,
                given=f"{shown}, which goes from {starts[0]} to {starts[-1]}",
                accepted=f"values from 0 to {self.total}, the number of tokens",
            )
        lengths = [stop - start for start, stop in pairwise(starts)]
        if min(lengths) < 0:
            place = next(i for i, length in enumerate(lengths) if length < 0)
            raise ArgumentError(
                api=self.api,
                parameter=self.name,
                given=f"{shown}, where {starts[place]} is followed by {starts[place + 1]}",
                accepted="values that never decrease",
                advice="Pass sums of lengths, not lengths",
            )
        if max(lengths) > self.max_seqlen:
            raise ArgumentError(
                api=self.api,
                parameter=self.max_name,
                given=f"{self.max_seqlen}",
                accepted=f"at least {max(lengths)}, the longest sequence of {self.name}",
            )
        return starts


@dataclass(frozen=True)
class Packing:
    """The sequences of a packed batch."""

    queries: Side
    keys: Side

    @property
    def batch(self) -> int:
        """How many sequences there are."""
        return self.queries.cu_seqlens.shape[0] - 1

    def runs(self) -> Iterator[Run]:
        """Yield the sequences in order, neighbours of the same lengths together."""
        rows, keys = self.queries.starts, self.keys.starts

        def lengths(place: int) -> tuple[int, int]:
            return rows[place + 1] - rows[place], keys[place + 1] - keys[place]

        for _, places in groupby(range(self.batch), lengths):
            first, *others = places
            stop = first + 1 + len(others)
            yield Run(
                slice(first, stop),
                slice(rows[first], rows[stop]),
                slice(keys[first], keys[stop]),
            )


def check_packing(
    api: str,
    queries: tuple[str, Any, str, Any],
    keys: tuple[str, Any, str, Any],
    q: paddle.Tensor,
    k: paddle.Tensor,
) -> Packing:
    """Check where sequences lie, and return it.

    What ``cu_seqlens`` holds is checked here on a CPU only: a GPU would have to be waited for. Where
    the values are read anyway, `Side.starts` checks them then.

    Args:
        api: the name that errors give.
        queries: the name and value of ``cu_seqlens``, and of ``max_seqlen``, for the queries.
        keys: the same for keys and values.
        q: (total_q, heads, head_dim).
        k: (total_k, kv_heads, head_dim).

    Raises:
        ArgumentTypeError: something of another type or dtype.
        ArgumentError: another shape or place, or values that are not where q and k have sequences.

    """
    packing = Packing(_side(api, *queries, q, q), _side(api, *keys, k, q))
    sizes = [side.cu_seqlens.shape[0] for side in (packing.queries, packing.keys)]
    if sizes[0] != sizes[1]:
        raise _shape_error(
            packing.keys, f"({sizes[0]},), the shape of {packing.queries.name}: batch + 1"
        )
    if packing.queries.cu_seqlens.place.is_cpu_place():
        _ = packing.queries.starts, packing.keys.starts
    return packing


def _side(
    api: str,
    name: str,
    starts: Any,
    max_name: str,
    longest: Any,
    x: paddle.Tensor,
    q: paddle.Tensor,
) -> Side:
    check_is_tensor(api, name, starts)
    if isinstance(longest, bool) or not isinstance(longest, Integral):
        kind = "a paddle.Tensor" if isinstance(longest, paddle.Tensor) else repr(longest)
        raise ArgumentTypeError(
            api=api,
            parameter=max_name,
            given=kind,
            accepted="an integer, the length of the longest sequence",
            advice=f"Convert it with int({max_name})",
        )
    side = Side(api, name, starts.contiguous(), max_name, int(longest), x.shape[0])
    if starts.dtype != paddle.int32:
        raise ArgumentTypeError(
            api=api,
            parameter=name,
            given=f"dtype {str(starts.dtype).removeprefix('paddle.')}",
            accepted="int32",
            advice=f'Cast it with {name}.astype("int32")',
        )
    if starts.ndim != 1 or starts.shape[0] < 2:
        raise _shape_error(side, "(batch + 1,), with a batch of at least 1")
    check_place(api, name, starts, q)
    if side.max_seqlen < 0:
        raise ArgumentError(
            api=api, parameter=max_name, given=f"{side.max_seqlen}", accepted="0 or more"
        )
    return side


def _shape_error(side: Side, accepted: str) -> ArgumentError:
    return ArgumentError(
        api=side.api,
        parameter=side.name,
        given=f"a tensor of shape {tuple(side.cu_seqlens.shape)}",
        accepted=accepted,
    )
