"""Which rows and keys of an attention matrix are computed together, and which are never computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# Scores held at once, found by measurement on CPUs: 2 MiB of float32. Smaller blocks pay more for
# calls; larger ones leave the cache, and their memory goes back to the system after every block.
BLOCK_SCORES = 1 << 19

# More rows compute more of what a mask hides; fewer share too little of the keys they read.
MAX_ROWS = 256
MIN_ROWS = 64


@dataclass(frozen=True)
class Window:
    """The keys a row sees: ``i + offset - left <= j <= i + offset + right``, None is unbounded.

    ``offset`` is ``seqlen_k - seqlen_q``, so that the last row stands at the last key.
    """

    seqlen_q: int
    seqlen_k: int
    left: int | None = None
    right: int | None = None

    @property
    def offset(self) -> int:
        """How many keys stand before the first row."""
        return self.seqlen_k - self.seqlen_q

    @property
    def first_row(self) -> int:
        """The first row that sees a key. All later rows do: the last row stands at the last key."""
        if self.seqlen_k == 0:
            return self.seqlen_q
        if self.right is None:
            return 0
        return min(self.seqlen_q, max(0, -self.offset - self.right))

    def keys(self, first: int, last: int) -> slice:
        """Return the keys that at least one of the rows ``first`` to ``last`` (inclusive) sees."""
        low, high = 0, self.seqlen_k
        if self.left is not None:
            low = max(low, first + self.offset - self.left)
        if self.right is not None:
            high = min(high, last + self.offset + self.right + 1)
        return slice(low, high)

    def hides_within(self, rows: slice, keys: slice) -> bool:
        """Tell whether some of these rows does not see some of these keys."""
        last = rows.stop - 1
        return (self.left is not None and last + self.offset - self.left > keys.start) or (
            self.right is not None and rows.start + self.offset + self.right < keys.stop - 1
        )


@dataclass(frozen=True)
class Heads:
    """Consecutive batch entries and key/value heads, with the query heads that read them."""

    batch: slice
    kv: slice
    group: int

    @property
    def query(self) -> slice:
        """The query heads that read these kv heads."""
        return slice(self.kv.start * self.group, self.kv.stop * self.group)

    @property
    def batch_size(self) -> int:
        """How many batch entries there are."""
        return self.batch.stop - self.batch.start

    @property
    def kv_size(self) -> int:
        """How many kv heads there are."""
        return self.kv.stop - self.kv.start


@dataclass(frozen=True)
class Block:
    """Rows of some heads with the keys they see; ``index`` tells it from all others of a call."""

    heads: Heads
    rows: slice
    keys: slice
    index: int


@dataclass(frozen=True)
class Blocks:
    """A partition of (batch, kv heads, rows) whose blocks hold about ``budget`` scores each.

    A block holds all keys its rows see, so its softmax needs no second pass. It has ``MIN_ROWS``
    rows at least, counting those of all query heads that read one kv head. Past 8192 keys a block
    therefore grows with the keys, by 256 bytes of float32 scores a key: as much as a key of head_dim
    64 takes itself, which is why keys need not be split.
    """

    batch: int
    kv_heads: int
    group: int
    window: Window
    budget: int = BLOCK_SCORES

    @property
    def rows(self) -> int:
        """Rows of a block, of one query head."""
        width = self.group * max(1, self.window.seqlen_k)
        fewest = -(-MIN_ROWS // self.group)
        return min(MAX_ROWS, max(fewest, self.budget // width))

    def heads(self) -> Iterator[Heads]:
        """Yield (batch, kv head) pairs, several at once where one alone is a small block."""
        rows = max(1, min(self.rows, self.window.seqlen_q))
        pairs = max(1, self.budget // (self.group * rows * max(1, self.window.seqlen_k)))
        for batch in _slices(0, self.batch, max(1, pairs // self.kv_heads)):
            for kv in _slices(0, self.kv_heads, min(pairs, self.kv_heads)):
                yield Heads(batch, kv, self.group)

    def row_blocks(self) -> Iterator[tuple[slice, slice]]:
        """Yield rows and the keys they see, leaving out the rows that see nothing."""
        for rows in _slices(self.window.first_row, self.window.seqlen_q, self.rows):
            yield rows, self.window.keys(rows.start, rows.stop - 1)

    def of(self, heads: Heads) -> Iterator[Block]:
        """Yield the blocks of these heads, in the order of their rows."""
        first = (heads.batch.start * self.kv_heads + heads.kv.start) * self.window.seqlen_q
        for rows, keys in self.row_blocks():
            yield Block(heads, rows, keys, first + rows.start)


def _slices(start: int, stop: int, step: int) -> Iterator[slice]:
    for low in range(start, stop, step):
        yield slice(low, min(low + step, stop))
