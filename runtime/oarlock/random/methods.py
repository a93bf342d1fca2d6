"""The Tensor's methods that draw from its elements, which take no ``out``."""

from __future__ import annotations

from typing import Any

from oarlock.random import functions
from oarlock.random.generator import Generator


def multinomial(
    self: Any,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Any:
    """Indices drawn with the elements as weights; see `oarlock.random.functions.multinomial`."""
    return functions.multinomial(self, num_samples, replacement, generator=generator)


def bernoulli(self: Any, p: float | None = None, *, generator: Generator | None = None) -> Any:
    """Ones and zeros with the elements, or ``p``, as probability; see `oarlock.random.functions.bernoulli`."""
    return functions.bernoulli(self, p, generator=generator)
