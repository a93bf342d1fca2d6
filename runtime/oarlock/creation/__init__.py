"""Tensors made from nothing: filled, counted, from data, and torch's legacy constructors."""

from oarlock.creation.data import (
    as_tensor,
    asarray,
    from_numpy,
    frombuffer,
    new_tensor,
    scalar_tensor,
    tensor,
)
from oarlock.creation.filled import (
    empty,
    empty_like,
    empty_strided,
    full,
    full_like,
    new_empty,
    new_empty_strided,
    new_full,
    new_ones,
    new_zeros,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from oarlock.creation.legacy import legacy_tensor
from oarlock.creation.matrices import (
    cartesian_prod,
    complex,  # noqa: A004 - torch's own name
    eye,
    polar,
    tril_indices,
    triu_indices,
)
from oarlock.creation.ranges import (
    arange,
    linspace,
    logspace,
    range,  # noqa: A004 - torch's own name
)

__all__ = [
    "arange",
    "as_tensor",
    "asarray",
    "cartesian_prod",
    "complex",
    "empty",
    "empty_like",
    "empty_strided",
    "eye",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "legacy_tensor",
    "linspace",
    "logspace",
    "new_empty",
    "new_empty_strided",
    "new_full",
    "new_ones",
    "new_tensor",
    "new_zeros",
    "ones",
    "ones_like",
    "polar",
    "range",
    "scalar_tensor",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]
