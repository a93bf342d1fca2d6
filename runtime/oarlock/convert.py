"""Torch-side values to Paddle-side values."""

from __future__ import annotations


def logical_not(value: bool) -> bool:
    """Negate a flag that Paddle has the other way round (``batch_first``, ``time_major``)."""
    return not value
