"""One check of an operator, module or optimizer: what it is called, how it runs, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oarlock_generator.conformance.comparison import DifferenceError

# A message is a table cell later.
_LONGEST = 300


@dataclass(frozen=True)
class Check:
    """One sample with all its variants, or one call that must fail.

    Args:
        label: what it is, for people: "float32 sample 3".
        group: what it counts under: a dtype, or "errors".
        run: raises where the two sides differ.
    """

    label: str
    group: str
    run: Callable[[], None]

    def fault(self) -> str | None:
        """Run it, and say what is wrong, or None."""
        try:
            self.run()
        except NotInTorchError:
            return None
        except DifferenceError as error:
            return _line(f"{self.label}: {error}")
        except Exception as error:
            return _line(f"{self.label}: {told(error)}")
        return None


class NotInTorchError(Exception):
    """What torch itself refuses on this machine, so that there is nothing to compare."""


def told(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}"


def _line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
