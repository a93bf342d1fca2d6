"""Whether backward uses several threads: a setting that Paddle, which uses one, only remembers."""

from __future__ import annotations

from oarlock.autograd.grad_mode import _GradMode


class _State:
    enabled = True


class set_multithreading_enabled(_GradMode):
    """Remember whether backward may use several threads; Paddle's uses one, with the same results.

    Args:
        mode: what is remembered at once; as a context manager, until its end.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.prev, _State.enabled = _State.enabled, bool(mode)
        self.mode = bool(mode)

    def __enter__(self) -> None:
        """Do nothing: it is set already."""

    def __exit__(self, *_: object) -> None:
        _State.enabled = self.prev

    def clone(self) -> set_multithreading_enabled:
        """Another context manager of the same mode."""
        return set_multithreading_enabled(self.mode)
