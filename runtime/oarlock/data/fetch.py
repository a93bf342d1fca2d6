"""Getting one batch from a dataset: by keys, or from its iterator."""

from __future__ import annotations

from typing import Any


class Fetcher:
    """Gets the samples of one batch and collates them.

    Args:
        dataset: what to ask for samples.
        is_iterable: it is asked by iteration; otherwise by key.
        batched: a task is a list of keys; otherwise one key, whose sample is not put in a list.
        collate: makes the batch of the samples.
        drop_last: an iterable dataset's last batch is left out where it is short.
    """

    def __init__(
        self, dataset: Any, is_iterable: bool, batched: bool, collate: Any, drop_last: bool
    ) -> None:
        self.dataset, self.batched, self.collate = dataset, batched, collate
        self.drop_last = drop_last
        self.iterator = iter(dataset) if is_iterable else None
        self.ended = False

    def fetch(self, keys: Any) -> Any:
        """The batch of some keys; of an iterable dataset, the next one of so many samples.

        Raises:
            StopIteration: the iterable dataset has no more.
        """
        if self.iterator is not None:
            return self.collate(self._next(len(keys)) if self.batched else next(self.iterator))
        if not self.batched:
            return self.collate(self.dataset[keys])
        if getattr(self.dataset, "__getitems__", None):
            return self.collate(self.dataset.__getitems__(keys))
        return self.collate([self.dataset[key] for key in keys])

    def _next(self, count: int) -> list[Any]:
        if self.ended:
            raise StopIteration
        assert self.iterator is not None
        samples = []
        for _ in range(count):
            try:
                samples.append(next(self.iterator))
            except StopIteration:
                self.ended = True
                break
        if not samples or (self.drop_last and len(samples) < count):
            raise StopIteration
        return samples
