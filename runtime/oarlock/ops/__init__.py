"""Compositions of Paddle functions that serve the calls which no single Paddle function serves exactly."""

# The Tensor's operators come from here and its dtypes are needed here: its package is always first.
import oarlock.tensor as _tensor  # noqa: F401
