"""torch.load: checkpoints that PyTorch or Oarlock wrote, as Oarlock's Tensors."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from oarlock.autograd.grad_mode import no_grad
from oarlock.serialization import legacy, safetensors_files
from oarlock.serialization.archive import Archive, from_here, is_zip
from oarlock.serialization.lacking import refuse
from oarlock.serialization.persistent import Storages
from oarlock.serialization.restricted import RestrictedUnpickler
from oarlock.serialization.trusting import unpickler

_TRUE = ("1", "y", "yes", "true")


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read a file that ``torch.save`` wrote, PyTorch's or Oarlock's.

    Args:
        f: a path, or a binary file that can read and seek. A path that ends in ``.safetensors`` is
            read with the safetensors library.
        map_location: where storages go: None for the device that each is tagged with, a device or
            its name, a dict from tags to devices, or a function of a storage and its tag.
        pickle_module: the module whose Unpickler is used with ``weights_only=False``.
        weights_only: True, the default, builds tensors and plain values only and calls nothing
            else; False runs what the pickle says, so it is for files you trust.
        mmap: map the storages of a zip file into memory instead of reading them; what is written to
            the tensors does not reach the file.
        pickle_load_args: for the Unpickler with ``weights_only=False``; ``encoding`` also without.

    Raises:
        pickle.UnpicklingError: the pickle names a global that is not admitted, or is damaged.
        RuntimeError: the file is damaged, or a storage's GPU is not there.
        UnsupportedError: it holds a dtype or layout that Paddle lacks, or an object that Oarlock has
            no counterpart of.
    """
    weights_only = _chosen(weights_only, pickle_module)
    if pickle_load_args and weights_only:
        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    pickle_load_args.setdefault("encoding", "utf-8")
    is_path = isinstance(f, (str, os.PathLike))
    if is_path and os.fspath(f).endswith(".safetensors"):
        return safetensors_files.load(os.fspath(f), map_location)
    if mmap and not is_path:
        raise ValueError("f must be a file path in order to use the mmap argument")
    with _opened(f) as file, no_grad():
        if is_zip(file):
            archive = Archive(from_here(file), os.fspath(f) if mmap else None)
            source: Any = archive
            pickled, wrap = archive.record("data.pkl"), _unchanged
        elif mmap:
            raise RuntimeError(
                "mmap can only be used with files saved with "
                "`torch.save(_use_new_zipfile_serialization=True)`, please torch.save your "
                "checkpoint with this option in order to use mmap."
            )
        else:
            source = legacy.LegacyFile(file)
            pickled, wrap = source.pickled(), legacy.persistent_load
        found = Storages(source.storage, map_location).persistent_load
        if weights_only:
            result = _restricted(pickled, found, pickle_load_args["encoding"])
        else:
            result = unpickler(
                io.BytesIO(pickled), wrap(found), pickle_module, **pickle_load_args
            ).load()
    refuse(result)
    return result


def _chosen(weights_only: bool | None, pickle_module: Any) -> bool:
    chosen = pickle_module is None if weights_only is None else bool(weights_only)
    always = os.getenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0").lower() in _TRUE
    never = os.getenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "0").lower() in _TRUE
    if always and never:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    if always:
        chosen = True
    elif never and weights_only is None:
        chosen = False
    if chosen and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    return chosen


def _unchanged(load: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return load


def _restricted(pickled: bytes, found: Callable[[Any], Any], encoding: str) -> Any:
    try:
        return RestrictedUnpickler(pickled, found, encoding).load()
    except pickle.UnpicklingError as problem:
        raise pickle.UnpicklingError(
            f"Weights only load failed. {problem}\n"
            "torch.load calls nothing that a file asks for but what builds tensors. With "
            "weights_only=False it runs what the file says: do so only with a file from a source "
            "that you trust."
        ) from None


def _opened(f: Any) -> AbstractContextManager[Any]:
    if isinstance(f, (str, os.PathLike)):
        return open(f, "rb")
    for name in ("read", "readline", "seek", "tell"):
        if not hasattr(f, name):
            raise AttributeError(
                f"torch.load needs a path or a binary file that can seek, and {type(f).__name__!r} "
                f"has no {name}(). Read it into a buffer like io.BytesIO first."
            )
    return nullcontext(f)
