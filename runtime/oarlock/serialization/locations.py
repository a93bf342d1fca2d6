"""Where the storages of a file go: its tags ("cpu", "cuda:0") and torch.load's map_location."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle

from oarlock.errors import UnsupportedError
from oarlock.serialization.storage import UntypedStorage
from oarlock.tensor.devices import device
from oarlock.tensor.metadata import Storage


def default_restore_location(storage: Any, location: Any) -> Any:
    """Put a storage on the device that a tag names.

    Args:
        storage: the storage, in the CPU's memory.
        location: "cpu", "cuda", "cuda:1", or a torch.device.

    Raises:
        RuntimeError: the tag names a GPU that is not there, or no device of Paddle's.
        UnsupportedError: the tag is "meta".
    """
    tag = str(location)
    if tag == "cpu":
        return storage.cpu()
    if tag.partition(":")[0] == "cuda":
        index = _checked_gpu(tag)
        return storage.cuda(index)
    if tag.partition(":")[0] == "meta":
        raise UnsupportedError(
            api="torch.load",
            parameter="map_location",
            given=repr(tag),
            reason="Paddle has no tensors without storage",
            advice="Load to the CPU, with mmap=True where memory is short",
        )
    raise RuntimeError(
        f"don't know how to restore data location of {storage!r} (tagged with {tag})"
    )


def _checked_gpu(tag: str) -> Any:
    wanted = device(tag)
    count = paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0
    if not count:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )
    if wanted.index is not None and wanted.index >= count:
        raise RuntimeError(
            f"Attempting to deserialize object on CUDA device {wanted.index} but "
            f"torch.cuda.device_count() is {count}. Please use torch.load with map_location to map "
            "your storages to an existing device."
        )
    return wanted


def restorer(map_location: Any) -> Callable[[UntypedStorage, str], UntypedStorage]:
    """The function that puts a loaded storage, given with its tag, where it is to go.

    Args:
        map_location: None, a device or its name, a dict from tags to devices, or a function of
            storage and tag that returns a storage, or None for where the tag says.
    """
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, tag: default_restore_location(storage, map_location.get(tag, tag))
    if isinstance(map_location, bytes):
        map_location = map_location.decode("ascii")
    if isinstance(map_location, (str, device)):
        return lambda storage, tag: default_restore_location(storage, map_location)
    if not callable(map_location):
        raise TypeError(
            "map_location must be None, a torch.device, a string, a dict or a function, got "
            f"{type(map_location).__name__}"
        )

    def restore(storage: UntypedStorage, tag: str) -> UntypedStorage:
        chosen = map_location(storage, tag)
        if chosen is None:
            return default_restore_location(storage, tag)
        if not isinstance(chosen, Storage):
            raise TypeError(
                f"map_location must return a storage or None, got {type(chosen).__name__}"
            )
        return chosen  # type: ignore[return-value]

    return restore
