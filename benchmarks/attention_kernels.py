"""Compiles every shipped tile of the attention kernels, for all architectures, without a GPU.

Writes registers, stack, shared memory and instructions into results/attention_kernels.json, beside
what other Tritons made of them: run it once with each.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

import triton

from attention_code import CASES, compile_code
from oarlock.kernels.attention.triton.tile_table import TABLE
from oarlock.kernels.attention.triton.tiles import ARCHITECTURES, HEAD_DIMS, Tile
from report import RESULTS

PATH = RESULTS / "attention_kernels.json"


def write(rows: list[dict[str, Any]]) -> None:
    """Put the rows of this Triton into the results, one a line."""
    results = json.loads(PATH.read_text("utf-8"))["results"] if PATH.exists() else {}
    results[triton.__version__] = rows
    parts = []
    for version, each in sorted(results.items()):
        lines = ",\n".join(f"  {json.dumps(row)}" for row in each)
        parts.append(f' "{version}": [\n{lines}\n ]')
    PATH.write_text('{"results": {\n' + ",\n".join(parts) + "\n}}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", type=int, nargs="*", default=list(ARCHITECTURES))
    parser.add_argument("--head-dims", type=int, nargs="*", default=list(HEAD_DIMS))
    options = parser.parse_args()
    rows = []
    for (sm, head_dim, features, direction), numbers in TABLE.items():
        if sm not in options.architectures or head_dim not in options.head_dims:
            continue
        tile = Tile(*numbers)
        for name, case in CASES[features].items():
            row: dict[str, Any] = {"architecture": sm, "head_dim": head_dim, "case": name}
            row |= {"kernel": direction, "tile": str(tile)}
            try:
                code = compile_code(direction, sm, head_dim, case, tile)
                row |= {**asdict(code), "problems": code.problems(sm)}
            except RuntimeError as error:
                row["problems"] = [f"{error}"[:200]]
            rows.append(row)
            if row["problems"]:
                print(row, flush=True)
    found = sum(bool(row["problems"]) for row in rows)
    print(f"{len(rows)} kernels by Triton {triton.__version__}, {found} with problems")
    if {*options.architectures} == {*ARCHITECTURES} and {*options.head_dims} == {*HEAD_DIMS}:
        write(rows)
        print(f"written to {PATH}")


if __name__ == "__main__":
    main()
