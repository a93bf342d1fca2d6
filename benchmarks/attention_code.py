"""What attention kernels compile to, without a GPU: registers, stack, shared memory, instructions."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kernels_without_paddle import attention_kernels

attention_kernels()

import triton  # noqa: E402

from oarlock.kernels.attention.triton import backward, forward  # noqa: E402
from oarlock.kernels.attention.triton.tiles import TOGETHER, Tile, parts  # noqa: E402
from oarlock.kernels.compilation import Signature  # noqa: E402

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"
# Shared memory that one block can have, in KiB less the one that the system keeps (CUDA C++
# Programming Guide, technical specifications per compute capability).
SHARED_MEMORY = {80: 163 << 10, 86: 99 << 10, 90: 227 << 10, 100: 227 << 10, 120: 99 << 10}
# Matrix instructions by architecture; sm_100's are its tensor memory's.
MATRIX = ("HMMA", "HGMMA", "UTCHMMA", "UTCQMMA")
COUNTED = (*MATRIX, "LDGSTS", "UTMALDG", "MUFU.EX2", "MUFU.TANH", "STL", "LDL")

KERNELS: dict[str, Any] = {
    "forward": forward.forward,
    "query_gradient": backward.query_gradient,
    "key_value_gradients": backward.key_value_gradients,
}
_NONE = {
    "PACKED": False,
    "HAS_LEFT": False,
    "HAS_RIGHT": False,
    "CAUSAL": False,
    "HAS_SOFTCAP": False,
    "HAS_SLOPES": False,
    "HAS_DROPOUT": False,
    "SEED_IN_MEMORY": False,
}
# What calls compile most often, and what takes the most registers of each kind of features.
CASES: dict[str, dict[str, dict[str, bool]]] = {
    "plain": {
        "causal": {"HAS_RIGHT": True, "CAUSAL": True},
        "window, packed": {"HAS_LEFT": True, "HAS_RIGHT": True, "PACKED": True},
    },
    "scored": {
        "window, softcap, ALiBi, packed": {
            "HAS_LEFT": True,
            "HAS_RIGHT": True,
            "HAS_SOFTCAP": True,
            "HAS_SLOPES": True,
            "PACKED": True,
        },
        "window, ALiBi, dropout, packed": {
            "HAS_LEFT": True,
            "HAS_RIGHT": True,
            "HAS_SLOPES": True,
            "HAS_DROPOUT": True,
            "PACKED": True,
        },
    },
}
_ELEMENTS = {"q", "k", "v", "out", "dout", "dq", "dk", "dv"}
_FLOATS = {"scale", "softcap", "dropout_p"}


@dataclass(frozen=True)
class Code:
    """Machine code of one kernel.

    Attributes:
        registers: of a thread.
        stack: bytes of a thread's stack, 0 where nothing is spilled.
        shared: bytes of shared memory of a block.
        instructions: how many of each of `COUNTED` there are, without zeros.
    """

    registers: int
    stack: int
    shared: int
    instructions: dict[str, int]

    def problems(self, architecture: int) -> list[str]:
        """Say what keeps it from being shipped; an empty list if nothing does."""
        found = []
        if self.stack or self.instructions.get("STL") or self.instructions.get("LDL"):
            found.append(f"spills: {self.stack} bytes of stack")
        if self.shared > SHARED_MEMORY[architecture]:
            found.append(f"{self.shared} bytes of shared memory")
        matrix = [name for name in MATRIX if name in self.instructions]
        if not matrix:
            found.append("no matrix instructions")
        return found

    def is_slower(self, architecture: int) -> bool:
        """Whether sm_90 multiplies by the instructions of sm_80, which are slower than its own."""
        return architecture == 90 and "HGMMA" not in self.instructions


def compile_code(
    direction: str,
    architecture: int,
    head_dim: int,
    case: dict[str, bool],
    tile: Tile,
    element: str = "bf16",
) -> Code:
    """Compile a kernel for tensors whose addresses and strides are multiples of 16."""
    kernel = KERNELS[direction]
    low, high = parts(head_dim)
    constants = {
        **_NONE,
        **case,
        "ROWS": tile.rows,
        "KEYS": tile.keys,
        "LOW": low,
        "HIGH": high,
        "HEAD_DIM": head_dim,
    }
    if direction == "key_value_gradients":
        # Of two passes, dk's takes more registers.
        constants |= {"WANTS_DK": True, "WANTS_DV": head_dim <= TOGETHER}
    if direction == "forward":
        constants["SCALE_LAST"] = not (constants["HAS_SOFTCAP"] or constants["HAS_SLOPES"])
    types = [
        _type(parameter.name, parameter.do_not_specialize, constants, element)
        for parameter in kernel.params
        if not parameter.is_constexpr
    ]
    compiled = Signature(kernel).compile(
        types,
        constants,
        num_warps=tile.warps,
        num_stages=tile.stages,
        capability=divmod(architecture, 10),
    )
    with tempfile.TemporaryDirectory() as folder:
        cubin = Path(folder, "kernel.cubin")
        cubin.write_bytes(compiled.cubin)
        usage = _output("cuobjdump", "-res-usage", cubin)
        code = _output("nvdisasm", "-c", cubin)
    found = re.search(r"REG:(\d+) STACK:(\d+)", usage)
    assert found, usage
    counts = {name: len(re.findall(rf"\b{re.escape(name)}\b", code)) for name in COUNTED}
    return Code(
        registers=int(found[1]),
        stack=int(found[2]),
        shared=compiled.shared,
        instructions={name: count for name, count in counts.items() if count},
    )


def _type(name: str, unspecialized: bool, constants: dict[str, Any], element: str) -> str:
    if name in _ELEMENTS:
        return f"*{element}/16"
    if name in ("lse", "logsumexps", "deltas"):
        return "*fp32/16"
    if name == "slopes":
        return "*fp32/16" if constants["HAS_SLOPES"] else "constexpr"
    if name.startswith("bounds"):
        return "*i32/16" if constants["PACKED"] else "constexpr"
    if name in _FLOATS:
        return "fp32"
    # Heads and totals are often no multiples of 16.
    return "i32" if unspecialized or name in ("stride_lb", "stride_lh", "stride_sb") else "i32/16"


def _output(tool: str, *arguments: Any) -> str:
    return subprocess.run(
        [_tool(tool), *map(str, arguments)], capture_output=True, text=True, check=True
    ).stdout


@cache
def _tool(name: str) -> str:
    path = TOOLS / name
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"Triton {triton.__version__} comes without {name} in {TOOLS}")
    return str(path)
