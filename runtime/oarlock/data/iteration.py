"""One pass over a loader: what all iterators have, and the one that loads in this process."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import paddle

from oarlock.data.fetch import Fetcher
from oarlock.data.sampler import drawn_seed

if TYPE_CHECKING:
    from oarlock.data.loader import DataLoader


class BaseIterator:
    """Draws the keys of a loader's batches, and counts the batches."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._dataset = loader.dataset
        self._is_iterable = loader._is_iterable
        self._index_sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        self._setting = (
            loader.dataset,
            loader._is_iterable,
            loader._auto_collation,
            loader.collate_fn,
            loader.drop_last,
        )
        if loader.pin_memory:
            _warn_of_pinning(loader.pin_memory_device)
        # torch draws in this order: a sampler that draws in __iter__ itself comes first, one that
        # is a generator, as RandomSampler, after the seed.
        self._keys = iter(self._index_sampler)
        self._base_seed = drawn_seed(loader.generator)
        self._yielded = 0
        self._length_told = loader._length_told

    def __iter__(self) -> BaseIterator:
        return self

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Start the loader's next epoch."""
        self._keys = iter(self._index_sampler)
        self._yielded = 0
        self._length_told = loader._length_told

    def _next_data(self) -> Any:
        raise NotImplementedError

    def __next__(self) -> Any:
        data = self._next_data()
        self._yielded += 1
        told = self._length_told
        if self._is_iterable and told is not None and self._yielded > told:
            self._warn_of_length(told)
        return data

    def _warn_of_length(self, told: int) -> None:
        message = (
            f"Length of IterableDataset {self._dataset} was reported to be {told}"
            f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. "
        )
        if self._num_workers > 0:
            message += (
                "For multiprocessing data-loading, this could be caused by not properly configuring "
                "the IterableDataset replica at each worker. Please see "
                "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for "
                "examples."
            )
        warnings.warn(message, stacklevel=3)

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


class SingleProcessIterator(BaseIterator):
    """Loads in this process, when a batch is asked for."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._fetcher = Fetcher(*self._setting)

    def _next_data(self) -> Any:
        return self._fetcher.fetch(next(self._keys))


def _warn_of_pinning(device: str) -> None:
    if device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{device}'.",
            stacklevel=4,
        )
    if not paddle.device.is_compiled_with_cuda() or not paddle.device.cuda.device_count():
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, "
            "then device pinned memory won't be used.",
            stacklevel=4,
        )
