"""Which transform leads from the real numbers to a constraint's region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oarlock.distributions import constraints, transforms
from oarlock.distributions.parameters import is_number


class ConstraintRegistry:
    """Constraint classes to the functions that make their transforms; called with a constraint, it makes one."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Any]] = {}
        super().__init__()

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Register a function for a constraint, or its class; without one, a decorator.

        Raises:
            TypeError: ``constraint`` is none.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not (isinstance(kind, type) and issubclass(kind, constraints.Constraint)):
            raise TypeError(
                f"Expected constraint to be either a Constraint subclass or instance, but got {kind}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """Return the transform to a constraint's region.

        Raises:
            NotImplementedError: none is registered.
        """
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()
_BOTH = (biject_to, transform_to)


def _affine(first: Any, loc: Any, scale: Any) -> Any:
    return transforms.ComposeTransform([first, transforms.AffineTransform(loc, scale)])


def _to_interval(constraint: Any) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    sigmoid = transforms.SigmoidTransform()
    if is_number(low) and is_number(high) and (low, high) == (0, 1):
        return sigmoid
    return _affine(sigmoid, low, high - low)


def _register(registries: Any, factory: Any, *kinds: Any) -> None:
    for registry in registries:
        for kind in kinds:
            registry.register(kind, factory)


_register(_BOTH, lambda _: transforms.identity_transform, constraints.real)
_register(_BOTH, lambda _: transforms.ExpTransform(), constraints.positive, constraints.nonnegative)
_register(
    _BOTH,
    lambda c: _affine(transforms.ExpTransform(), c.lower_bound, 1),
    constraints.greater_than,
    constraints.greater_than_eq,
)
_register(
    _BOTH, lambda c: _affine(transforms.ExpTransform(), c.upper_bound, -1), constraints.less_than
)
_register(_BOTH, _to_interval, constraints.interval, constraints.half_open_interval)
_register(_BOTH, lambda _: transforms.CorrCholeskyTransform(), constraints.corr_cholesky)
_register([biject_to], lambda _: transforms.StickBreakingTransform(), constraints.simplex)
_register([transform_to], lambda _: transforms.SoftmaxTransform(), constraints.simplex)
_register([transform_to], lambda _: transforms.LowerCholeskyTransform(), constraints.lower_cholesky)
_register(
    [transform_to],
    lambda _: transforms.PositiveDefiniteTransform(),
    constraints.positive_definite,
    constraints.positive_semidefinite,
)


def _register_containers(registry: ConstraintRegistry) -> None:
    registry.register(
        constraints.independent,
        lambda c: transforms.IndependentTransform(
            registry(c.base_constraint), c.reinterpreted_batch_ndims
        ),
    )
    registry.register(
        constraints.cat,
        lambda c: transforms.CatTransform([registry(x) for x in c.cseq], c.dim, c.lengths),
    )
    registry.register(
        constraints.stack, lambda c: transforms.StackTransform([registry(x) for x in c.cseq], c.dim)
    )


for _registry in _BOTH:
    _register_containers(_registry)
