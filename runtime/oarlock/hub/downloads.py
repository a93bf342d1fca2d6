"""Checkpoints from addresses, kept in a folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import oarlock.torch as torch

_HASH = re.compile(r"-([a-f0-9]*)\.")
_CHUNK = 128 * 1024


class _State:
    folder: str | None = None


def get_dir() -> str:
    """The folder for downloads: that of `set_dir`, else $TORCH_HOME/hub, ~/.cache/torch/hub at last."""
    if _State.folder is not None:
        return _State.folder
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(
        os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch"))), "hub"
    )


def set_dir(d: Any) -> None:
    """Set the folder for downloads."""
    _State.folder = os.path.expanduser(d)


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Download into a file, which is complete or not there.

    Args:
        url: the address.
        dst: the file.
        hash_prefix: how the file's SHA-256, in hexadecimal digits, has to begin.
        progress: accepted: nothing is shown.

    Raises:
        RuntimeError: the hash is another.
        OSError: the address can't be read.
    """
    target = Path(os.path.expanduser(dst))
    digest = hashlib.sha256()
    handle, part = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".partial")
    try:
        with (
            os.fdopen(handle, "wb") as file,
            urlopen(Request(url, headers={"User-Agent": "torch.hub"})) as reply,
        ):
            while data := reply.read(_CHUNK):
                file.write(data)
                digest.update(data)
        found = digest.hexdigest()
        if hash_prefix is not None and not found.startswith(hash_prefix):
            raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{found}")')
        shutil.move(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Load a checkpoint from an address, or from the folder where it was kept.

    Args:
        url: the address.
        model_dir: the folder; `get_dir` and "checkpoints" where left out.
        map_location: as for `torch.load`.
        progress: accepted: nothing is shown.
        check_hash: whether the name ends in the beginning of the file's SHA-256, which is checked.
        file_name: what the file is called in the folder.
        weights_only: as for `torch.load`.

    Raises:
        RuntimeError, OSError: as `download_url_to_file` does.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    kept = os.path.join(folder, name)
    if not os.path.exists(kept):
        sys.stdout.write(f'Downloading: "{url}" to {kept}\n')
        found = _HASH.search(name) if check_hash else None
        download_url_to_file(url, kept, found[1] if found else None, progress=progress)
    return torch.load(kept, map_location=map_location, weights_only=weights_only)
