"""torch.profiler.profile: its steps and its schedule. What it would have measured is refused.

Paddle's operations are others than torch's, so a table of theirs would not be torch's profile;
paddle.profiler makes one of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NoReturn

import paddle

from oarlock.errors import UnsupportedError


class ProfilerActivity(Enum):
    """What is profiled."""

    CPU = 0
    XPU = 1
    CUDA = 2
    MTIA = 4
    HPU = 5
    PrivateUse1 = 6


class ProfilerAction(Enum):
    """What a profiler does at a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3
    DEVICE_STOPPED = 4


def supported_activities() -> set[ProfilerActivity]:
    """The CPU, and CUDA where this Paddle was built for it."""
    found = {ProfilerActivity.CPU}
    return found | {ProfilerActivity.CUDA} if paddle.device.is_compiled_with_cuda() else found


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """Return the function that says what is done at each step.

    Args:
        wait: steps of each cycle that nothing is done in.
        warmup: steps that follow, whose measurements are not kept.
        active: steps that follow, which are recorded; the last is saved.
        repeat: how many cycles there are; 0: no end.
        skip_first: steps before the first cycle.
        skip_first_wait: whether the first cycle begins without waiting, where not 0.

    Raises:
        AssertionError: a number is negative, or nothing is recorded.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} "
            f"(need >= 0), active={active} (need > 0), repeat={repeat} (need >= 0), "
            f"skip_first={skip_first} (need >= 0)."
        )
    if not warmup:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results", stacklevel=2
        )
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        place = step % length
        if place < wait or (repeat and step >= repeat * length):
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


_SAVED = ProfilerAction.RECORD_AND_SAVE


class profile:
    """A block that torch would profile, by the steps of a schedule.

    Args:
        activities: what is profiled.
        schedule: what is done at each step; everything is recorded where left out.
        on_trace_ready: called with this object whenever a recording is complete.
        use_cuda: an old name for the activity CUDA, with a FutureWarning.

    All other arguments say what torch would measure, and are of no effect.

    Raises:
        AssertionError: there is no activity.
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
        post_processing_timeout_s: float | None = None,
    ) -> None:
        chosen = set(supported_activities() if activities is None else activities)
        if use_cuda is not None:
            warnings.warn(
                "`use_cuda` is deprecated, use `activities` argument instead",
                FutureWarning,
                stacklevel=2,
            )
            (chosen.add if use_cuda else chosen.discard)(ProfilerActivity.CUDA)
        if not chosen:
            raise AssertionError("No valid profiler activities found")
        self.activities = chosen
        self.schedule = schedule or _always
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = self.schedule(0)

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.stop()

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End; what is recorded so far is complete."""
        if self.current_action in (ProfilerAction.RECORD, _SAVED):
            self._ready()

    def step(self) -> None:
        """Say that a step of the training is done."""
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        if before is _SAVED:
            self._ready()

    def _ready(self) -> None:
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def add_metadata(self, key: str, value: str) -> None:
        """Do nothing: there is no trace to add to."""

    def add_metadata_json(self, key: str, value: str) -> None:
        """Do nothing: there is no trace to add to."""

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **kwargs: Any
    ) -> NoReturn:
        """Refuse: nothing was measured."""
        raise refused("profile.key_averages")

    def events(self) -> NoReturn:
        """Refuse: nothing was measured."""
        raise refused("profile.events")

    def export_chrome_trace(self, path: str, **kwargs: Any) -> NoReturn:
        """Refuse: nothing was measured."""
        raise refused("profile.export_chrome_trace")

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> NoReturn:
        """Refuse: nothing was measured."""
        raise refused("profile.export_stacks")

    def export_memory_timeline(self, path: str, device: str | None = None) -> NoReturn:
        """Refuse: nothing was measured."""
        raise refused("profile.export_memory_timeline")


def refused(name: str) -> UnsupportedError:
    """The error of what asks for measurements."""
    return UnsupportedError(
        api=f"torch.profiler.{name}",
        reason="Paddle's operations are others than torch's, and Oarlock measures none",
        advice="Profile with paddle.profiler.Profiler around the same code",
    )


def tensorboard_trace_handler(
    dir_name: str,
    worker_name: str | None = None,
    use_gzip: bool = False,
    use_python_export: bool = False,
) -> Callable[[Any], None]:
    """Return a function for ``on_trace_ready``, which raises UnsupportedError when it is called."""

    def handle(prof: Any) -> None:
        raise refused("tensorboard_trace_handler")

    return handle


class legacy_profile(profile):
    """torch.autograd.profiler.profile: a block that torch would profile.

    Args:
        enabled: whether anything would be measured.

    All other arguments say what, and are of no effect.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: Any = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Any = None,
        post_processing_timeout_s: float | None = None,
        activity_filters: Any = None,
    ) -> None:
        super().__init__()
        self.enabled = enabled
