"""Which tile a call computes in: rows, keys, warps and pipeline stages, by architecture and features."""

from __future__ import annotations

from dataclasses import dataclass

from oarlock.kernels.attention.triton.tile_table import TABLE

DIRECTIONS = ("forward", "query_gradient", "key_value_gradients")
FEATURES = ("plain", "scored")
ARCHITECTURES = (80, 86, 90, 100, 120)
# Up to this head_dim dk and dv are summed in one pass: past it they don't fit the registers.
TOGETHER = 128
HEAD_DIMS = (32, 64, 96, 128, 192, 256)


@dataclass(frozen=True)
class Tile:
    """Rows (queries) and keys of a block, warps of a program, stages of its pipeline of loads."""

    rows: int
    keys: int
    warps: int
    stages: int

    def __str__(self) -> str:
        return f"{self.rows} x {self.keys}, {self.warps} warps, {self.stages} stages"


def parts(head_dim: int) -> tuple[int, int]:
    """Return the two powers of two that head_dim is computed in, the second 0 if one suffices.

    They add up to head_dim or little more: 192 is 128 and 64, not 256. Matrix products take 16
    dimensions at least.
    """
    low = max(16, 1 << (head_dim.bit_length() - 1))
    if head_dim <= low:
        return low, 0
    high = max(16, 1 << (head_dim - low - 1).bit_length())
    return (2 * low, 0) if high == low else (low, high)


def features(*, softcap: float, slopes: object, dropout_p: float) -> str:
    """Return what of a call decides its tile: "scored" takes more registers than "plain"."""
    return "scored" if softcap or slopes is not None or dropout_p else "plain"


def architecture(capability: tuple[int, int]) -> int:
    """Return the architecture of the table that serves a compute capability, such as 86 for (8, 9).

    Raises:
        ValueError: below sm_80, for which there are no tiles.
    """
    number = 10 * capability[0] + capability[1]
    if number < ARCHITECTURES[0]:
        raise ValueError(f"attention kernels run from sm_80 on, and this GPU is sm_{number}")
    return max(each for each in ARCHITECTURES if each <= number)


def tile(capability: tuple[int, int], head_dim: int, features: str, direction: str) -> Tile:
    """Return the tile of a call.

    Args:
        capability: the GPU's, (8, 0) or more.
        head_dim: up to 256.
        features: "plain" or "scored", see `features`.
        direction: one of `DIRECTIONS`.

    Raises:
        ValueError: a capability below (8, 0).
    """
    dims = sum(parts(head_dim))
    bucket = next(each for each in HEAD_DIMS if dims <= each)
    return Tile(*TABLE[architecture(capability), bucket, features, direction])
