"""How far rows and keys stand apart: which keys are hidden from a row, and ALiBi's distances."""

from __future__ import annotations

from functools import cached_property

import paddle

from oarlock.kernels.attention.blocks import Block, Blocks


class Positions:
    """Masks and distances of blocks, cut out of tables that are made once for a call.

    Both depend on ``key - row`` only, so all blocks share a table of (rows of a block, differences)
    that is at most twice as wide as a block.
    """

    def __init__(self, blocks: Blocks, dtype: paddle.dtype) -> None:
        self._blocks = blocks
        self._dtype = dtype
        starts, stops = [0], [0]
        for rows, keys in blocks.row_blocks():
            place = rows.start + blocks.window.offset
            starts.append(keys.start - place)
            stops.append(keys.stop - place)
        self._start, self._stop = min(starts), max(stops)

    def hidden(self, block: Block) -> paddle.Tensor | None:
        """Return where a row does not see a key, bool of shape (rows, keys), None for nowhere."""
        if not self._blocks.window.hides_within(block.rows, block.keys):
            return None
        return self._cut(self._hidden, block)

    def distance(self, block: Block) -> paddle.Tensor:
        """Return ``|i + offset - j|``, of shape (rows, keys)."""
        return self._cut(self._distance, block)

    @cached_property
    def _hidden(self) -> paddle.Tensor:
        window, difference = self._blocks.window, self._difference()
        hidden = paddle.zeros(difference.shape, "bool")
        if window.left is not None:
            hidden = difference < -window.left
        if window.right is not None:
            hidden = hidden.logical_or(difference > window.right)
        return hidden

    @cached_property
    def _distance(self) -> paddle.Tensor:
        return self._difference().abs_()

    def _difference(self) -> paddle.Tensor:
        columns = paddle.arange(self._start, self._stop).astype(self._dtype)
        rows = paddle.arange(self._blocks.rows).astype(self._dtype)
        return columns - rows.unsqueeze(1)

    def _cut(self, table: paddle.Tensor, block: Block) -> paddle.Tensor:
        origin = block.rows.start + self._blocks.window.offset + self._start
        rows = block.rows.stop - block.rows.start
        return table[:rows, block.keys.start - origin : block.keys.stop - origin]
