"""The von Mises distribution of angles."""

from __future__ import annotations

from math import log, pi
from typing import Any

import oarlock.torch as torch
from oarlock.distributions import constraints
from oarlock.distributions.distribution import Distribution
from oarlock.distributions.lazy import lazy_property
from oarlock.distributions.parameters import broadcast_all

# M. Abramowitz and I. Stegun, 9.8.1 to 9.8.4: polynomials in (x / 3.75)² and, from 3.75 on, in 3.75 / x.
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411),
)
_LARGE = (
    (
        *(0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281),
        *(-0.02057706, 0.02635537, -0.01647633, 0.00392377),
    ),
    (
        *(0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555),
        *(0.02282967, -0.02895312, 0.01787654, -0.00420059),
    ),
)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    result: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = coefficient + x * result
    return result


def _log_bessel(x: Any, order: int) -> Any:
    """The logarithm of the modified Bessel function of the first kind, of order 0 or 1."""
    share = x / 3.75
    small = _polynomial(_SMALL[order], share * share)
    if order == 1:
        small = x.abs() * small
    large = x - 0.5 * x.log() + _polynomial(_LARGE[order], 3.75 / x).log()
    return torch.where(x < 3.75, small.log(), large)


class VonMises(Distribution):
    """Angles about ``loc`` with ``concentration``, as a normal distribution on the circle."""

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _expandable = ("loc", "concentration")

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, torch.Size(), validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @lazy_property
    def variance(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        ratio = _log_bessel(self.concentration, 1) - _log_bessel(self.concentration, 0)
        return 1 - ratio.exp()

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        cosine = self.concentration * torch.cos(value - self.loc)
        return cosine - log(2 * pi) - _log_bessel(self.concentration, 0)

    def sample(self, sample_shape: Any = ()) -> Any:
        # The rejection from a wrapped Cauchy distribution of D. J. Best and N. I. Fisher (1979), in float64.
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            loc, kappa = self.loc.double(), self.concentration.double()
            tau = 1 + (1 + 4 * kappa**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
            r = torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))
            angle = torch.zeros(shape, dtype=torch.float64, device=loc.device)
            done = torch.zeros(shape, dtype=torch.bool, device=loc.device)
            while not done.all():
                drawn = torch.rand((3, *shape), dtype=torch.float64, device=loc.device)
                u1, u2, u3 = drawn.unbind()
                z = torch.cos(pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accepted = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                angle = torch.where(accepted, (u3 - 0.5).sign() * f.acos(), angle)
                done = done | accepted
            return ((angle + pi + loc) % (2 * pi) - pi).to(self.loc.dtype)
