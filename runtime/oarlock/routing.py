"""Which route generated functions take: Paddle's own function where exact, else the fallback.

``OARLOCK_ROUTE=native|fallback|reference`` forces one for the whole process, where an API has both;
a call that the forced route can't serve exactly raises.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from oarlock.errors import ArgumentError, UnsupportedError

ROUTES = ("native", "fallback", "reference")


def _checked(route: str | None) -> str | None:
    if route is not None and route not in ROUTES:
        raise ArgumentError(
            api="oarlock",
            parameter="OARLOCK_ROUTE",
            given=repr(route),
            accepted="one of " + ", ".join(ROUTES),
            advice="Unset it to let each call take the fastest exact route",
        )
    return route


# Generated functions read this on every call: a global costs them some 30 ns.
forced: str | None = _checked(os.environ.get("OARLOCK_ROUTE") or None)


@contextmanager
def forcing(route: str | None) -> Iterator[None]:
    """Force a route for the duration of a block, in all threads."""
    global forced
    before, forced = forced, _checked(route)
    try:
        yield
    finally:
        forced = before


def choose(api: str, native: bool, arguments: Mapping[str, Any]) -> bool:
    """Whether to go native under a forced route.

    Args:
        api: the torch-side name.
        native: whether Paddle's own function serves this call exactly.
        arguments: the call's bound arguments.

    Raises:
        UnsupportedError: "native" is forced and Paddle's function would not be exact; the
            message says which parameter or condition stands against it.
    """
    if forced == "native" and not native:
        from oarlock.explanation import reasons

        raise UnsupportedError(
            api=api,
            reason="OARLOCK_ROUTE=native, but Paddle's own function does not serve this call exactly: "
            + "; ".join(reasons(api, arguments)),
            advice="Unset OARLOCK_ROUTE to let Oarlock choose",
        )
    return forced == "native"
