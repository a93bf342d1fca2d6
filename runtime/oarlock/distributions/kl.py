"""Kullback-Leibler divergences, by the types of both distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oarlock.distributions.categorical import Categorical
from oarlock.distributions.independent import Independent
from oarlock.distributions.normal import Normal
from oarlock.distributions.parameters import sum_rightmost

_registered: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


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
        return function

    return register


def _found(p: type, q: type) -> Callable[[Any, Any], Any] | None:
    # The nearest base of p counts first, then that of q.
    for base_p in p.__mro__:
        for base_q in q.__mro__:
            if (base_p, base_q) in _registered:
                return _registered[base_p, base_q]
    return None


def kl_divergence(p: Any, q: Any) -> Any:
    """KL(p‖q), the expectation under p of log p - log q, of shape batch_shape.

    Raises:
        NotImplementedError: nothing is registered for the two types.
    """
    function = _found(type(p), type(q))
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {p.__class__.__name__} "
            f"and q type {q.__class__.__name__}"
        )
    return function(p, q)


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Any:
    ratio = (p.scale / q.scale) ** 2
    distance = ((p.loc - q.loc) / q.scale) ** 2
    return 0.5 * (ratio + distance - 1 - ratio.log())


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms[(q.probs == 0).expand_as(terms)] = float("inf")
    terms[(p.probs == 0).expand_as(terms)] = 0
    return terms.sum(-1)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
