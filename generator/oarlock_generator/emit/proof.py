"""Runs summed up for pages: how many examples, on what, and how near their tolerance they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oarlock_generator.evidence import Run
from oarlock_generator.model import DTYPES


@dataclass(frozen=True)
class Proof:
    """Some runs, at least one."""

    runs: tuple[Run, ...]

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Proof | None:
        """The proof that runs make; None where nothing was executed."""
        runs = tuple(runs)
        return cls(runs) if runs else None

    @property
    def examples(self) -> int:
        """How many examples were executed."""
        return len({run.example for run in self.runs})

    @property
    def dtypes(self) -> list[str]:
        """On which dtypes, the narrow ones first."""
        return sorted({run.dtype for run in self.runs}, key=DTYPES.index)

    @property
    def devices(self) -> list[str]:
        """On which devices."""
        return list(dict.fromkeys(run.device for run in self.runs))

    @property
    def holds(self) -> bool:
        """Whether every run stayed within its tolerance."""
        return all(run.error <= run.tolerance for run in self.runs)

    @property
    def errors(self) -> dict[str, str]:
        """Dtype to the largest error seen on it."""
        return {
            dtype: number(max(run.error for run in self.runs if run.dtype == dtype))
            for dtype in self.dtypes
        }

    @property
    def ratio(self) -> str:
        """The largest share of its tolerance that an error takes."""
        return f"{max(map(_ratio, self.runs)):.0%}"


def _ratio(run: Run) -> float:
    if run.tolerance:
        return run.error / run.tolerance
    return 0.0 if run.error == 0 else float("inf")


def number(value: float) -> str:
    """Two digits, as short as they can be written: 2.1e-7, 0.5, 0."""
    mantissa, _, exponent = f"{value:.2g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
