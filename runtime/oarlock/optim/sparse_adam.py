"""SparseAdam, which needs gradients that Oarlock does not have."""

from __future__ import annotations

from typing import Any

from oarlock.errors import UnsupportedError
from oarlock.optim.optimizer import Optimizer


class SparseAdam(Optimizer):
    """Adam for sparse gradients: refused, because gradients are always dense here.

    Raises:
        UnsupportedError: always.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        raise UnsupportedError(
            api="torch.optim.SparseAdam",
            parameter="params",
            reason="it updates from gradients in torch's sparse COO layout only, and Paddle's "
            "autograd gives none",
            advice="Use Embedding(sparse=False) with Adam, whose update also moves the rows that "
            "were not looked up",
        )
