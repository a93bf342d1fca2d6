"""Kullback-Leibler divergences, by the types of both distributions."""

from oarlock.distributions import kl_crossed as _crossed
from oarlock.distributions import kl_same as _same
from oarlock.distributions.divergences import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]

# What they register is there before anyone registers another.
del _crossed, _same
