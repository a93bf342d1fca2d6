"""The Tensor's methods that fill it with random numbers, and return it.

On the CPU the numbers are torch's for the generator's seed; on a GPU they are Paddle's.
"""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from math import sqrt
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.creation.arguments import memory_order
from oarlock.random import checks, draws, gpu
from oarlock.random.generator import Generator, chosen
from oarlock.random.results import to_paddle
from oarlock.random.sources import drawn, to_array
from oarlock.tensor import commit
from oarlock.tensor.core import plain
from oarlock.tensor.inplace import check_leaf


def uniform_(
    self: Any,
    from_: float = 0,
    to: float = 1,
    *,
    generator: Generator | None = None,
    **named: float,
) -> Any:
    """Fill with uniform numbers in [from, to).

    Args:
        from_: the lower bound, ``from`` by name.
        to: the upper bound.
        generator: the default one where None.
        **named: ``from``, where it is given by name.

    Raises:
        RuntimeError: the bounds are no range, or ``self`` is a leaf that requires a gradient.
        NotImplementedError: the dtype is not floating-point.
    """
    low = _from("uniform_", from_, named)
    return _fill(
        self, "uniform", generator, low, to, check=lambda k: checks.uniform_bounds(k, low, to)
    )


def normal_(
    self: Any, mean: float = 0, std: float = 1, *, generator: Generator | None = None
) -> Any:
    """Fill with normal numbers; a complex tensor gets half of the variance in each part.

    Args:
        mean, std: of the numbers.
        generator: the default one where None.

    Raises:
        RuntimeError: ``std`` is negative, or ``self`` is a leaf that requires a gradient.
        NotImplementedError: the dtype is neither floating-point nor complex.
    """
    checks.deviation(std)
    if checks.kind_of(plain(self)).is_complex:
        std = std / sqrt(2)
    return _fill(
        self,
        "normal",
        generator,
        mean,
        std,
        check=lambda k: checks.floating("normal_kernel_cpu", k),
    )


def exponential_(self: Any, lambd: float = 1, *, generator: Generator | None = None) -> Any:
    """Fill with exponential numbers of rate ``lambd``.

    Raises:
        RuntimeError: the rate is not above 0, the dtype is not floating-point, or ``self`` is a leaf that requires
            a gradient.
    """
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    return _fill(
        self,
        "exponential",
        generator,
        lambd,
        check=lambda k: checks.continuous("Exponential", k),
    )


def geometric_(self: Any, p: float, *, generator: Generator | None = None) -> Any:
    """Fill with the numbers of trials up to a first success of probability ``p``.

    Raises:
        RuntimeError: ``p`` is not inside (0, 1), or ``self`` is a leaf that requires a gradient.
        NotImplementedError: the dtype is bool or complex.
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return _fill(self, "geometric", generator, p, check=lambda k: checks.real("geometric_cpu", k))


def cauchy_(
    self: Any, median: float = 0, sigma: float = 1, *, generator: Generator | None = None
) -> Any:
    """Fill with Cauchy numbers.

    Raises:
        RuntimeError: ``sigma`` is not above 0, the dtype is not floating-point, or ``self`` is a leaf that requires
            a gradient.
    """
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    return _fill(
        self, "cauchy", generator, median, sigma, check=lambda k: checks.continuous("Cauchy", k)
    )


def log_normal_(
    self: Any, mean: float = 1, std: float = 2, *, generator: Generator | None = None
) -> Any:
    """Fill with numbers whose logarithm is normal.

    Raises:
        RuntimeError: ``std`` is not above 0, or ``self`` is a leaf that requires a gradient.
        NotImplementedError: the dtype is not floating-point.
    """
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    return _fill(
        self,
        "log_normal",
        generator,
        mean,
        std,
        check=lambda k: checks.floating("log_normal_cpu", k),
    )


def bernoulli_(self: Any, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
    """Fill with ones, of probability ``p``, and zeros.

    Args:
        p: a number, or a tensor of a shape that broadcasts to ``self``'s.
        generator: the default one where None.

    Raises:
        RuntimeError: a probability outside [0, 1], or ``self`` is a leaf that requires a gradient.
    """
    if not isinstance(p, paddle.Tensor):
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        return _fill(self, "bernoulli", generator, p, check=lambda k: None)
    target = plain(self)
    check_leaf(target)
    probabilities = plain(p).detach()
    checks.floating("bernoulli_tensor_cpu_p_", checks.kind_of(probabilities))
    order = memory_order(target)
    probabilities = probabilities.expand(target.shape)
    if order is not None:
        probabilities = _C_ops.transpose(probabilities, order)
    made = each_bernoulli(probabilities, target.dtype, generator)
    if order is not None:
        made = _C_ops.transpose(made, [order.index(d) for d in range(len(order))])
    return commit(self, made)


def each_bernoulli(p: paddle.Tensor, dtype: Any, generator: Generator | None) -> paddle.Tensor:
    """A plain tensor of ones, with the probability that each element of a plain ``p`` states, and zeros."""
    if p.place.is_gpu_place():
        return _C_ops.cast(gpu.bernoulli_each(p, generator), dtype)
    values = to_array(p)
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    wide = values if p.dtype is paddle.float64 else values.astype("float32", copy=False)
    return _C_ops.cast(to_paddle(draws.bernoulli_each(wide, chosen(generator))), dtype)


def random_(self: Any, *bounds: Any, generator: Generator | None = None, **named: Any) -> Any:
    """Fill with integers: ``random_()``, ``random_(to)`` or ``random_(from, to)``, in [from, to).

    Without bounds they are all that the dtype holds from 0 on; for a floating-point dtype, up to 2**(its digits).

    Args:
        *bounds: ``to``; or ``from`` and ``to``, of which ``to`` may be None for as far as the dtype reaches.
        generator: the default one where None.
        **named: ``from`` and ``to``, where they are given by name.

    Raises:
        RuntimeError: no integer lies between, the dtype does not hold them, or ``self`` is a leaf that requires a
            gradient.
        TypeError: bounds that are no integers.
    """
    low, high, bounded = _bounds(bounds, named)
    target = plain(self)
    check_leaf(target)
    kind = checks.kind_of(target)
    order = memory_order(target)
    if not bounded and kind.is_complex:
        raise NotImplementedError(f"\"random_kernel_cpu\" not implemented for '{kind.name}'")
    if not bounded and not target.place.is_gpu_place():
        made = drawn(
            "any_integers", target.shape, target.dtype, target.place, generator, order=order
        )
        return commit(self, made)
    least, end = (
        (low, 2**63)
        if low == -(2**63) and high is None
        else checks.integer_range(kind, 0 if not bounded else low, high)
    )
    if target.size == 0:
        return self
    made = drawn(
        "integers", target.shape, target.dtype, target.place, generator, least, end, order=order
    )
    return commit(self, made)


def _bounds(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[int, int | None, bool]:
    order = ("to",) if len(given) == 1 and not named else ("from", "to")
    values = dict(zip(order, given, strict=False))
    if len(given) > 2 or set(named) - {"from", "to"} or values.keys() & named.keys():
        raise TypeError("random_() received an invalid combination of arguments")
    values |= named
    for key, value in values.items():
        if not isinstance(value, int) and not (key == "to" and value is None and "from" in values):
            raise TypeError(
                f"random_() received an invalid combination of arguments - got ({type(value).__name__})"
            )
    return values.get("from", 0), values.get("to"), bool(values)


def _from(api: str, low: float, named: dict[str, float]) -> float:
    unknown = [key for key in named if key != "from"]
    if unknown:
        raise TypeError(f"{api}() got an unexpected keyword argument '{unknown[0]}'")
    return named.get("from", low)


def _fill(self: Any, kind: str, generator: Generator | None, *arguments: float, check: Any) -> Any:
    target = plain(self)
    check_leaf(target)
    checks.generator_argument(f"{kind}_", generator)
    dtype = checks.kind_of(target)
    part = dtype.to_real() if kind in ("uniform", "normal") else dtype
    check(part)
    if dtype.is_complex:
        made = drawn(kind, [*target.shape, 2], part.paddle, target.place, generator, *arguments)
        return commit(self, paddle.as_complex(made))
    made = drawn(
        kind,
        target.shape,
        target.dtype,
        target.place,
        generator,
        *arguments,
        order=memory_order(target),
    )
    return commit(self, made)
