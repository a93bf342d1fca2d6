"""Which function computes the divergence of two classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

_registered: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}
_found: dict[tuple[type, type], Callable[[Any, Any], Any] | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Decorate the function that computes KL(p‖q) for two classes and their subclasses.

    Raises:
        TypeError: one is no class.
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(kind, type):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def register(function: Any) -> Any:
        _registered[type_p, type_q] = function
        _found.clear()
        return function

    return register


def _nearest(p: type, q: type) -> Callable[[Any, Any], Any] | None:
    by_p = [(a, b) for a in p.__mro__ for b in q.__mro__ if (a, b) in _registered]
    if not by_p:
        return None
    by_q = [(a, b) for b in q.__mro__ for a in p.__mro__ if (a, b) in _registered]
    # The nearest base of p counts first, then that of q.
    chosen = _registered[by_p[0]]
    if chosen is not _registered[by_q[0]]:
        warnings.warn(
            f"Ambiguous kl_divergence({p.__name__}, {q.__name__}). Please "
            f"register_kl({by_p[0][0].__name__}, {by_q[0][1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return chosen


def kl_divergence(p: Any, q: Any) -> Any:
    """KL(p‖q), the expectation under p of log p - log q, of shape batch_shape.

    Raises:
        NotImplementedError: nothing is registered for the two types.
    """
    types = type(p), type(q)
    if types not in _found:
        _found[types] = _nearest(*types)
    function = _found[types]
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {p.__class__.__name__} "
            f"and q type {q.__class__.__name__}"
        )
    return function(p, q)
