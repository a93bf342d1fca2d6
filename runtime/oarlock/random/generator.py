"""torch.Generator, the default generators, and the functions that seed, save and restore them."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np
import paddle
from paddle.base import core

from oarlock.errors import UnsupportedError
from oarlock.random.engine import Engine
from oarlock.tensor.devices import CPU, as_device, place

_DEFAULT_SEED = 67280421310721


class Generator:
    """A source of random numbers: on the CPU torch's Mersenne Twister, with torch's numbers for a seed.

    A generator of a GPU is Paddle's there: a seed repeats its numbers, which are not torch's.

    Attributes:
        device: where its numbers are drawn.
        lock: held while numbers are drawn, so that threads may share a generator.

    Args:
        device: a device, or what names one; the CPU where it is None.

    Raises:
        UnsupportedError: Paddle has no such device here.
    """

    def __init__(self, device: Any = None) -> None:
        self.device = as_device(device) or CPU
        self.lock = RLock()
        self._engine: Engine | None = None
        if self.device.type != "cpu":
            place(self.device, "torch.Generator")
            self._seed = _DEFAULT_SEED
            self._gpu_state: Any = None
            return
        self._engine = Engine(_DEFAULT_SEED)

    @property
    def engine(self) -> Engine:
        """The twister of a generator of the CPU.

        Raises:
            RuntimeError: the generator is one of a GPU.
        """
        if self._engine is None:
            raise RuntimeError(
                f"Expected a 'cpu' device type for generator but found '{self.device.type}'"
            )
        return self._engine

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of a seed and return the generator.

        Args:
            seed: from -2**63 up to 2**64 - 1; a negative one counts from 2**64 downward.

        Raises:
            RuntimeError: the seed is no int.
            ValueError: it is out of range.
        """
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise RuntimeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        self._reseed(_checked(int(seed)))
        return self

    def seed(self) -> int:
        """Seed with a number from the operating system, and return it."""
        drawn = secrets.randbits(53)
        self._reseed(drawn)
        return drawn

    def initial_seed(self) -> int:
        """The seed last given."""
        return self._seed if self._engine is None else self._engine.seed

    def get_state(self) -> Any:
        """Return the state as a uint8 Tensor of 5,056 bytes, which torch's generator accepts as well.

        Raises:
            UnsupportedError: the generator is one of a GPU; Paddle does not give its state as numbers.
        """
        from oarlock.random.results import to_tensor

        return to_tensor(self._own_engine("get_state").state())

    def set_state(self, new_state: Any) -> Generator:
        """Continue from a state as `get_state` gives it, or as torch's generator does.

        Returns:
            The generator itself.

        Raises:
            TypeError: it is no uint8 tensor.
            RuntimeError: its size or its contents are not those of a state.
        """
        engine = self._own_engine("set_state")
        if not isinstance(new_state, paddle.Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(new_state).__name__}")
        from oarlock.tensor.core import plain

        state = plain(new_state)
        if state.dtype is not paddle.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        with self.lock:
            engine.restore(np.ascontiguousarray(state.numpy()))
        return self

    def clone_state(self) -> Generator:
        """Return a new generator that continues as this one does."""
        other = Generator(self.device)
        with self.lock:
            other._own_engine("clone_state").restore(self._own_engine("clone_state").state())
        return other

    graphsafe_get_state = clone_state

    def graphsafe_set_state(self, state: Generator) -> None:
        """Continue as another generator does."""
        with self.lock:
            self._own_engine("set_state").restore(state._own_engine("get_state").state())

    def get_offset(self) -> int:
        """Not for a generator of the CPU, whose position is no offset.

        Raises:
            RuntimeError: always on the CPU, as in torch.
            UnsupportedError: on a GPU.
        """
        self._own_engine("get_offset")
        raise RuntimeError("CPU Generator does not use offset")

    def set_offset(self, offset: int) -> None:
        """Not for a generator of the CPU; see `get_offset`."""
        self._own_engine("set_offset")
        raise RuntimeError("CPU Generator does not use offset")

    def __reduce__(self) -> tuple[Any, ...]:
        if self._engine is None:
            return _restored, (self.device, None, self._seed)
        return _restored, (self.device, self._engine.state(), None)

    def _reseed(self, seed: int) -> None:
        with self.lock:
            if self._engine is not None:
                self._engine.reseed(seed)
                return
            self._seed, self._gpu_state = seed, None

    def _own_engine(self, method: str) -> Engine:
        if self._engine is None:
            raise UnsupportedError(
                api=f"torch.Generator.{method}",
                given=f"a generator of {self.device}",
                reason="Paddle keeps the state of a GPU's generator to itself",
                advice="Seed it with manual_seed, or draw on the CPU",
            )
        return self._engine

    @contextmanager
    def in_paddle(self) -> Iterator[None]:
        """Let Paddle's generator of this GPU continue this one's stream for the time of the block."""
        with self.lock:
            index = place(self.device).gpu_device_id()
            paddles = core.default_cuda_generator(index)
            kept = paddles.get_state()
            try:
                if self._gpu_state is None:
                    paddles.manual_seed(self._seed)
                else:
                    paddles.set_state(self._gpu_state)
                yield
                self._gpu_state = paddles.get_state()
            finally:
                paddles.set_state(kept)


def _restored(device: Any, state: np.ndarray | None, seed: int | None) -> Generator:
    made = Generator(device)
    if state is None:
        return made.manual_seed(seed or 0)
    made.engine.restore(state)
    return made


def _checked(seed: int) -> int:
    if not -(2**63) <= seed < 2**64:
        raise ValueError("Overflow when unpacking long long")
    return seed % 2**64


default_generator = Generator()
default_generator.seed()


def chosen(generator: Generator | None) -> Generator:
    """The generator that an argument means: itself, or the default one of the CPU.

    Raises:
        TypeError: it is no generator.
    """
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(
            f"argument 'generator' must be torch.Generator, not {type(generator).__name__}"
        )
    return generator


def manual_seed(seed: Any) -> Generator:
    """Seed the default generator of the CPU, and Paddle's own generators with it, and return the former.

    Draws on the CPU then repeat torch's for that seed; those on a GPU are Paddle's and repeat themselves.

    Args:
        seed: what ``int()`` takes, from -2**63 up to 2**64 - 1.

    Raises:
        ValueError: the seed is out of range.
    """
    number = _checked(int(seed))
    paddle.seed(number)
    return default_generator.manual_seed(number)


def seed() -> int:
    """Seed all default generators with a number from the operating system, and return it."""
    drawn = default_generator.seed()
    paddle.seed(drawn)
    return drawn


def initial_seed() -> int:
    """The seed that the default generator of the CPU was last given."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """Return the default CPU generator's state, a uint8 Tensor of 5,056 bytes laid out as torch's."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Let the default CPU generator continue from a state; one saved by torch serves as well.

    Raises:
        TypeError: it is no uint8 tensor.
        RuntimeError: its size or its contents are not those of a state.
    """
    default_generator.set_state(new_state)


_told_of_many_devices = False


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str | None = None,
) -> Iterator[None]:
    """Run a block, then let the default generators continue as if it had drawn nothing.

    Args:
        devices: numbers of the GPUs whose generators are kept beside the CPU's; None means all.
        enabled: False makes the block an ordinary one.
        _caller, _devices_kw: names for the warning about several GPUs.
        device_type: "cuda" or None; for "meta" nothing is kept.
    """
    global _told_of_many_devices
    if not enabled or device_type == "meta":
        yield
        return
    count = paddle.device.cuda.device_count() if paddle.device.is_compiled_with_cuda() else 0
    if devices is None:
        if count > 1 and not _told_of_many_devices:
            warnings.warn(
                f"{_caller} keeps the generators of all {count} GPUs; name the ones that are used "
                f"with {_devices_kw} to keep only those",
                stacklevel=3,
            )
            _told_of_many_devices = True
        devices = range(count)
    indices = [d if isinstance(d, int) else as_device(d).index or 0 for d in devices]  # type: ignore[union-attr]
    kept = default_generator.engine.state()
    kept_gpu = [(i, core.default_cuda_generator(i).get_state()) for i in indices]
    try:
        yield
    finally:
        with default_generator.lock:
            default_generator.engine.restore(kept)
        for i, state in kept_gpu:
            core.default_cuda_generator(i).set_state(state)
