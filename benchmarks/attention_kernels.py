"""Compiles every shipped tile of the attention kernels, for all architectures, without a GPU.

Writes registers, stack, shared memory and instructions into results/attention_kernels.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

import triton

from attention_code import CASES, compile_code
from oarlock.kernels.attention.triton.tile_table import TABLE
from oarlock.kernels.attention.triton.tiles import ARCHITECTURES, HEAD_DIMS, Tile
from report import RESULTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architectures", type=int, nargs="*", default=list(ARCHITECTURES))
    parser.add_argument("--head-dims", type=int, nargs="*", default=list(HEAD_DIMS))
    options = parser.parse_args()
    rows, problems = [], 0
    for (sm, head_dim, features, direction), numbers in TABLE.items():
        if sm not in options.architectures or head_dim not in options.head_dims:
            continue
        for name, case in CASES[features].items():
            row = {
                "architecture": sm,
                "head_dim": head_dim,
                "case": name,
                "kernel": direction,
                "tile": str(Tile(*numbers)),
            }
            try:
                code = compile_code(direction, sm, head_dim, case, Tile(*numbers))
                row |= {**asdict(code), "problems": code.problems(sm)}
            except RuntimeError as error:
                row["problems"] = [f"{error}"[:200]]
            rows.append(row)
            if row["problems"]:
                problems += 1
                print(row, flush=True)
    path = RESULTS / "attention_kernels.json"
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    text = f'{{\n "triton": "{triton.__version__}",\n "results": [\n{lines}\n ]\n}}\n'
    path.write_text(text, encoding="utf-8")
    print(f"{len(rows)} kernels, {problems} with problems; written to {path}")


if __name__ == "__main__":
    main()
