"""torch.autograd.forward_ad, which Paddle has nothing for in eager mode."""

from __future__ import annotations

from typing import Any, NoReturn

from oarlock.errors import UnsupportedError


def _refused(name: str) -> UnsupportedError:
    return UnsupportedError(
        api=f"torch.autograd.forward_ad.{name}",
        reason="Paddle has no forward-mode differentiation in eager mode",
        advice="torch.func.jvp and torch.autograd.functional.jvp compute the same products in "
        "reverse mode",
    )


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> NoReturn:
    """Refuse.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("make_dual")


def unpack_dual(tensor: Any, *, level: int | None = None) -> NoReturn:
    """Refuse.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("unpack_dual")


def enter_dual_level() -> NoReturn:
    """Refuse.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("enter_dual_level")


def exit_dual_level(*, level: int | None = None) -> NoReturn:
    """Refuse.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("exit_dual_level")


class dual_level:
    """A block of forward mode, which is refused when it is entered."""

    def __enter__(self) -> NoReturn:
        raise _refused("dual_level")

    def __exit__(self, *_: object) -> None:
        """Do nothing: it is never entered."""
