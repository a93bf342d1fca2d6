"""What would compute a call of attention, in words, for ``oarlock.explain``."""

from __future__ import annotations

from typing import Any

import paddle

from oarlock.kernels import launch
from oarlock.kernels.attention.amp import autocast
from oarlock.kernels.attention.implementations import KERNELS, implementation_of, on_gpu

_WORDS = {
    "forward": "forward",
    "query_gradient": "gradient of q",
    "key_value_gradients": "gradients of k and v",
}


def describe(**arguments: Any) -> tuple[str, tuple[str, ...]]:
    """Say what would compute a call of `attention`, and what to know of it: for ``explain``."""
    q = arguments.get("q")
    if not isinstance(q, paddle.Tensor):
        return "Oarlock's attention kernel, on its reference path", ()
    tensors = [arguments.get(name) for name in ("q", "k", "v")]
    learns = paddle.is_grad_enabled() and any(
        isinstance(x, paddle.Tensor) and not x.stop_gradient for x in tensors
    )
    with paddle.no_grad():
        (q,) = autocast(q)
    implementation, obstacle = implementation_of(q)
    if implementation is KERNELS:
        return _kernels(q, arguments, learns)
    server = "Oarlock's attention kernel, on its reference path"
    if obstacle is None or not on_gpu(q):
        return server, ()
    return server, (f"this path is correct, but slow on a GPU: {obstacle}",)


def _kernels(
    q: paddle.Tensor, arguments: dict[str, Any], learns: bool
) -> tuple[str, tuple[str, ...]]:
    from oarlock.kernels.attention.triton.tiles import architecture, features, tile

    capability = launch.capability(q)
    number = "".join(map(str, capability))
    kind = features(
        softcap=arguments.get("softcap") or 0.0,
        slopes=arguments.get("alibi_slopes"),
        dropout_p=arguments.get("dropout_p") or 0.0,
    )
    head_dim = q.shape[-1]
    server = (
        f"Oarlock's attention kernel in Triton, for sm_{number}: "
        f"tile {tile(capability, head_dim, kind, 'forward')}"
    )
    notes = []
    if learns:
        notes += [
            f"{words}: tile {tile(capability, head_dim, kind, direction)}"
            for direction, words in _WORDS.items()
            if direction != "forward"
        ]
    used = architecture(capability)
    if str(used) != number:
        notes.append(f"sm_{number} has no tiles of its own and takes those of sm_{used}")
    return server, tuple(notes)
