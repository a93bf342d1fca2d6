"""Anomaly detection: a backward pass in which an operation gives NaN is an error."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import paddle

from oarlock.autograd.failures import remembering
from oarlock.tensor.grad_nodes import torch_name


class _State:
    enabled = False
    check_nan = True


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return _State.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether it looks for NaN where it is on."""
    return _State.check_nan


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switch anomaly detection on or off."""
    _State.enabled, _State.check_nan = bool(enabled), bool(check_nan)


class set_detect_anomaly:
    """Switch anomaly detection on or off at once; as a context manager, until its end.

    Args:
        mode: whether it is on.
        check_nan: whether an operation that gives NaN in a backward pass is a RuntimeError.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.prev, self.prev_check_nan = _State.enabled, _State.check_nan
        set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        """Do nothing: it is on already."""

    def __exit__(self, *_: object) -> None:
        set_anomaly_enabled(self.prev, self.prev_check_nan)


class detect_anomaly:
    """A block in which an operation that gives NaN in a backward pass is a RuntimeError.

    Args:
        check_nan: whether NaN is looked for.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.prev, self.prev_check_nan = _State.enabled, _State.check_nan
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        set_anomaly_enabled(True, self.check_nan)

    def __exit__(self, *_: object) -> None:
        set_anomaly_enabled(self.prev, self.prev_check_nan)


class Watch:
    """Looks at what each operation of a pass gives, where anomaly detection asks for it.

    Args:
        outputs: where the pass starts.
        stops: whether NaN ends the pass at once. Paddle does not recover where ``paddle.grad`` is
            ended so; there `finish` raises.
    """

    def __init__(self, outputs: Sequence[paddle.Tensor], stops: bool) -> None:
        self._stops = stops
        self._error: RuntimeError | None = None
        self._handles: list[Any] = []
        if _State.enabled and _State.check_nan:
            self._attach([(x.grad_fn, x.ndim) for x in outputs])

    def _attach(self, waiting: list[Any]) -> None:
        seen: set[Any] = set()
        while waiting:
            node, ndim = waiting.pop()
            # Gradients of leaves are not given by an operation.
            if node is None or node in seen or node.name() == "GradNodeAccumulation":
                continue
            seen.add(node)
            name = torch_name(node.name(), ndim) or node.name()
            self._handles.append(node._register_post_hook(remembering(self._check_of(name))))
            waiting.extend((following, ndim) for following in node.next_functions)

    def _check_of(self, name: str) -> Any:
        def check(given: Any, _: Any) -> Any:
            flat = [g for one in given for g in (one if isinstance(one, (list, tuple)) else [one])]
            for place, g in enumerate(flat):
                if self._error is None and g is not None and _has_nan(g):
                    self._error = RuntimeError(
                        f"Function '{name}' returned nan values in its {place}th output."
                    )
                    if self._stops:
                        raise self._error
            return given

        return check

    def finish(self) -> None:
        """Raise what was found.

        Raises:
            RuntimeError: an operation gave NaN.
        """
        if self._error is not None:
            raise self._error

    def remove(self) -> None:
        """Look no further."""
        for handle in self._handles:
            handle.remove()


def _has_nan(g: paddle.Tensor) -> bool:
    if not g._is_initialized() or not (g.is_floating_point() or g.is_complex()):
        return False
    return bool(paddle.isnan(g.detach()).any())
