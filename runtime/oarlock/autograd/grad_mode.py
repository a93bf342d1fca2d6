"""Whether operations record gradients: no_grad, enable_grad, set_grad_enabled, inference_mode."""

from __future__ import annotations

import functools
import inspect
from threading import local
from typing import Any, cast

from paddle.base import framework

_thread = local()
# There is none in static graph mode alone.
_tracer = cast(Any, framework._dygraph_tracer)


def is_grad_enabled() -> bool:
    """Whether operations record what backward() needs."""
    return _tracer()._has_grad


def is_inference_mode_enabled() -> bool:
    """Whether the innermost inference_mode around the call is on."""
    return getattr(_thread, "inference", False)


def _set(enabled: bool) -> None:
    _tracer()._has_grad = enabled


class _GradMode:
    """A context manager and decorator that sets the mode, and restores it at its end."""

    mode: bool

    def __init__(self) -> None:
        # One object may be entered again inside itself.
        self.before: list[bool] = []

    def __enter__(self) -> None:
        tracer = _tracer()
        self.before.append(tracer._has_grad)
        tracer._has_grad = self.mode

    def __exit__(self, *_: object) -> None:
        _set(self.before.pop())

    def __call__(self, function: Any) -> Any:
        """Decorate a function, generator function or class so that it runs in this mode."""
        if inspect.isclass(function):
            function.__init__ = self(function.__init__)
            return function
        if inspect.isgeneratorfunction(function):
            return self._generator(function)

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return decorated

    def _generator(self, function: Any) -> Any:
        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            sent: Any = None
            while True:
                try:
                    with self.clone():
                        value = generator.send(sent)
                except StopIteration as stop:
                    return stop.value
                try:
                    sent = yield value
                except GeneratorExit:
                    generator.close()
                    raise
                except BaseException as error:
                    with self.clone():
                        value = generator.throw(error)
                    sent = yield value

        return decorated

    def clone(self) -> _GradMode:
        """Another context manager of the same mode."""
        return type(self)()


class no_grad(_GradMode):
    """Operations inside record nothing; ``@no_grad`` and ``@no_grad()`` decorate."""

    mode = False

    def __new__(cls, orig_func: Any = None) -> Any:  # noqa: D102
        self = super().__new__(cls)
        if orig_func is None:
            return self
        self.__init__()
        return self(orig_func)

    def __init__(self) -> None:
        super().__init__()


class enable_grad(no_grad):
    """Operations inside record gradients, also within no_grad."""

    mode = True

    def __init__(self, orig_func: Any = None) -> None:
        super().__init__()


class set_grad_enabled(_GradMode):
    """Set the mode at once; as a context manager, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self.outside = is_grad_enabled()
        _set(self.mode)

    def __enter__(self) -> None:
        _set(self.mode)
        self.before.append(self.outside)

    def __call__(self, function: Any) -> Any:
        """Decorate a function; the mode outside is what it was before."""
        _set(self.outside)
        return super().__call__(function)

    def clone(self) -> _GradMode:
        """Another context manager of the same mode."""
        return set_grad_enabled(self.mode)


class inference_mode(_GradMode):
    """As no_grad: Paddle has no tensors that are barred from autograd for good."""

    def __new__(cls, mode: Any = True) -> Any:  # noqa: D102
        self = super().__new__(cls)
        if isinstance(mode, bool):
            return self
        self.__init__()
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.inference = mode
        self.mode = False
        self.outside: list[bool] = []

    def __enter__(self) -> None:
        before = is_grad_enabled()
        super().__enter__()
        self.outside.append(is_inference_mode_enabled())
        _thread.inference = self.inference
        # inference_mode(False) leaves things as they are.
        if not self.inference:
            _set(before)

    def __exit__(self, *error: object) -> None:
        _thread.inference = self.outside.pop()
        super().__exit__(*error)

    def clone(self) -> _GradMode:
        """Another context manager of the same mode."""
        return inference_mode(self.inference)
