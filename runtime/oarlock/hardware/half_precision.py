"""torch.cuda.amp's decorators of autograd.Function, under their old names."""

from __future__ import annotations

import warnings
from typing import Any

from oarlock.amp.autocast import custom_bwd as bwd_of
from oarlock.amp.autocast import custom_fwd as fwd_of


def _warn(name: str) -> None:
    warnings.warn(
        f"`torch.cuda.amp.{name}(args...)` is deprecated. "
        f"Please use `torch.amp.{name}(args..., device_type='cuda')` instead.",
        FutureWarning,
        stacklevel=3,
    )


def custom_fwd(fwd: Any = None, *, cast_inputs: Any = None) -> Any:
    """`torch.amp.custom_fwd` for CUDA, with a FutureWarning."""
    _warn("custom_fwd")
    return fwd_of(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Any:
    """`torch.amp.custom_bwd` for CUDA, with a FutureWarning."""
    _warn("custom_bwd")
    return bwd_of(bwd, device_type="cuda")
