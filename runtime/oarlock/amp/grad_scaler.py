"""torch.amp.GradScaler: scales the loss so that small gradients survive half precision."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import Any

import paddle
from paddle import _C_ops

from oarlock.autograd.grad_mode import no_grad
from oarlock.optim.optimizer import grad_of
from oarlock.tensor import Tensor, plain, wrap


class OptState(Enum):
    """How far an optimizer has come in this iteration."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


class GradScaler:
    """Scale losses, unscale gradients, leave out steps with infinite gradients, adapt the scale.

    Args:
        device: the type of device, for which ``"cuda"`` without a GPU switches the scaler off.
        init_scale: the first scale.
        growth_factor: what the scale is multiplied by after ``growth_interval`` good steps.
        backoff_factor: what it is multiplied by after a step with infinite gradients.
        growth_interval: steps in a row without infinite gradients until the scale grows.
        enabled: a scaler that is not passes everything through.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda" and not paddle.device.is_compiled_with_cuda():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                stacklevel=2,
            )
            self._enabled = False
        if self._enabled:
            assert growth_factor > 1.0, "The growth factor must be > 1.0."
            assert backoff_factor < 1.0, "The backoff factor must be < 1.0."
            self._init_scale = init_scale
            self._scale: Any = None
            self._growth_factor = growth_factor
            self._backoff_factor = backoff_factor
            self._growth_interval = growth_interval
            self._init_growth_tracker = 0
            self._growth_tracker: Any = None
            self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def _check_scale(self, method: str) -> tuple[Any, Any]:
        advice = (
            "This may indicate your script did not use scaler.scale(loss or outputs) earlier in "
            "the iteration."
        )
        assert self._scale is not None, f"Attempted {method} but _scale is None.  {advice}"
        assert self._growth_tracker is not None, (
            f"Attempted {method} but _growth_tracker is None.  {advice}"
        )
        return self._scale, self._growth_tracker

    def _begin(self, place: Any) -> Tensor:
        scale = wrap(_C_ops.full([], self._init_scale, paddle.float32, place))
        tracker = _C_ops.full([], self._init_growth_tracker, paddle.int32, place)
        self._scale, self._growth_tracker = scale, wrap(tracker)
        return scale

    def scale(self, outputs: Any) -> Any:
        """Multiply a Tensor, or every one in nested iterables, by the scale.

        Raises:
            ValueError: something is neither.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            scale = self._scale
            if scale is None:
                scale = self._begin(plain(outputs).place)
            return outputs * scale.to(outputs.device)
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled  # type: ignore[call-arg]
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _unscale(self, optimizer: Any, inverse: float, allow_fp16: bool) -> dict[Any, Tensor]:
        """Multiply the gradients, and say for each device whether one was not finite."""
        finite: dict[str, list[paddle.Tensor]] = defaultdict(list)
        with no_grad():
            for group in optimizer.param_groups:
                for p in group["params"]:
                    assert isinstance(p, paddle.Tensor), (
                        f"expected param to be torch.Tensor, got {type(p).__name__}"
                    )
                    grad = grad_of(p)
                    if grad is None:
                        continue
                    if not allow_fp16 and grad.dtype is paddle.float16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    if inverse != 1.0:
                        _C_ops.scale_(grad, inverse, 0.0, True)
                    finite[str(grad.place)].append(_C_ops.all(_C_ops.isfinite(grad), [], False))
            found = {}
            for flags in finite.values():
                every = _C_ops.all(_C_ops.stack(flags, 0), [], False)
                missing = wrap(_C_ops.cast(_C_ops.logical_not(every), paddle.float32))
                found[missing.device] = missing
        return found

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, to clip or read them.

        Raises:
            RuntimeError: it was done already since the last ``update``.
            ValueError: a gradient is of float16.
        """
        if not self._enabled:
            return
        scale, _ = self._check_scale("unscale_")
        own = self._per_optimizer_states[id(optimizer)]
        if own["stage"] is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if own["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        own["found_inf_per_device"] = self._unscale(optimizer, 1.0 / scale.item(), False)
        own["stage"] = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Unscale, if that was not done, and step unless a gradient is infinite or NaN.

        Args:
            optimizer: whose step to take.
            args: arguments of the step.
            kwargs: keyword arguments of the step.

        Returns:
            What the step gave, or None.

        Raises:
            RuntimeError: it was called already since the last ``update``, or with a closure.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scale("step")
        own = self._per_optimizer_states[id(optimizer)]
        if own["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if own["stage"] is OptState.READY:
            self.unscale_(optimizer)
        found = own["found_inf_per_device"]
        assert found, "No inf checks were recorded for this optimizer."
        result = None
        if not any(flag.item() for flag in found.values()):
            result = optimizer.step(*args, **kwargs)
        own["stage"] = OptState.STEPPED
        return result

    def update(self, new_scale: Any = None) -> None:
        """Adapt the scale to what the steps since the last update found, or set it.

        Args:
            new_scale: a number, or a Tensor of one element.
        """
        if not self._enabled:
            return
        scale, tracker = self._check_scale("update")
        if new_scale is not None:
            if not isinstance(new_scale, float):
                is_fit = (
                    new_scale.device.type == self._device
                    and new_scale.numel() == 1
                    and not new_scale.requires_grad
                )
                assert is_fit, (
                    "new_scale should be a float or a 1-element torch.cuda.FloatTensor or "
                    "torch.FloatTensor with requires_grad=False."
                )
                new_scale = new_scale.item()
            self._fill(scale, new_scale)
        else:
            flags = [
                flag
                for own in self._per_optimizer_states.values()
                for flag in own["found_inf_per_device"].values()
            ]
            assert flags, "No inf checks were recorded prior to update."
            good = tracker.item() + 1
            if any(flag.item() for flag in flags):
                self._fill(scale, scale.item() * self._backoff_factor)
                good = 0
            elif good == self._growth_interval:
                grown = scale.item() * self._growth_factor
                # A scale past the largest number stays where it is.
                if grown <= 3.4028234663852886e38:
                    self._fill(scale, grown)
                good = 0
            self._fill(tracker, good)
        self._per_optimizer_states = defaultdict(_fresh)

    @staticmethod
    def _fill(x: Tensor, value: float) -> None:
        _C_ops.fill_(plain(x), value)

    def get_scale(self) -> float:
        """The scale; 1 where the scaler is not enabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """What the scale grows by."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale grows by."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale shrinks by."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale shrinks by."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many good steps it takes for the scale to grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set how many good steps it takes for the scale to grow."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        tracker = self._growth_tracker
        return self._init_growth_tracker if tracker is None else tracker.item()

    def is_enabled(self) -> bool:
        """Whether the scaler scales."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors, interval and the number of good steps; empty where not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave.

        Raises:
            RuntimeError: it is empty.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._scale is not None and self._growth_tracker is not None:
            self._fill(self._scale, self._init_scale)
            self._fill(self._growth_tracker, self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            assert not self._per_optimizer_states, (
                "A GradScaler instance may only be pickled at the beginning of an iteration, or at "
                "the end after scaler.update()."
            )
            state["_init_scale"] = self.get_scale()
            state["_init_growth_tracker"] = self._get_growth_tracker()
            state["_scale"] = state["_growth_tracker"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class CpuGradScaler(GradScaler):
    """``torch.cpu.amp.GradScaler``: deprecated in favour of ``torch.amp.GradScaler("cpu", …)``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        _deprecated("cpu")
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


class CudaGradScaler(GradScaler):
    """``torch.cuda.amp.GradScaler``: deprecated in favour of ``torch.amp.GradScaler("cuda", …)``."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        _deprecated("cuda")
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )


def _deprecated(device: str) -> None:
    warnings.warn(
        f"`torch.{device}.amp.GradScaler(args...)` is deprecated. Please use "
        f"`torch.amp.GradScaler('{device}', args...)` instead.",
        FutureWarning,
        stacklevel=3,
    )
