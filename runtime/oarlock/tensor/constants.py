"""The numbers and the index that torch's namespace holds: pi, e, inf, nan and newaxis."""

from math import e, inf, nan, pi

newaxis = None

__all__ = ["e", "inf", "nan", "newaxis", "pi"]
