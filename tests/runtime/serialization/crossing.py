"""Objects carried through a file from PyTorch to Oarlock and back."""

from __future__ import annotations

import io
from typing import Any

import torch

from oarlock.serialization.loading import load
from oarlock.serialization.saving import save

FORMATS = [
    {"_use_new_zipfile_serialization": True},
    {"_use_new_zipfile_serialization": False},
]


def from_torch(obj: Any, *, options: Any = None, **load_options: Any) -> Any:
    file = io.BytesIO()
    torch.save(obj, file, **(options or {}))
    file.seek(0)
    return load(file, **load_options)


def to_torch(obj: Any, *, options: Any = None, **load_options: Any) -> Any:
    file = io.BytesIO()
    save(obj, file, **(options or {}))
    file.seek(0)
    return torch.load(file, **{"weights_only": True, **load_options})


def bits(x: Any) -> Any:
    return x.contiguous().flatten().view(torch.uint8) if x.numel() else x
