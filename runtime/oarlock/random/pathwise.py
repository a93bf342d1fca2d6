"""Gamma and Dirichlet numbers whose gradients reach their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from oarlock.autograd.function import Function
from oarlock.creation.arguments import name_of
from oarlock.random import checks, implicit, sampling
from oarlock.random.generator import Generator, chosen
from oarlock.random.results import to_paddle
from oarlock.random.sources import on_cpu, to_array
from oarlock.tensor.core import like, plain


def standard_gamma(alpha: Any, generator: Generator | None = None) -> Any:
    """Gamma numbers of scale 1 with the shape parameters in ``alpha``.

    Raises:
        NotImplementedError: ``alpha`` is neither float32 nor float64, or a gradient's gradient is asked for.
        UnsupportedError: it lies on a GPU.
    """
    checks.wide("gamma_cpu", checks.kind_of(plain(alpha)))
    on_cpu("torch._standard_gamma", plain(alpha))
    return _Gamma.apply(alpha, generator)


def dirichlet(concentration: Any, generator: Generator | None = None) -> Any:
    """Points of the simplex along the last dimension, with the concentrations in ``concentration``.

    Raises:
        NotImplementedError: it is neither float32 nor float64, or a gradient's gradient is asked for.
        UnsupportedError: it lies on a GPU.
    """
    given = plain(concentration)
    checks.wide("dirichlet", checks.kind_of(given))
    on_cpu("torch._sample_dirichlet", given)
    return _Dirichlet.apply(concentration, generator)


class _Slope(Function):
    """A derivative of random numbers, which has none itself."""

    @staticmethod
    def forward(ctx: Any, name: str, *tensors: Any) -> Any:
        ctx.name = name
        arrays = (to_array(plain(t)) for t in tensors)
        return like(tensors[0], to_paddle(_SLOPES[name](*arrays)))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{ctx.name}' is not implemented.")


_SLOPES: dict[str, Callable[..., np.ndarray]] = {
    "_standard_gamma_grad": implicit.gamma_slope,
    "_dirichlet_grad": implicit.dirichlet_slope,
}


class _Gamma(Function):
    @staticmethod
    def forward(ctx: Any, alpha: Any, generator: Generator | None) -> Any:
        given = plain(alpha)
        name = name_of(given.dtype)
        drawn = to_paddle(sampling.gamma(to_array(given), name, chosen(generator)), name)
        result = like(alpha, drawn)
        ctx.save_for_backward(alpha, result)
        return result

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        alpha, drawn = ctx.saved_tensors
        slope = _Slope.apply("_standard_gamma_grad", alpha, drawn)
        return grad_outputs[0] * slope, None


class _Dirichlet(Function):
    @staticmethod
    def forward(ctx: Any, concentration: Any, generator: Generator | None) -> Any:
        given = to_array(plain(concentration))
        # In float64, where small concentrations do not underflow.
        gamma = sampling.gamma(given.astype(np.float64), "float64", chosen(generator))
        shares = (gamma / gamma.sum(-1, keepdims=True)).astype(given.dtype)
        limits = np.finfo(given.dtype)
        below_one = np.nextafter(given.dtype.type(1), given.dtype.type(0))
        result = like(concentration, to_paddle(np.clip(shares, limits.tiny, below_one)))
        ctx.save_for_backward(concentration, result)
        return result

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        concentration, x = ctx.saved_tensors
        total = concentration.sum(-1, keepdim=True).expand_as(concentration)
        slope = _Slope.apply("_dirichlet_grad", x, concentration, total)
        given = grad_outputs[0]
        return slope * (given - (x * given).sum(-1, keepdim=True)), None
