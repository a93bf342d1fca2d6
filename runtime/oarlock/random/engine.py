"""The Mersenne Twister as torch's CPU generator consumes it: 32-bit words, pairs of words, and its byte state."""

from __future__ import annotations

import numpy as np

# The layout of torch.get_rng_state() on the CPU: the state of an older generator, extended.
_LAYOUT = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("words", "<u8", (624,)),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("padding", "<i4"),
        ("float_normal", "<f4"),
        ("float_normal_is_valid", "<u4"),
    ]
)
STATE_SIZE = _LAYOUT.itemsize
_WORDS = 624


class Engine:
    """MT19937 (Matsumoto and Nishimura, 1998), drawn from in whole blocks.

    A draw of n words advances the stream as n single calls would, so calls of any sizes interleave.

    Attributes:
        seed: the seed last given, as an unsigned 64-bit number; the twister uses its lower 32 bits.
        spare_normal: the second of the last pair of normal numbers, kept for the next draw of one, or None.
    """

    __slots__ = ("_source", "_twister", "_untouched", "seed", "spare_normal")

    def __init__(self, seed: int) -> None:
        self._twister = np.random.MT19937(0)
        self._source = np.random.Generator(self._twister)
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the stream of ``seed``, taken modulo 2**64."""
        self.seed = seed & 0xFFFFFFFFFFFFFFFF
        self.spare_normal: float | None = None
        start = np.random.RandomState(self.seed & 0xFFFFFFFF).get_state(legacy=False)
        self._set(start["state"]["key"], _WORDS)
        self._untouched = True

    def words(self, count: int) -> np.ndarray:
        """Return the next ``count`` 32-bit numbers, as uint32."""
        if count:
            self._untouched = False
        if count < 1000:
            # Less to set up, but two casts.
            return self._twister.random_raw(count).astype(np.uint32)
        # A full range of uint32 is the twister's output as it comes, with no rejection.
        return self._source.integers(0, 0xFFFFFFFF, count, dtype=np.uint32, endpoint=True)

    def long_words(self, count: int) -> np.ndarray:
        """Return the next ``count`` 64-bit numbers, each of two words, the upper half first, as uint64."""
        pairs = self.words(2 * count).view(np.uint64)
        if np.little_endian:
            pairs = (pairs << np.uint64(32)) | (pairs >> np.uint64(32))
        return pairs

    def state(self) -> np.ndarray:
        """Return the state as 5,056 bytes (uint8), laid out as ``torch.get_rng_state()``."""
        words, position = self._get()
        record = np.zeros((), _LAYOUT)
        record["seed"] = self.seed
        record["left"] = 1 if self._untouched else _WORDS + 1 - position
        record["seeded"] = 1
        record["next"] = 0 if self._untouched else position
        record["words"] = words
        if self.spare_normal is not None:
            record["normal_y"] = self.spare_normal
            record["normal_is_valid"] = 1
        return np.frombuffer(record.tobytes(), np.uint8).copy()

    def restore(self, state: np.ndarray) -> None:
        """Continue from a state as `state` or torch's CPU generator gives it.

        Raises:
            RuntimeError: the size is another, or the numbers are not those of a Mersenne Twister.
        """
        if state.size != STATE_SIZE:
            raise RuntimeError(
                f"Expected a CPUGeneratorImplState of size {STATE_SIZE} but found the input RNG "
                f"state size to be {state.size}"
            )
        record = np.frombuffer(state.tobytes(), _LAYOUT)[0]
        left, position = int(record["left"]), int(record["next"])
        untouched = left == 1 and position == 0
        if record["seeded"] != 1 or not (untouched or left + position == _WORDS + 1) or left < 1:
            raise RuntimeError("Invalid mt19937 state")
        self.seed = int(record["seed"])
        self._set(record["words"].astype(np.uint32), _WORDS if untouched else position)
        self._untouched = untouched
        self.spare_normal = float(record["normal_y"]) if record["normal_is_valid"] else None

    def _get(self) -> tuple[np.ndarray, int]:
        inner = self._twister.state["state"]
        return inner["key"], int(inner["pos"])

    def _set(self, words: np.ndarray, position: int) -> None:
        self._twister.state = {
            "bit_generator": "MT19937",
            "state": {"key": words, "pos": position},
        }
