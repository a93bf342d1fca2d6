"""A sample of the shipped tiles compiles without spills, for GPUs that are not here.

benchmarks/attention_kernels.py compiles all of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton.language")
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from attention_code import CASES, MATRIX, compile_code
from oarlock.kernels.attention.triton.tile_table import TABLE
from oarlock.kernels.attention.triton.tiles import (
    ARCHITECTURES,
    DIRECTIONS,
    FEATURES,
    HEAD_DIMS,
    Tile,
    architecture,
    parts,
    tile,
)
from report import RESULTS

# Every architecture, direction and kind of features, and most head_dims, in few compilations.
SAMPLE = [
    (80, 64, "plain", "forward", "bf16"),
    (86, 128, "plain", "query_gradient", "fp16"),
    (90, 64, "plain", "key_value_gradients", "bf16"),
    (90, 128, "scored", "forward", "fp16"),
    (100, 128, "plain", "query_gradient", "bf16"),
    (120, 64, "scored", "forward", "bf16"),
    (120, 192, "plain", "key_value_gradients", "fp16"),
]


@pytest.mark.parametrize("sample", SAMPLE, ids=str)
def test_no_stack_no_spills_matrix_instructions_and_shared_memory_that_fits(sample):
    sm, head_dim, features, direction, element = sample
    chosen = tile(divmod(sm, 10), head_dim, features, direction)
    case = next(iter(CASES[features].values()))
    code = compile_code(direction, sm, head_dim, case, chosen, element)
    assert code.problems(sm) == []
    assert any(name in code.instructions for name in MATRIX)


def test_two_tritons_compiled_every_tile_of_the_table_without_problems():
    results = json.loads((RESULTS / "attention_kernels.json").read_text("utf-8"))["results"]
    assert {"3.6.0", "3.9.0"} <= set(results)
    expected = {
        (sm, head_dim, direction, case, str(Tile(*numbers)))
        for (sm, head_dim, features, direction), numbers in TABLE.items()
        for case in CASES[features]
    }
    for version, rows in results.items():
        names = ("architecture", "head_dim", "kernel", "case", "tile")
        assert {tuple(row[name] for name in names) for row in rows} == expected, version
        assert [row for row in rows if row["problems"] or row["stack"]] == [], version


def test_every_architecture_head_dim_and_direction_has_a_tile():
    assert set(TABLE) == {
        (sm, dim, kind, direction)
        for sm in ARCHITECTURES
        for dim in HEAD_DIMS
        for kind in FEATURES
        for direction in DIRECTIONS
    }


def test_parts_hold_head_dim_and_waste_less_than_it():
    for head_dim in range(1, 257):
        low, high = parts(head_dim)
        assert head_dim <= low + high < max(17, 2 * head_dim), head_dim
        assert all(part & (part - 1) == 0 for part in (low, high)), head_dim
        assert tile((9, 0), head_dim, "plain", "forward")


@pytest.mark.parametrize(
    ("capability", "expected"), [((8, 0), 80), ((8, 9), 86), ((9, 0), 90), ((12, 1), 120)]
)
def test_other_gpus_take_the_tiles_of_the_one_before(capability, expected):
    assert architecture(capability) == expected


def test_gpus_below_sm_80_are_refused():
    with pytest.raises(ValueError, match="sm_75"):
        architecture((7, 5))
