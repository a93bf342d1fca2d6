"""How queries and keys become probabilities: what all implementations of attention are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oarlock.kernels.attention.blocks import BLOCK_SCORES, Window

if TYPE_CHECKING:
    import paddle


@dataclass(frozen=True)
class Scoring:
    """How queries and keys become probabilities, with every argument already checked.

    Args:
        window: the keys each row sees.
        scale: factor of the scores.
        softcap: bound of the scores, 0 for none.
        slopes: ALiBi slopes, float32 of shape (heads,) or (batch, heads), or None.
        dropout_p: probability that a probability is dropped, in [0, 1).
        seed: decides which ones: an int, or for kernels an int32 tensor of one element.
        api: the name to use in errors.
        budget: scores that the reference holds at once.
    """

    window: Window
    scale: float
    softcap: float = 0.0
    slopes: paddle.Tensor | None = None
    dropout_p: float = 0.0
    seed: Any = 0
    api: str = "flash_attn.flash_attn_func"
    budget: int = field(default=BLOCK_SCORES, repr=False)
