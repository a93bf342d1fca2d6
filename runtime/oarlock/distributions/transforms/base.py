"""The base class of transforms, and the inverse of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oarlock.distributions import constraints


class Transform:
    """A differentiable map, called with a tensor; ``inv`` is the map back.

    A class defines ``_call`` and ``log_abs_det_jacobian``, and ``_inverse`` where there is one.

    Args:
        cache_size: 0, or 1 to keep the last pair of argument and value, so that mapping a value back gives the very
            argument.

    Attributes:
        domain, codomain: the constraints that arguments and values satisfy.
        bijective: whether the inverse is exact both ways.

    Raises:
        ValueError: ``cache_size`` is neither 0 nor 1.
    """

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._inv: Any = None
        if cache_size:
            self._cached_x_y: tuple[Any, Any] = (None, None)
        super().__init__()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_inv": None}

    @property
    def event_dim(self) -> Any:
        """The number of trailing dimensions that are mapped together.

        Raises:
            ValueError: arguments and values differ in it.
        """
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError("Please use either .domain.event_dim or .codomain.event_dim")
        return self.domain.event_dim

    @property
    def inv(self) -> Any:
        """The map back, whose inverse is this very transform."""
        if self._inv is None:
            self._inv = _InverseTransform(self)
        return self._inv

    # Classes set this to a value of their own.
    if TYPE_CHECKING:
        sign: Any
    else:

        @property
        def sign(self) -> Any:
            """1 where the map increases, -1 where it decreases; of maps of single numbers."""
            raise NotImplementedError

    def _copy_arguments(self) -> tuple[Any, ...] | None:
        """What makes another one of the kind; None where the class does not say."""
        return () if type(self).__init__ is Transform.__init__ else None

    def with_cache(self, cache_size: int = 1) -> Any:
        """The same transform with that cache.

        Raises:
            NotImplementedError: its class takes arguments and does not say how it is copied.
        """
        if self._cache_size == cache_size:
            return self
        arguments = self._copy_arguments()
        if arguments is None:
            raise NotImplementedError(f"{type(self)}.with_cache is not implemented")
        return type(self)(*arguments, cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        return self is other

    # Transforms are compared by what they do and never looked up, as torch's.
    __hash__: Any = None

    def __call__(self, x: Any) -> Any:
        if not self._cache_size:
            return self._call(x)
        known_x, known_y = self._cached_x_y
        if x is known_x:
            return known_y
        y = self._call(x)
        self._cached_x_y = x, y
        return y

    def _inv_call(self, y: Any) -> Any:
        if not self._cache_size:
            return self._inverse(y)
        known_x, known_y = self._cached_x_y
        if y is known_y:
            return known_x
        x = self._inverse(y)
        self._cached_x_y = x, y
        return x

    def _call(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The logarithm of |dy/dx| at an argument and its value, without the event dimensions."""
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Any:
        """The shape of the value for an argument's."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of the argument for a value's."""
        return shape

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}()"


class SameByType(Transform):
    """A transform without parameters: all of a class are equal."""

    def __eq__(self, other: object) -> bool:
        home = next(kind for kind in type(self).__mro__ if SameByType in kind.__bases__)
        return isinstance(other, home)

    __hash__: Any = None


class _InverseTransform(Transform):
    """The map back of a transform."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._inv = transform

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._inv.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._inv.domain

    @property
    def bijective(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._inv.bijective

    @property
    def sign(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._inv.sign

    @property
    def inv(self) -> Any:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Any:
        return self.inv.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._inv == other._inv

    __hash__: Any = None

    def __call__(self, x: Any) -> Any:
        return self._inv._inv_call(x)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._inv.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self._inv!r})"
