"""What Oarlock raises: the API, the parameter, what was given, what is accepted, what to do, where to read on."""

from __future__ import annotations

from typing import Any

DOCS = "https://oarlock.dev/"


def page(api: str) -> str:
    """Return the path of an API's page below the site's ``api/``: that of its record.

    Example: ``page("flash_attn.flash_attn_interface.flash_attn_func")`` is
    ``"flash_attn/flash_attn_func"``. An API without a record gets the index, ``""``.
    """
    from oarlock.catalog import page_of

    return page_of(api) or ""


def link(api: str, parameter: str | None = None) -> str:
    """Return the address of an API's page, at a parameter's row where one is named."""
    path = page(api)
    anchor = f"#{parameter}" if parameter and path else ""
    return f"{DOCS}api/{path}/{anchor}" if path else f"{DOCS}api/"


class OarlockError(Exception):
    """Base of everything Oarlock raises on purpose.

    The facts are kept as attributes, so that a program need not read the message. The error survives pickling.

    Args:
        message: a whole message instead of the facts: Paddle's to_static raises an error again so.
        api: dotted name of the API the caller wrote, such as ``"flash_attn.flash_attn_func"``.
        parameter: the parameter at fault.
        given: what the caller passed, in words, such as ``"5, a single number"``.
        accepted: what is accepted instead.
        reason: why the call can't be served, where "accepted" does not say it.
        advice: what to do, as one sentence without its full stop.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        api: str = "oarlock",
        parameter: str | None = None,
        given: str | None = None,
        accepted: str | None = None,
        reason: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.api = api
        self.parameter = parameter
        self.given = given
        self.accepted = accepted
        self.reason = reason
        self.advice = advice
        super().__init__(message or self._message())

    def _message(self) -> str:
        subject = f"{self.api}: {self.parameter}" if self.parameter else self.api
        facts = [
            f"got {self.given}" if self.given else None,
            f"expected {self.accepted}" if self.accepted else None,
            self.reason,
        ]
        sentences = ["; ".join(fact for fact in facts if fact), self.advice]
        text = " ".join(f"{sentence}." for sentence in sentences if sentence)
        return f"{subject}: {text} {link(self.api, self.parameter)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, self.__dict__


class UnsupportedError(OarlockError, NotImplementedError):
    """A call that PyTorch's side serves and Oarlock can't serve exactly."""


class ArgumentError(OarlockError, ValueError):
    """An argument whose value the API does not accept."""


class ArgumentTypeError(OarlockError, TypeError):
    """An argument whose type the API does not accept."""


class UnmappedError(OarlockError, AttributeError):
    """An API for which Oarlock has no record; ``hasattr`` sees it as absent."""


class UnmappedImportError(OarlockError, ImportError):
    """The same, where ``from … import …`` asks."""


class UnmappedModuleError(UnmappedImportError, ModuleNotFoundError):
    """The same, where ``import …`` asks for a module."""


class SlowPathWarning(UserWarning):
    """A call that runs on a correct but slow path."""


class CompilationWarning(UserWarning):
    """A first call that waits while kernels are compiled; `oarlock.warmup` compiles them ahead."""
