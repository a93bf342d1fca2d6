"""Sequences of several lengths: packed, padded, and as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor

if TYPE_CHECKING:
    from typing_extensions import Self


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences in one tensor, all first steps, then all second steps, and so on.

    Attributes:
        data: (sum of the lengths, *).
        batch_sizes: (longest length,) int64 on the CPU, how many sequences have a step.
        sorted_indices: the order, longest first, in which the sequences were packed; None where
            they came in it.
        unsorted_indices: the inverse of it.

    Made by ``pack_padded_sequence`` and ``pack_sequence``.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be "
                "created manually. They should be instantiated by functions like pack_sequence "
                "and pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _map(self, convert: Callable[[Any], Any]) -> Self:
        """Return the same sequences with other data, its indices on the data's device."""
        data = convert(self.data)
        if data is self.data:
            return self
        indices = [None if one is None else one.to(data.device) for one in self[2:]]
        return type(self)(data, self.batch_sizes, *indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert or move the data, as ``Tensor.to`` does."""
        return self._map(lambda t: t.to(*args, **kwargs))

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a GPU."""
        return self._map(lambda t: t.cuda(*args, **kwargs))

    def cpu(self, *args: Any, **kwargs: Any) -> Self:
        """Move to the CPU."""
        return self._map(lambda t: t.cpu(*args, **kwargs))

    def double(self) -> Self:
        """Convert to float64."""
        return self.to(dtype=torch.float64)

    def float(self) -> Self:
        """Convert to float32."""
        return self.to(dtype=torch.float32)

    def half(self) -> Self:
        """Convert to float16."""
        return self.to(dtype=torch.float16)

    def long(self) -> Self:
        """Convert to int64."""
        return self.to(dtype=torch.int64)

    def int(self) -> Self:
        """Convert to int32."""
        return self.to(dtype=torch.int32)

    def short(self) -> Self:
        """Convert to int16."""
        return self.to(dtype=torch.int16)

    def char(self) -> Self:
        """Convert to int8."""
        return self.to(dtype=torch.int8)

    def byte(self) -> Self:
        """Convert to uint8."""
        return self.to(dtype=torch.uint8)

    def pin_memory(self) -> Self:
        """Copy the data to pinned memory."""
        return self._map(lambda t: t.pin_memory())

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the inverse of a permutation of 0 … n - 1; None stays None."""
    return None if permutation is None else torch.argsort(permutation)


class Places:
    """Where the steps of packed sequences lie in a padded batch (T, N, *), and back.

    Args:
        lengths: of the sequences, longest first.
        steps: T, the longest length or more.
    """

    def __init__(self, lengths: np.ndarray, steps: int) -> None:
        has_step = np.arange(steps)[:, None] < lengths[None, :]
        self.lengths = lengths
        self.shape = has_step.shape
        self.batch_sizes = has_step[: int(lengths[0])].sum(1)
        self._packed = np.flatnonzero(has_step)
        # The row after the last stands for padding.
        self._padded = np.where(has_step, has_step.ravel().cumsum().reshape(self.shape) - 1, -1)

    @classmethod
    def of(cls, batch_sizes: Tensor, steps: int | None = None) -> Places:
        """Return the places of a PackedSequence with these ``batch_sizes``."""
        sizes = batch_sizes.numpy()
        lengths = (sizes[:, None] > np.arange(int(sizes[0]))[None, :]).sum(0)
        return cls(lengths, len(sizes) if steps is None else steps)

    def pack(self, padded: Tensor) -> Tensor:
        """Return the steps (sum of the lengths, *) of a batch (T, N, *)."""
        index = torch.as_tensor(self._packed, device=padded.device)
        return padded.reshape(-1, *padded.shape[2:]).index_select(0, index)

    def pad(self, data: Tensor, value: float = 0.0) -> Tensor:
        """Return a batch (T, N, *) of the steps in ``data``, ``value`` where there is none."""
        total = data.shape[0]
        index = np.where(self._padded < 0, total, self._padded).ravel()
        filler = torch.full((1, *data.shape[1:]), value, dtype=data.dtype, device=data.device)
        rows = torch.cat([data, filler]).index_select(0, torch.as_tensor(index, device=data.device))
        return rows.reshape(*self.shape, *data.shape[1:])


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch.

    Args:
        input: (T, N, *), or (N, T, *) with ``batch_first``.
        lengths: (N,), a Tensor on the CPU or a list.
        batch_first: whether the batch is the first dimension.
        enforce_sorted: raise unless the longest sequence comes first; otherwise sort.

    Raises:
        RuntimeError: a length is 0, there are not N, or they do not decrease.
    """
    if isinstance(lengths, Tensor):
        lengths = lengths.to(dtype=torch.int64)
    else:
        lengths = torch.as_tensor(lengths, dtype=torch.int64)
    batch = 0 if batch_first else 1
    order = None
    if not enforce_sorted:
        lengths, order = torch.sort(lengths, descending=True)
        order = order.to(input.device)
        input = input.index_select(batch, order)
    sizes = lengths.cpu().numpy()
    if sizes.size != input.shape[batch]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {sizes.size} (batch_size="
            f"{input.shape[batch]})"
        )
    if (sizes <= 0).any():
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if (sizes[1:] > sizes[:-1]).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if batch_first:
        input = input.transpose(0, 1)
    if sizes[0] > input.shape[0]:
        raise RuntimeError(
            f"Expected lengths of at most {input.shape[0]}, the batch's, but got {sizes[0]}"
        )
    places = Places(sizes, input.shape[0])
    return PackedSequence(places.pack(input), torch.as_tensor(places.batch_sizes), order, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return a padded batch and the sequences' lengths, in the order before packing.

    Args:
        sequence: what to unpack.
        batch_first: make the batch the first dimension.
        padding_value: what follows the shorter sequences.
        total_length: T, where it should be more than the longest length.
    """
    steps = sequence.batch_sizes.size(0)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in "
                f"input, but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    places = Places.of(sequence.batch_sizes, steps)
    padded = places.pad(sequence.data, padding_value)
    lengths = torch.as_tensor(places.lengths)
    order = sequence.unsorted_indices
    if order is not None:
        padded = padded.index_select(1, order)
        lengths = lengths.index_select(0, order.cpu())
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Return sequences (length, *) as one batch (T, N, *), or (N, T, *) with ``batch_first``.

    Args:
        sequences: an iterable of tensors.
        batch_first: make the batch the first dimension.
        padding_value: what the shorter ones are filled with.
        padding_side: where: ``"right"`` or ``"left"``.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    rows = list(sequences)
    if not rows:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("right", "left"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    longest = max(row.shape[0] for row in rows)
    padded = []
    for row in rows:
        missing = longest - row.shape[0]
        if missing:
            shape = (missing, *row.shape[1:])
            filler = torch.full(shape, padding_value, dtype=row.dtype, device=row.device)
            row = torch.cat([row, filler] if padding_side == "right" else [filler, row])
        padded.append(row)
    return torch.stack(padded, 0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """Return the sequences of a padded batch, each with its own length.

    As in torch, ``padded_sequences`` is itself turned to the batch first.
    """
    if not batch_first:
        padded_sequences.transpose_(0, 1)
    longest = padded_sequences.shape[1]
    return [
        row.narrow(0, 0, min(int(length), longest)).clone()
        for row, length in zip(padded_sequences, lengths, strict=True)
    ]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (length, *), longest first unless ``enforce_sorted`` is off."""
    lengths = torch.as_tensor([sequence.size(0) for sequence in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences of a PackedSequence."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
