"""Finds the tiles of the attention kernels: by compiling alone, or by timing what compiles cleanly.

    python benchmarks/tune_attention.py --offline      # no GPU: the first clean tile of each list
    python benchmarks/tune_attention.py                # on a GPU: the fastest clean tile

Clean is a tile that `attention_code.Code.problems` has nothing against in any case of its features,
with this Triton and, by --also, with those of other Python environments. The result is written to
runtime/oarlock/kernels/attention/triton/tile_table.py; entries of other architectures stay.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

from attention_code import CASES, SHARED_MEMORY, Code, compile_code
from oarlock.kernels.attention.triton.tile_table import TABLE
from oarlock.kernels.attention.triton.tiles import (
    ARCHITECTURES,
    DIRECTIONS,
    FEATURES,
    HEAD_DIMS,
    Tile,
)

TABLE_FILE = (
    Path(__file__).resolve().parent.parent
    / "runtime/oarlock/kernels/attention/triton/tile_table.py"
)

# Tiles worth trying by direction and the largest head_dim they suit, in the order in which we would
# choose without timing them: as much work per loaded byte as fits the registers, and four warps
# where two blocks then share a multiprocessor, so that one multiplies while the other exponentiates.
# A warp takes 16 rows of what is held (rows, or keys for dk and dv): with fewer, warps would repeat
# each other's work. Where what is held is shorter than what passes by, warps part the sums by
# head_dim instead: a quarter of the registers, at more traffic. Such tiles come last.
CANDIDATES: dict[str, dict[int, list[tuple[int, int, int, int]]]] = {
    "forward": {
        64: [
            (128, 64, 4, 3),
            (128, 64, 4, 2),
            (128, 128, 8, 2),
            (128, 64, 8, 3),
            (128, 64, 8, 2),
            (64, 64, 4, 3),
            (64, 64, 4, 2),
            (64, 32, 4, 2),
            (64, 32, 4, 1),
        ],
        128: [
            (128, 128, 8, 2),
            (128, 64, 8, 3),
            (128, 64, 8, 2),
            (64, 64, 4, 3),
            (64, 64, 4, 2),
            (128, 32, 8, 2),
            (64, 32, 4, 2),
            (64, 32, 4, 1),
        ],
        256: [
            (128, 64, 8, 2),
            (128, 64, 8, 1),
            (64, 64, 4, 2),
            (128, 32, 8, 2),
            (64, 32, 4, 2),
            (128, 32, 8, 1),
            (64, 32, 4, 1),
            (64, 16, 4, 1),
            (32, 32, 2, 1),
            (32, 16, 2, 1),
            (16, 64, 4, 1),
            (16, 32, 2, 1),
            (16, 64, 8, 1),
            (16, 32, 4, 1),
        ],
    },
    "query_gradient": {
        64: [
            (128, 64, 8, 3),
            (128, 64, 8, 2),
            (64, 64, 4, 3),
            (64, 64, 4, 2),
            (64, 32, 4, 2),
            (64, 32, 4, 1),
        ],
        128: [
            (128, 64, 8, 2),
            (64, 64, 4, 2),
            (128, 32, 8, 2),
            (64, 32, 4, 2),
            (128, 32, 8, 1),
            (64, 32, 4, 1),
            (64, 16, 4, 1),
        ],
        256: [
            (128, 32, 8, 2),
            (128, 32, 8, 1),
            (64, 32, 4, 2),
            (64, 32, 4, 1),
            (128, 16, 8, 1),
            (64, 16, 4, 1),
            (32, 32, 2, 1),
            (32, 16, 2, 1),
            (16, 64, 4, 1),
            (16, 32, 2, 1),
            (16, 64, 8, 1),
            (16, 32, 4, 1),
        ],
    },
    "key_value_gradients": {
        64: [
            (64, 128, 8, 2),
            (32, 128, 8, 3),
            (32, 128, 8, 2),
            (64, 64, 4, 2),
            (32, 64, 4, 2),
            (64, 128, 8, 1),
            (32, 128, 8, 1),
            (32, 64, 4, 1),
            (16, 128, 8, 2),
            (16, 64, 4, 2),
            (16, 64, 4, 1),
            (64, 32, 4, 1),
            (64, 16, 4, 1),
            (32, 16, 4, 1),
            (64, 16, 8, 1),
            (32, 16, 2, 1),
        ],
        128: [
            (64, 128, 8, 2),
            (32, 128, 8, 2),
            (32, 64, 4, 2),
            (32, 128, 8, 1),
            (16, 128, 8, 2),
            (32, 64, 4, 1),
            (16, 64, 4, 2),
            (16, 128, 8, 1),
            (16, 64, 4, 1),
            (32, 32, 2, 1),
            (16, 32, 2, 1),
            (64, 32, 4, 1),
            (64, 16, 4, 1),
            (32, 16, 4, 1),
            (64, 16, 8, 1),
            (32, 16, 2, 1),
        ],
        256: [
            (32, 128, 8, 2),
            (32, 64, 4, 2),
            (32, 128, 8, 1),
            (32, 64, 4, 1),
            (16, 128, 8, 2),
            (16, 64, 4, 2),
            (16, 128, 8, 1),
            (16, 64, 4, 1),
            (16, 32, 2, 1),
            (64, 32, 8, 1),
            (64, 16, 4, 1),
            (32, 16, 4, 1),
            (64, 16, 8, 1),
            (32, 16, 2, 1),
            (32, 16, 8, 1),
        ],
    },
}

# What is shipped only where nothing else is clean.
SLOWER = "HMMA instead of HGMMA"

Compile = Callable[[str, int, int, dict[str, bool], Tile], list[str]]


def candidates(direction: str, architecture: int, head_dim: int) -> Iterator[Tile]:
    """Yield the tiles worth compiling, without those that can't fit into shared memory."""
    largest = next(each for each in CANDIDATES[direction] if head_dim <= each)
    for candidate in CANDIDATES[direction][largest]:
        tile = Tile(*candidate)
        if direction == "key_value_gradients":
            held, streamed = 2 * tile.keys, 2 * tile.rows
        else:
            held, streamed = (1 + (direction != "forward")) * tile.rows, 2 * tile.keys
        # What is held may stay in registers, and the last stage of a pipeline needs no memory.
        least = 2 * head_dim * streamed * max(1, tile.stages - 1)
        if least <= SHARED_MEMORY[architecture] and held:
            yield tile


def problems_here(
    direction: str, architecture: int, head_dim: int, case: dict[str, bool], tile: Tile
) -> list[str]:
    """Compile with this environment's Triton and say what is wrong with the code."""
    try:
        code: Code = compile_code(direction, architecture, head_dim, case, tile)
    except (RuntimeError, ValueError, AssertionError) as error:
        return [f"{type(error).__name__}: {error}"[:200]]
    return code.problems(architecture) + [SLOWER] * code.is_slower(architecture)


class Elsewhere:
    """Compiles with the Triton of another Python environment, in one process for all."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(
        self, direction: str, architecture: int, head_dim: int, case: dict[str, bool], tile: Tile
    ) -> list[str]:
        assert self._process.stdin
        assert self._process.stdout
        request = [direction, architecture, head_dim, case, astuple(tile)]
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def serve() -> None:
    """Answer requests of `Elsewhere` until there are no more."""
    for line in sys.stdin:
        direction, architecture, head_dim, case, tile = json.loads(line)
        print(json.dumps(problems_here(direction, architecture, head_dim, case, Tile(*tile))))
        sys.stdout.flush()


def clean_tiles(
    direction: str, architecture: int, head_dim: int, features: str, compilers: list[Compile]
) -> Iterator[Tile]:
    """Yield the tiles that no compiler has anything against, in the order of `CANDIDATES`.

    Those that are `SLOWER` come last.
    """
    # What needs the most registers comes last there.
    tries = [(compiler, case) for compiler in compilers for case in CASES[features].values()][::-1]
    slower = []
    for tile in candidates(direction, architecture, head_dim):
        found: set[str] = set()
        for compiler, case in tries:
            found.update(compiler(direction, architecture, head_dim, case, tile))
            if found - {SLOWER}:
                break
        else:
            if found:
                slower.append(tile)
            else:
                yield tile
    yield from slower


def write_table(table: dict[tuple[int, int, str, str], tuple[int, int, int, int]]) -> None:
    """Write the table as a module, sorted."""
    order = {name: index for index, name in enumerate((*FEATURES, *DIRECTIONS))}
    lines = [
        '"""Tiles by architecture, head_dim, features and direction: (rows, keys, warps, stages).',
        "",
        "Written by benchmarks/tune_attention.py.",
        '"""',
        "",
        "TABLE: dict[tuple[int, int, str, str], tuple[int, int, int, int]] = {",
    ]
    for key in sorted(table, key=lambda key: (*key[:2], order[key[2]], order[key[3]])):
        architecture, head_dim, features, direction = key
        lines.append(
            f'    ({architecture}, {head_dim}, "{features}", "{direction}"): {table[key]},'
        )
    TABLE_FILE.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--offline", action="store_true", help="compile only, for all architectures"
    )
    parser.add_argument("--architectures", type=int, nargs="*", default=list(ARCHITECTURES))
    parser.add_argument("--head-dims", type=int, nargs="*", default=list(HEAD_DIMS))
    parser.add_argument("--directions", nargs="*", default=list(DIRECTIONS))
    parser.add_argument("--also", nargs="*", default=[], metavar="PYTHON", help="other Tritons")
    parser.add_argument("--missing", action="store_true", help="only what the table lacks")
    parser.add_argument("--json", type=Path, help="write the tiles found here, not the table")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    compilers: list[Compile] = [problems_here, *map(Elsewhere, options.also)]
    architectures, timer = options.architectures, None
    if not options.offline:
        from attention import Timer

        timer = Timer()
        architectures = [timer.architecture]
    found: dict[Any, tuple[int, int, int, int]] = {}
    for architecture in architectures:
        for head_dim in options.head_dims:
            for features in FEATURES:
                for direction in options.directions:
                    key = (architecture, head_dim, features, direction)
                    if options.missing and key in TABLE:
                        continue
                    clean = clean_tiles(direction, architecture, head_dim, features, compilers)
                    if timer is None:
                        tile = next(clean, None)
                    else:
                        tile = timer.fastest(direction, head_dim, features, clean)
                    print(
                        f"sm_{architecture} {head_dim} {features} {direction}: {tile}", flush=True
                    )
                    if tile is not None:
                        found[key] = (tile.rows, tile.keys, tile.warps, tile.stages)
                    if options.json:
                        rows = [[*key, *tile] for key, tile in found.items()]
                        options.json.write_text(json.dumps(rows), encoding="utf-8")
    if not options.json:
        write_table({**TABLE, **found})


if __name__ == "__main__":
    main()
