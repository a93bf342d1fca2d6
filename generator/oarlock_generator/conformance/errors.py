"""Calls that torch's databases say must fail, and how."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from oarlock_generator.conformance.calls import is_refusal
from oarlock_generator.conformance.checks import NotInTorchError, told
from oarlock_generator.conformance.comparison import DifferenceError


def check_error(theirs: Callable[[], Any], ours: Callable[[], Any], given: Any) -> None:
    """Raise DifferenceError unless Oarlock raises what torch's database expects.

    Args:
        theirs: makes the call on torch.
        ours: makes it on Oarlock.
        given: torch's entry, with ``error_type`` and ``error_regex``.
    """
    kind, pattern = given.error_type, given.error_regex
    try:
        theirs()
    except Exception as error:
        if not isinstance(error, kind):
            raise NotInTorchError(told(error)) from error
        text = str(error)
    else:
        raise NotInTorchError("torch does not raise here")
    try:
        ours()
    except Exception as raised:
        if is_refusal(raised) or not isinstance(raised, kind):
            wanted = f"{kind.__name__}: {text}"
            raise DifferenceError(f"{told(raised)} where torch raises {wanted}") from raised
        if not re.search(pattern, str(raised)):
            raise DifferenceError(f"says {str(raised)!r} where torch says {text!r}") from raised
        return
    raise DifferenceError(f"gave a result where torch raises {kind.__name__}: {text}")
